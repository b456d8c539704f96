"""Events: all of them, resumed after a loss, and what was missed is reported."""

import asyncio
from pathlib import Path

import pytest

from engine.control.connections.connection import Connection
from engine.store.event_log import EventLog
from ringback_client import (
    Client,
    ConnectionLost,
    EventStream,
    NoEngine,
    NoReply,
)
from ringback_client.connection import Address
from tests.support.control_server import serving, without_privileges
from tests.support.waiting import until

from .events import take


async def test_every_event_after_the_subscription_is_delivered(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await Client.connect(served.settings.socket)
        served.events.publish("test.before")
        async with client.events(["call."]) as events:
            served.events.publish("other.event")
            served.events.publish("call.incoming")
            (event,) = await take(events, 1)
            assert (event["type"], event["seq"]) == ("call.incoming", 3)
        async with client.events(since=0) as events:
            assert [event["seq"] for event in await take(events, 3)] == [1, 2, 3]
        await client.close()


async def test_requests_go_by_the_connection_of_a_stream(tmp_path: Path) -> None:
    async with serving(tmp_path, max_connections=1) as served:
        stream = Client(Address(str(served.settings.socket))).events()
        with pytest.raises(ConnectionLost):
            await stream.call("ping")
        async with stream:
            asked, published = asyncio.create_task(stream.call("ping")), served.events.publish
            published("test.event")
            assert await asked is not None
            assert [event["type"] for event in await take(stream, 1)] == ["test.event"]
            assert len(served.server._connections) == 1


async def test_events_resume_after_a_broken_connection(tmp_path: Path) -> None:
    log = EventLog(epoch="e1")
    async with serving(tmp_path, log=log) as served:
        client = await Client.connect(served.settings.socket)
        events = client.events()
        await events.start()
        log.publish("test.event")
        assert [event["seq"] for event in await take(events, 1)] == [1]
    log.publish("test.event")
    async with serving(tmp_path, log=log):
        log.publish("test.event")
        assert [event["seq"] for event in await take(events, 2)] == [2, 3]
        await events.close()
        await client.close()


async def test_stream_resumes_when_the_engine_has_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_privileges(monkeypatch)
    async with serving(tmp_path, max_connections=1) as served:
        add, refused = served.server.add_connection, []

        def adding(connection: Connection) -> None:
            add(connection)
            refused.append(connection.is_refused)

        monkeypatch.setattr(served.server, "add_connection", adding)
        stream = Client(Address(str(served.settings.socket))).events()
        async with stream:
            for connection in tuple(served.server._connections):
                connection.abort()
            await until(lambda: not served.server.connections)
            other = await served.connect()
            await other.ask("events.subscribe")
            served.events.publish("missed.meanwhile")
            next_event = asyncio.create_task(take(stream, 1))
            await until(lambda: any(refused))
            await other.close()
            assert [event["type"] for event in await next_event] == ["missed.meanwhile"]


async def test_gap_says_what_was_missed(tmp_path: Path) -> None:
    log = EventLog(epoch="e1", capacity=2)
    async with serving(tmp_path, log=log) as served:
        client = await Client.connect(served.settings.socket)
        events = client.events()
        await events.start()
        log.publish("test.event")
        await take(events, 1)
    for _ in range(5):
        log.publish("test.event")
    async with serving(tmp_path, log=log):
        gap, *rest = await take(events, 3)
        assert (gap["type"], gap["from"], gap["to"]) == ("client.gap", 2, 4)
        assert [event["seq"] for event in rest] == [5, 6]
        (end,) = await take(events, 1)
        assert (end["type"], end["seq"]) == ("snapshot.end", 6)
    restarted = EventLog(epoch="e2")
    restarted.publish("engine.started")
    async with serving(tmp_path, log=restarted):
        gap, started = await take(events, 2)
        assert (gap["from"], gap["to"], gap["reason"], gap["epoch"]) == (7, None, "epoch", "e2")
        assert (started["type"], started["seq"], started["epoch"]) == ("engine.started", 1, "e2")
        assert (events.seq, events.epoch) == (1, "e2")
        await events.close()
        await client.close()


async def test_slow_consumer_resumes_by_itself(tmp_path: Path) -> None:
    async with serving(tmp_path, slow_reader_bytes=64 << 10) as served:
        client = await Client.connect(served.settings.socket)
        async with client.events() as events:
            # Too much for what fits between engine and consumer while nobody consumes: the
            # engine's buffer, the kernel's, and the client's.
            for _ in range(30):
                for _ in range(400):
                    served.events.publish("test.event", text="x" * 4000)
                await asyncio.sleep(0)
            assert served.events.listeners == 0
            assert [event["seq"] for event in await take(events, 12_000)] == list(range(1, 12_001))
        await client.close()


async def test_stream_gives_up_after_its_limit(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await Client.connect(served.settings.socket)
        events = client.events(give_up_s=0.0)
        await events.start()
    with pytest.raises(NoEngine):
        await take(events, 1)
    await client.close()


SOON_S = 0.02


async def test_time_between_events_has_no_limit(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as served,
        await Client.connect(served.settings.socket, reply_s=SOON_S) as client,
        client.events() as events,
    ):
        asyncio.get_running_loop().call_later(3 * SOON_S, served.events.publish, "late.event")
        assert [event["type"] for event in await take(events, 1)] == ["late.event"]
        assert served.server.connections == 2


async def test_stream_retries_an_unanswered_subscription(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path) as served:
        stream = Client(Address(str(served.settings.socket)), reply_s=SOON_S).events()
        await stream.start()
        start, refusals = EventStream.start, [NoReply("no reply")]

        async def starting(self: EventStream) -> EventStream:
            if refusals:
                raise refusals.pop()
            return await start(self)

        monkeypatch.setattr(EventStream, "start", starting)
        for connection in tuple(served.server._connections):
            connection.abort()
        served.events.publish("missed.meanwhile")
        assert [event["type"] for event in await take(stream, 1)] == ["missed.meanwhile"]
        await stream.close()
