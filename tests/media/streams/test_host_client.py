"""The stream host as the engine sees it: started when needed, and its death is told."""

import asyncio
import os
import signal
import socket
import sys
from typing import Any

import pytest
from aiohttp import web

from media.streams.host_client import HostClient, HostFailed
from media.streams.messages import (
    Event,
    OpenStream,
    Service,
    StreamClosed,
    StreamEnded,
    StreamReady,
)
from tests.support.arrivals import Arrivals
from tests.support.bots import bot_that, ready

LIMIT_S = 60.0


async def event(events: Arrivals[Event], kind: type[Event], stream: str) -> Any:
    """The event of this kind of a stream."""
    return await events.wait_for(
        lambda one: isinstance(one, kind) and one.stream == stream, timeout_s=LIMIT_S
    )


async def test_streams_are_opened_told_closed_and_lost_with_the_process() -> None:
    said: asyncio.Queue[str] = asyncio.Queue()

    async def serve(connected: web.WebSocketResponse) -> None:
        await ready(connected)
        async for message in connected:
            if isinstance(message.data, str):
                said.put_nowait(message.data)

    events: Arrivals[Event] = Arrivals()
    host = HostClient(events.add)
    assert host.pid is None and not host.close("s1", "it is not there")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as leg:
        leg.bind(("127.0.0.1", 0))
        async with bot_that(serve) as bot:
            for name in ("s1", "s2"):
                await host.open(OpenStream(name, Service(bot.url), b"{}", *leg.getsockname()))
                await event(events, StreamReady, name)
            host.tell_bot("s1", '{"type":"dtmf"}')
            host.tell_bot("s3", "nobody")
            for name in ("s1", "s3"):
                host.speak_codec(name, "PCMA")
            async with asyncio.timeout(LIMIT_S):
                assert await said.get() == '{"type":"dtmf"}'
            assert host.close("s1", "enough")
            await event(events, StreamClosed, "s1")
            async with asyncio.timeout(LIMIT_S):
                assert '"enough"' in await said.get()
            assert not host.close("s1", "twice")
            pid = host.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            ended = await event(events, StreamEnded, "s2")
            assert ended.failure == "failed"
            assert host.pid is None
            await host.open(OpenStream("s4", Service(bot.url), b"{}", *leg.getsockname()))
            await event(events, StreamReady, "s4")
            nobody = Service("ws://127.0.0.1:9/")
            await host.open(OpenStream("s5", nobody, b"{}", *leg.getsockname(), retries=0))
            assert (await event(events, StreamEnded, "s5")).failure == "unreachable"
            assert not host.close("s5", "it has ended")
            assert host.pid not in (None, pid)
            await host.stop()
    assert {one.stream for one in events.items} == {"s1", "s2", "s4", "s5"}
    await HostClient(events.add).stop()


async def test_a_host_that_cannot_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    host = HostClient(lambda _event: None)
    with pytest.raises(HostFailed, match="cannot start"):
        await host.open(OpenStream("s1", Service("ws://127.0.0.1:1/"), b"{}", "127.0.0.1", 4000))
