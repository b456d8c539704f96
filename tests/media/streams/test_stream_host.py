"""The stream host in this process: its commands, and that one stream does not end another."""

import asyncio
import contextlib
import socket

import pytest
from aiohttp import web

from media.priority import Precedence
from media.protocol.channel import Connection
from media.streams.bot_stream import BotStream
from media.streams.messages import (
    CloseStream,
    Command,
    Event,
    OpenStream,
    Service,
    SpeakCodec,
    StreamClosed,
    StreamEnded,
    StreamReady,
    TellBot,
    event_decoder,
)
from media.streams.stream_host import serve
from tests.support.arrivals import Arrivals
from tests.support.bots import bot_that, ready

LIMIT_S = 60.0


async def event(events: Arrivals[Event], kind: type[Event], stream: str) -> None:
    """Wait for the event of this kind of a stream."""
    await events.wait_for(
        lambda one: isinstance(one, kind) and one.stream == stream, timeout_s=LIMIT_S
    )


async def connected_host(
    events: Arrivals[Event],
) -> tuple[Connection[Command, Event], asyncio.Future[None]]:
    """The engine's end of the connection with a host, and the host at its work."""

    def receive(found: list[Event]) -> None:
        for event in found:
            events.add(event)

    ours, theirs = socket.socketpair()
    serving = asyncio.ensure_future(serve(theirs, Precedence(0)))
    engine: Connection[Command, Event] = Connection(event_decoder, receive, lambda _reason: None)
    await asyncio.get_running_loop().create_connection(lambda: engine, sock=ours)
    return engine, serving


async def test_commands_are_carried_out_until_the_engine_has_gone() -> None:
    said: asyncio.Queue[str] = asyncio.Queue()

    async def bot(connected: web.WebSocketResponse) -> None:
        await ready(connected)
        async for message in connected:
            if isinstance(message.data, str):
                said.put_nowait(message.data)

    events: Arrivals[Event] = Arrivals()
    loop = asyncio.get_running_loop()
    engine, serving = await connected_host(events)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as leg:
        leg.bind(("127.0.0.1", 0))
        leg.setblocking(False)
        async with bot_that(bot) as server:
            service = Service(server.url)
            engine.send(OpenStream("one", service, b"{}", *leg.getsockname()))
            engine.send(OpenStream("bad", service, b"no JSON", *leg.getsockname()))
            await event(events, StreamReady, "one")
            await event(events, StreamEnded, "bad")
            async with asyncio.timeout(LIMIT_S):
                assert len(await loop.sock_recv(leg, 2000)) == 12 + 160  # the clock runs
            engine.send(TellBot("one", '{"type":"dtmf"}'))
            engine.send(TellBot("none", "nobody"))
            engine.send(SpeakCodec("one", "PCMA"))
            engine.send(SpeakCodec("none", "PCMA"))
            async with asyncio.timeout(LIMIT_S):
                assert await said.get() == '{"type":"dtmf"}'
            engine.send(CloseStream("none", "not there"))
            engine.send(CloseStream("one", "enough"))
            for name in ("none", "one"):
                await event(events, StreamClosed, name)
            engine.send(OpenStream("two", service, b"{}", *leg.getsockname()))
            await event(events, StreamReady, "two")
            engine.close()
            async with asyncio.timeout(LIMIT_S):
                await serving


async def test_a_stream_that_fails_in_a_frame_ends_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def bot(connected: web.WebSocketResponse) -> None:
        await ready(connected)
        async for _message in connected:
            pass

    tick, packet_received = BotStream.tick, BotStream._packet_received

    def fail(stream: BotStream, *_args: object) -> None:
        raise ValueError("a fault of ours")

    def failing_tick(stream: BotStream, now: float, missed: int) -> None:
        (fail if stream._order.stream == "bad" else tick)(stream, now, missed)

    def failing_packet(stream: BotStream, packet: bytes) -> None:
        (fail if packet == b"bad" else packet_received)(stream, packet)

    events: Arrivals[Event] = Arrivals()
    loop = asyncio.get_running_loop()
    engine, serving = await connected_host(events)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as leg,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        for sock in (leg, other):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        async with bot_that(bot) as server:
            monkeypatch.setattr(BotStream, "tick", failing_tick)
            monkeypatch.setattr(BotStream, "_packet_received", failing_packet)
            for name, line in (("bad", leg), ("one", leg), ("two", other)):
                engine.send(OpenStream(name, Service(server.url), b"{}", *line.getsockname()))
            for name in ("one", "two"):
                await event(events, StreamReady, name)
            await event(events, StreamEnded, "bad")
            async with asyncio.timeout(LIMIT_S):
                _data, address = await loop.sock_recvfrom(other, 2000)
            other.sendto(b"bad", address)
            await event(events, StreamEnded, "two")
            ended = [one for one in events.items if isinstance(one, StreamEnded)]
            assert {(one.stream, one.cause, one.failure) for one in ended} == {
                (name, "internal error of the stream host", "failed") for name in ("bad", "two")
            }
            with contextlib.suppress(BlockingIOError):
                while leg.recv(2000):
                    pass
            async with asyncio.timeout(LIMIT_S):
                assert len(await loop.sock_recv(leg, 2000)) == 12 + 160  # the other is served
            engine.send(CloseStream("one", "enough"))
            await event(events, StreamClosed, "one")
            engine.close()
            async with asyncio.timeout(LIMIT_S):
                await serving
