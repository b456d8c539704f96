"""One stream in the host: what the leg hears, what the bot hears, and how it ends."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from media.streams import bot_stream
from media.streams.bot_stream import BotStream
from media.streams.connector import PING_S, Connector
from media.streams.messages import (
    BotAsks,
    Event,
    OpenStream,
    Service,
    StreamEnded,
    StreamInterrupted,
    StreamReady,
    StreamResumed,
)
from tests.support.arrivals import Arrivals
from tests.support.bots import bot_that, ready
from tests.support.media.leg_port import LegPort

LIMIT_S = 60.0
SILENCE = 0xFF
Serve = Callable[[web.WebSocketResponse], Awaitable[None]]


class Stage:
    """A stream under way. `tick` lets 20 ms pass for it."""

    def __init__(self, stream: BotStream, leg: LegPort, events: Arrivals[Event]) -> None:
        self.stream, self.leg, self.events = stream, leg, events
        self._now = 100.0

    def tick(self, count: int = 1) -> None:
        for _ in range(count):
            self._now += 0.02
            self.stream.tick(self._now, 0)

    def tick_after(self, missed: int) -> None:
        """Tick once after a time in which the process did not run."""
        self._now += 0.02 * (missed + 1)
        self.stream.tick(self._now, missed)

    async def event(self, kind: type[Event]) -> Any:
        return await self.events.wait_for(lambda one: isinstance(one, kind), timeout_s=LIMIT_S)

    async def heard(self, value: int) -> None:
        """Let time pass until the leg hears this value."""
        async with asyncio.timeout(LIMIT_S):
            while not self.leg.payloads.that(lambda payload: payload[:1] == bytes([value])):
                self.tick()
                await asyncio.sleep(0.005)


@asynccontextmanager
async def stage_with(serve: Serve, **order: Any) -> AsyncIterator[Stage]:
    """A stream between a leg and a bot that serves by `serve`."""
    connector, leg, events = Connector(), LegPort(), Arrivals[Event]()
    await leg.open()
    async with bot_that(serve) as bot:
        order = {"rate_hz": 8000} | order
        opened = OpenStream("s1", Service(bot.url), b'{"call":"c1"}', *leg.address, **order)
        stream = BotStream(opened, connector, events.add, lambda: None)
        running = asyncio.ensure_future(stream.run())
        try:
            yield Stage(stream, leg, events)
        finally:
            stream.end_with("the test is over")
            running.cancel()
            await asyncio.wait([running])
            leg.close()
            await connector.close()


def pcm(samples: int) -> bytes:
    """A loud constant."""
    return struct.pack("<h", 8031) * samples


async def test_leg_and_bot_hear_each_other() -> None:
    received: asyncio.Queue[Any] = asyncio.Queue()

    async def serve(socket: web.WebSocketResponse) -> None:
        received.put_nowait(await ready(socket))
        await socket.send_bytes(pcm(500))
        await socket.send_json({"type": "mark", "name": "end"})
        async for message in socket:
            received.put_nowait(message.data)

    async with stage_with(serve) as stage:
        opened = await stage.event(StreamReady)
        start = await received.get()
        assert start["call"] == "c1" and start["stream"] == "s1"
        assert (start["rate_hz"], start["frame_ms"], start["encoding"]) == (8000, 20, "s16le")
        await stage.heard(0xA0)
        stage.leg.send(0x10, (opened.host, opened.port))
        found: list[Any] = []
        async with asyncio.timeout(LIMIT_S):
            while {type(one) for one in found} != {bytes, str}:
                stage.tick()
                await asyncio.sleep(0.005)
                while not received.empty():
                    found.append(received.get_nowait())
        frames = [one for one in found if isinstance(one, bytes)]
        assert len(frames[0]) == 320
        first = next(n for n, one in enumerate(stage.leg.payloads.items) if one[0] != SILENCE)
        assert stage.leg.markers[first]
        assert stage.stream.figures.heard_ms > 0


async def test_a_bot_is_heard_wide_where_the_leg_is_and_in_another_codec_from_when_it_is() -> None:
    high = struct.pack("<4h", 8000, 0, -8000, 0) * 400  # a quarter of 16 kHz

    async def serve(socket: web.WebSocketResponse) -> None:
        await ready(socket)
        await socket.send_bytes(high)
        await socket.receive()

    async with stage_with(serve, rate_hz=16000, codec="L16/16000") as stage:
        await stage.event(StreamReady)
        async with asyncio.timeout(LIMIT_S):
            while not stage.leg.payloads.that(
                lambda one: one[:8] == struct.pack(">4h", 8000, 0, -8000, 0)
            ):
                stage.tick()
                await asyncio.sleep(0.005)
        stage.stream.speak_codec("PCMA")
        stage.tick(2)
        async with asyncio.timeout(LIMIT_S):
            await stage.leg.payloads.wait_for(lambda one: len(one) == 160, timeout_s=LIMIT_S)
        sizes = [len(one) for one in stage.leg.payloads.items]
        assert set(sizes[: sizes.index(160)]) == {640}


async def test_what_was_missed_while_the_process_was_held_up_follows_at_once() -> None:
    async def serve(socket: web.WebSocketResponse) -> None:
        await ready(socket)
        await socket.send_bytes(pcm(160 * 12))
        await socket.receive()

    async with stage_with(serve) as stage:
        await stage.event(StreamReady)
        await stage.heard(0xA0)
        before = len(stage.leg.payloads.items)
        heard_ms = stage.stream.figures.heard_ms
        stage.tick_after(5)
        await stage.leg.payloads.wait_for(lambda _one: True, timeout_s=LIMIT_S, nth=before + 6)
        assert stage.stream.figures.heard_ms == heard_ms + 120
        stage.tick_after(50)  # no more than there is, and no silence for what is past
        async with asyncio.timeout(LIMIT_S):
            await stage.heard(SILENCE)
        assert stage.stream.figures.heard_ms == 240
        assert len(set(stage.leg.timestamps)) == len(stage.leg.timestamps)


async def test_marks_and_clear_tell_what_was_heard() -> None:
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def serve(socket: web.WebSocketResponse) -> None:
        await ready(socket)
        await socket.send_bytes(pcm(160 * 50))
        await socket.send_json({"type": "mark", "name": "half"})
        await socket.send_bytes(pcm(160 * 50))
        await socket.send_json({"type": "mark", "name": "end"})
        async for message in socket:
            said = message.json()
            told.put_nowait(said)
            if said["type"] == "mark" and not said["is_cleared"]:
                await socket.send_json({"type": "pause"})
            elif said["type"] == "paused":
                await socket.send_json({"type": "resume"})
            elif said["type"] == "resumed":
                await socket.send_json({"type": "clear"})

    async with stage_with(serve) as stage:
        await stage.event(StreamReady)
        found: dict[str, dict[str, Any]] = {}
        async with asyncio.timeout(LIMIT_S):
            while "cleared" not in found:
                if "mark" not in found:
                    stage.tick()
                await asyncio.sleep(0.002)
                while not told.empty():
                    said = told.get_nowait()
                    found.setdefault(said["type"], said)
                    if said["type"] == "mark":
                        found[said["name"]] = said
        assert found["half"] == {
            "type": "mark", "name": "half", "heard_ms": 1000, "is_cleared": False,
        }  # fmt: skip
        assert found["paused"]["queued_ms"] + found["paused"]["heard_ms"] == 2000
        assert found["end"]["is_cleared"] is True
        heard_ms = found["cleared"]["heard_ms"]
        assert found["cleared"]["dropped_ms"] == 2000 - heard_ms
        assert found["heard"]["heard_ms"] >= 1000


async def test_what_has_no_room_is_told_once_and_in_the_end_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bot_stream, "_MOST_OVERFLOW_MS", 1500)
    told: list[dict[str, Any]] = []

    async def serve(socket: web.WebSocketResponse) -> None:
        await ready(socket)
        await socket.send_bytes(pcm(160 * 100))
        told.append(await socket.receive_json())
        await socket.send_bytes(pcm(160 * 60))
        async for message in socket:
            told.append(message.json())

    async with stage_with(serve, ahead_ms=1000) as stage:
        ended = await stage.event(StreamEnded)
        assert ended.failure == "failed" and "too much" in ended.cause
    assert told[0] == {"type": "overflow", "ahead_ms": 1000, "heard_ms": 0}
    assert [one["type"] for one in told] == ["overflow", "error"]


async def test_a_bot_asks_the_engine_and_stops_the_stream() -> None:
    async def serve(socket: web.WebSocketResponse) -> None:
        await ready(socket)
        await socket.send_json({"type": "handover", "queue": "sales"})
        await socket.send_json({"type": "ready"})
        assert (await socket.receive_json())["type"] == "error"
        await socket.send_json({"type": "stop", "reason": "done"})
        await socket.receive()

    async with stage_with(serve) as stage:
        asked = await stage.event(BotAsks)
        assert b"sales" in asked.request
        ended = await stage.event(StreamEnded)
        assert (ended.cause, ended.failure) == ("done", None)


async def test_a_bot_that_asks_the_engine_all_the_time_is_given_up() -> None:
    async def serve(socket: web.WebSocketResponse) -> None:
        await ready(socket)
        for _ in range(1000):
            await socket.send_json({"type": "handover", "queue": "sales"})
        await socket.receive()

    async with stage_with(serve) as stage:
        ended = await stage.event(StreamEnded)
        assert (ended.cause, ended.failure) == ("the bot asks for too much", "failed")


async def test_a_lost_connection_is_tried_again_and_the_bot_told_what_was_heard() -> None:
    starts: list[dict[str, Any]] = []

    async def serve(socket: web.WebSocketResponse) -> None:
        starts.append(await ready(socket))
        if len(starts) == 1:
            await socket.send_bytes(pcm(320))
            await socket.receive()
        else:
            await socket.receive()

    async with stage_with(serve) as stage:
        opened = await stage.event(StreamReady)
        await stage.heard(0xA0)
        stage.tick(3)
        stage.leg.send(0x10, (opened.host, opened.port))  # which lets the bot go away
        await stage.event(StreamInterrupted)
        resumed = await stage.event(StreamResumed)
        assert resumed.attempts == 1
        stage.tick(5)  # the leg hears on
        assert stage.stream.figures.reconnects == 1
    assert [one["reconnects"] for one in starts] == [0, 1]
    assert starts[1]["heard_ms"] == 40


async def test_what_a_bot_is_not_sent_while_its_connection_is_lost_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bot_stream, "FIRST_RETRY_S", LIMIT_S)

    async def serve(socket: web.WebSocketResponse) -> None:
        await ready(socket)
        await socket.receive()

    async with stage_with(serve) as stage:
        opened = await stage.event(StreamReady)
        stage.leg.send(0x10, (opened.host, opened.port))  # which lets the bot go away
        await stage.event(StreamInterrupted)
        before = stage.stream.figures
        async with asyncio.timeout(LIMIT_S):
            while stage.stream.figures.lost_ms < before.lost_ms + 60:
                stage.leg.send(0x10, (opened.host, opened.port))
                await asyncio.sleep(0.005)
        assert stage.stream.figures.sent_ms == before.sent_ms


async def test_what_was_paused_stays_so_until_the_next_connection_resumes_it() -> None:
    starts: list[dict[str, Any]] = []

    async def serve(socket: web.WebSocketResponse) -> None:
        starts.append(await ready(socket))
        if len(starts) == 1:
            await socket.send_json({"type": "pause"})
            await socket.send_bytes(pcm(320))
            while "paused" not in (await socket.receive()).data:
                pass
        else:
            await socket.send_json({"type": "resume"})
            await socket.receive()

    async with stage_with(serve) as stage:
        await stage.event(StreamResumed)
        await stage.heard(0xA0)
    assert [one["is_paused"] for one in starts] == [False, True]
    assert [one["queued_ms"] for one in starts] == [0, 40]


async def test_a_bot_that_is_never_there_is_given_up_after_its_tries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bot_stream, "FIRST_RETRY_S", 0.01)
    came: list[None] = []

    async def serve(socket: web.WebSocketResponse) -> None:
        came.append(None)
        await socket.close()

    async with stage_with(serve, retries=2) as stage:
        ended = await stage.event(StreamEnded)
        assert (ended.failure, len(came)) == ("unreachable", 3)


def test_a_connection_on_which_no_ping_is_answered_was_no_good_one() -> None:
    assert bot_stream._GOOD_S > 1.5 * PING_S + 1.0


async def test_a_bot_that_keeps_going_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot_stream, "FIRST_RETRY_S", 0.001)
    monkeypatch.setattr(bot_stream, "_MOST_RECONNECTS", 2)
    monkeypatch.setattr(bot_stream, "_GOOD_S", 0.0)

    async def serve(socket: web.WebSocketResponse) -> None:
        await ready(socket)
        await socket.close()

    async with stage_with(serve, retries=3) as stage:
        ended = await stage.event(StreamEnded)
        assert (ended.failure, ended.figures.reconnects) == ("failed", 2)


async def test_a_leg_that_cannot_be_reached_is_no_stream() -> None:
    async def serve(socket: web.WebSocketResponse) -> None:
        await socket.receive()

    connector, events = Connector(), Arrivals[Event]()
    order = OpenStream("s1", Service("ws://127.0.0.1:1/"), b"{}", "192.0.2.1", 4000)
    stream = BotStream(order, connector, events.add, lambda: None)
    stream.tick(1.0, 0)
    await stream.run()
    (ended,) = events.items
    assert isinstance(ended, StreamEnded) and ended.failure == "unreachable"
    assert "no RTP" in ended.cause
    await connector.close()
