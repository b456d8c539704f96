"""The client: results and errors typed, events resumed, jobs waited for."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from engine.channel import Address
from engine.client import (
    Client,
    ConnectionLost,
    Event,
    EventStream,
    NoEngine,
    NoReply,
    RequestRejected,
)
from engine.control.connection import Connection
from engine.control.method import Method
from engine.control.params import DrainRequest, JobRef
from engine.errors import EngineError
from engine.store.event_log import EventLog

from .control.test_server import certificate, needs_openssl
from .control_peer import LIMIT_S, Handlers, serving, until


async def take(stream: Any, count: int) -> list[Event]:
    async with asyncio.timeout(LIMIT_S):
        return [await anext(stream) for _ in range(count)]


async def test_result_and_typed_errors(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as served,
        await Client.connect(served.settings.socket) as client,
    ):
        assert await client.call("add", n=41) == 42
        with pytest.raises(EngineError) as refused:
            await client.call("conflict")
        assert (refused.value.kind, refused.value.field) == ("conflict", "id")
        assert refused.value.data == {"job": "j1"}
        with pytest.raises(RequestRejected) as rejected:
            await client.call("add", n="x")
        assert (rejected.value.code, rejected.value.field) == (-32602, "n")
        with pytest.raises(RequestRejected, match=r"no\.such"):
            await client.call("no.such")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("inf"), "n: must be a finite number"),
        ({"deep": [1.0, float("nan")]}, "n: must be a finite number"),
        ("\udcff", "cannot be sent as JSON"),
        (object(), "cannot be sent as JSON"),
        ("x" * 2**20, "bytes long; at most 1048576"),
    ],
)
async def test_what_json_cannot_say_is_not_sent(tmp_path: Path, value: object, reason: str) -> None:
    async with (
        serving(tmp_path) as served,
        await Client.connect(served.settings.socket) as client,
    ):
        with pytest.raises(RequestRejected, match=reason):
            async with asyncio.timeout(LIMIT_S):
                await client.call(
                    "callback.request", to="1", agent="2", context={"none": None}, n=value
                )
        assert await client.call("add", n=1) == 2


async def test_many_requests_share_the_connection(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as served,
        await Client.connect(served.settings.socket) as client,
    ):
        results = await asyncio.gather(*(client.call("add", n=n) for n in range(200)))
        assert results == list(range(1, 201))
        assert served.server.connections == 1


async def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(NoEngine, match="no engine at"):
        await Client.connect(tmp_path / "none.sock")


async def test_request_under_way_when_the_engine_goes_is_lost_and_the_next_reconnects(
    tmp_path: Path,
) -> None:
    handlers = Handlers()
    async with serving(tmp_path, handlers) as served:
        client = await Client.connect(served.settings.socket)
        under_way = asyncio.create_task(client.call("wait", n=1))
        await until(lambda: handlers.waiting)
    with pytest.raises(ConnectionLost):
        await under_way
    with pytest.raises(NoEngine):
        await client.call("ping")
    async with serving(tmp_path):
        assert await client.call("add", n=1) == 2
        await client.close()


async def test_refusal_at_the_door_is_told(tmp_path: Path) -> None:
    async with serving(tmp_path, max_connections=1) as served:
        first = await Client.connect(served.settings.socket)
        await first.call("ping")
        second = await Client.connect(served.settings.socket)
        with pytest.raises(EngineError) as refused:
            await second.call("ping")
        assert refused.value.kind == "unavailable"
        await first.close()
        await second.close()


@needs_openssl
async def test_tcp_with_token(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    tls = ssl.create_default_context(cafile=cert)
    token = "0123456789abcdef"
    settings: dict[str, Any] = {"tls_cert": cert, "tls_key": key, "token": SecretStr(token)}
    async with serving(tmp_path, tcp="127.0.0.1:0", **settings) as served:
        ((host, port),) = served.server.tcp_addresses
        async with await Client.connect(host=host, port=port, token=token, tls=tls) as client:
            assert await client.call("add", n=1) == 2
            async with client.events() as events:
                served.events.publish("test.event")
                assert (await take(events, 1))[0]["seq"] == 1
        with pytest.raises(EngineError, match="wrong token"):
            await Client.connect(host=host, port=port, token="x" * 16, tls=tls)


async def test_events_after_the_subscription_are_all_seen(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await Client.connect(served.settings.socket)
        served.events.publish("test.before")
        async with client.events(["test."]) as events:
            served.events.publish("other.event")
            served.events.publish("test.event")
            (event,) = await take(events, 1)
            assert (event["type"], event["seq"]) == ("test.event", 3)
        async with client.events(since=0) as events:
            assert [event["seq"] for event in await take(events, 3)] == [1, 2, 3]
        await client.close()


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


async def test_events_are_resumed_once_the_engine_has_room_for_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path, max_connections=1) as served:
        admit, refusals = served.server.admit, []

        def admitting(connection: Connection) -> EngineError | None:
            refusals.append(admit(connection))
            return refusals[-1]

        monkeypatch.setattr(served.server, "admit", admitting)
        stream = Client(Address(str(served.settings.socket))).events()
        async with stream:
            for connection in tuple(served.server._connections):
                connection.abort()
            await until(lambda: not served.server.connections)
            other = await served.connect()
            served.events.publish("missed.meanwhile")
            next_event = asyncio.create_task(take(stream, 1))
            await until(lambda: any(refusals))
            await other.close()
            assert [event["type"] for event in await next_event] == ["missed.meanwhile"]


async def test_what_cannot_be_resumed_is_told(tmp_path: Path) -> None:
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


async def test_stream_gives_up_when_told_so(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await Client.connect(served.settings.socket)
        events = client.events(give_up_s=0.0)
        await events.start()
    with pytest.raises(NoEngine):
        await take(events, 1)
    await client.close()


class Jobs(Handlers):
    """callback.get tells the state that the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.state = "queued"

    def table(self) -> dict[str, Method]:
        return super().table() | {"callback.get": Method(JobRef, self.get)}

    async def get(self, params: JobRef, _peer: object) -> dict[str, Any]:
        if params.id != "j1":
            raise EngineError("not_found", f"there is no job {params.id}", field="id")
        return {"id": params.id, "state": self.state}


async def test_job_that_ended_already_is_not_waited_for(tmp_path: Path) -> None:
    handlers = Jobs()
    handlers.state = "failed"
    async with (
        serving(tmp_path, handlers) as served,
        await Client.connect(served.settings.socket) as client,
    ):
        assert await client.wait_for_job("j1") == {"id": "j1", "state": "failed"}
        with pytest.raises(EngineError, match="j2"):
            await client.wait_for_job("j2")


async def test_job_is_waited_for_and_its_events_told(tmp_path: Path) -> None:
    handlers = Jobs()
    async with (
        serving(tmp_path, handlers) as served,
        await Client.connect(served.settings.socket) as client,
        client.events() as events,
    ):
        told: list[str] = []
        waiting = asyncio.create_task(
            client.wait_for_job("j1", lambda event: told.append(event["type"]), events=events)
        )
        served.events.publish("callback.queued", job="j1")
        served.events.publish("callback.completed", job="j2")
        served.events.publish("leg.ringing", job="j1")
        await until(lambda: len(told) == 2)
        assert not waiting.done()
        handlers.state = "completed"
        served.events.publish("callback.completed", job="j1")
        assert (await waiting)["state"] == "completed"
        assert told == ["callback.queued", "leg.ringing", "callback.completed"]


async def test_job_is_waited_for_across_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path, Jobs()) as served:
        client = await Client.connect(served.settings.socket)
        waiting = asyncio.create_task(client.wait_for_job("j1"))
        await until(lambda: served.events.listeners)
        await client.call("ping")
    handlers = Jobs()
    handlers.state = "failed"
    async with serving(tmp_path, handlers, log=EventLog(epoch="e2")):
        async with asyncio.timeout(LIMIT_S):
            assert (await waiting)["state"] == "failed"
        await client.close()


SOON_S = 0.02


async def test_a_reply_that_does_not_come_is_waited_for_no_longer(tmp_path: Path) -> None:
    handlers = Handlers()
    async with (
        serving(tmp_path, handlers) as served,
        await Client.connect(served.settings.socket, reply_s=SOON_S) as client,
    ):
        with pytest.raises(NoReply, match=r"wait: no reply within 0\.02 s"):
            await client.call("wait", n=1)
        handlers.gate.set()
        # The connection is as good as before; the reply that comes late is nobody's.
        assert await client.call("wait", n=2) == 2
        assert served.server.connections == 1


async def test_a_caller_who_gives_up_sooner_is_told_nothing_else(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, Handlers()) as served,
        await Client.connect(served.settings.socket) as client,
    ):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SOON_S):
                await client.call("wait", n=1)


class Draining(Handlers):
    """engine.drain takes its time, as it is told to."""

    def table(self) -> dict[str, Method]:
        return super().table() | {"engine.drain": Method(DrainRequest, self.drain)}

    async def drain(self, params: DrainRequest, _peer: object) -> dict[str, Any]:
        await asyncio.sleep(2 * SOON_S)
        return {"drained": True, "active": 0}


@pytest.mark.parametrize("timeout_s", [None, 2 * SOON_S])
async def test_a_drain_may_take_as_long_as_it_was_given(
    tmp_path: Path, timeout_s: float | None
) -> None:
    async with (
        serving(tmp_path, Draining()) as served,
        await Client.connect(served.settings.socket, reply_s=SOON_S) as client,
    ):
        assert (await client.call("engine.drain", timeout_s=timeout_s))["drained"]
        with pytest.raises(NoReply):
            await client.call("engine.drain", timeout_s=0.001)


async def test_an_engine_that_stands_still_is_none(tmp_path: Path) -> None:
    def accept_and_say_nothing(_reader: object, writer: asyncio.StreamWriter) -> None:
        silent.append(writer)

    silent: list[asyncio.StreamWriter] = []
    path = tmp_path / "silent.sock"
    server = await asyncio.start_unix_server(accept_and_say_nothing, path)
    async with server:
        with pytest.raises(NoReply):
            await Client.connect(path, token="x" * 16, reply_s=SOON_S)
        async with await Client.connect(path, reply_s=SOON_S) as client:
            with pytest.raises(NoReply):
                await client.events(give_up_s=0.0).start()
        for writer in silent:
            writer.close()


async def test_events_may_be_as_far_apart_as_they_like(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as served,
        await Client.connect(served.settings.socket, reply_s=SOON_S) as client,
        client.events() as events,
    ):
        asyncio.get_running_loop().call_later(3 * SOON_S, served.events.publish, "late.event")
        assert [event["type"] for event in await take(events, 1)] == ["late.event"]
        assert served.server.connections == 2


async def test_a_stream_tries_again_where_its_subscription_is_not_answered(
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
