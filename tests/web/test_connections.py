"""How many connections of visitors there may be, and how long one may wait without asking."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from tests.support.waiting import until
from web.api import _read_body
from web.connections import (
    WAITING_BYTES,
    Connections,
    WaitingConnections,
    is_gone,
    streaming,
)
from web.errors import Refusal

LIMIT_S = 40.0
HALF = b"GET / HTTP/1.1\r\nHost: x\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Served:
    """An application that answers "ok", and waits at /slow until `gate` is set."""

    def __init__(self) -> None:
        self.waiting = WaitingConnections()
        self.gate = asyncio.Event()
        self.port = 0
        self.following = 0
        self.server: web.Server | None = None

    @property
    def up(self) -> int:
        """How many connections there are."""
        return 0 if self.server is None else len(self.server.connections)

    @web.middleware
    async def read(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """As the interface does it, before anything is answered."""
        try:
            await _read_body(request)
        except Refusal as refusal:
            return web.Response(status=refusal.status)
        return await handler(request)

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Events that never come."""
        response, changed = web.StreamResponse(), asyncio.Event()
        await response.prepare(request)
        with streaming(request, changed):
            self.following += 1
            await changed.wait()
        assert is_gone(request)
        self.following -= 1
        return response

    async def answer(self, request: web.Request) -> web.Response:
        if request.path == "/slow":
            await self.gate.wait()
        return web.Response(text="ok")

    async def connect(self, said: bytes = b"") -> Streams:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(said)
        await writer.drain()
        return reader, writer


@asynccontextmanager
async def serving(most: int = 3) -> AsyncIterator[Served]:
    served = Served()
    app = web.Application(middlewares=[served.read, served.waiting.answer])
    app.add_routes([web.get("/events", served.follow), web.route("*", "/{any:.*}", served.answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    assert runner.server is not None
    served.server = runner.server
    accept = Connections(runner.server, served.waiting, most).accept
    server = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        await runner.cleanup()


async def is_closed(streams: Streams) -> bool:
    async with asyncio.timeout(LIMIT_S):
        return await streams[0].read() == b""


async def is_answered(streams: Streams) -> bool:
    async with asyncio.timeout(LIMIT_S):
        return (await streams[0].readline()).startswith(b"HTTP/1.1 200")


async def close(*many: Streams) -> None:
    for _, writer in many:
        writer.close()


async def test_the_one_that_waits_longest_gives_way() -> None:
    async with serving(most=3) as served:
        first, second, third = [await served.connect(HALF) for _ in range(3)]
        await until(lambda: served.up == 3)
        visitor = await served.connect(HALF + b"\r\n")
        assert await is_answered(visitor)
        assert await is_closed(first)
        second[1].write(b"\r\n")
        assert await is_answered(second)
        await close(second, third, visitor)


async def test_one_that_is_being_answered_gives_way_to_nobody() -> None:
    async with serving(most=2) as served:
        slow = [await served.connect(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(2)]
        await until(lambda: served.up == 2 and not served.waiting._since)
        another = await served.connect(HALF + b"\r\n")
        assert await is_closed(another)
        served.gate.set()
        for one in slow:
            assert await is_answered(one)
        await close(*slow)


async def test_one_whose_body_is_not_there_gives_way() -> None:
    async with serving(most=2) as served:
        post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"
        slow = [await served.connect(post) for _ in range(2)]
        await until(lambda: served.up == 2)
        visitor = await served.connect(HALF + b"\r\n")
        assert await is_answered(visitor)
        assert await is_closed(slow[0])
        slow[1][1].write(b" more")
        assert await is_answered(slow[1])
        await close(*slow, visitor)


async def test_one_that_follows_events_gives_way_after_those_that_wait() -> None:
    async with serving(most=3) as served:
        follow = HALF.replace(b"/", b"/events", 1) + b"\r\n"
        streams = [await served.connect(follow) for _ in range(2)]
        await until(lambda: served.following == 2)
        half = await served.connect(HALF)
        await until(lambda: served.up == 3)
        first = await served.connect(HALF + b"\r\n")
        assert await is_answered(first)
        assert await is_closed(half)
        assert served.following == 2
        second = await served.connect(HALF)  # in place of the first, which waits again
        async with asyncio.timeout(LIMIT_S):
            await first[0].read()
        second[1].write(b"\r\n")
        assert await is_answered(second)
        served.waiting._since.clear()  # nobody waits any more
        third = await served.connect(HALF + b"\r\n")
        assert await is_answered(third)
        await until(lambda: served.following == 1)
        await close(*streams, second, third)


async def test_who_hangs_up_is_followed_by_nobody() -> None:
    async with serving() as served:
        stream = await served.connect(HALF.replace(b"/", b"/events", 1) + b"\r\n")
        await until(lambda: served.following == 1)
        await close(stream)

        def ended() -> bool:
            served.waiting.end_streams()
            return served.following == 0

        await until(ended)


async def test_who_hangs_up_in_the_body_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as served:
        post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"
        await close(await served.connect(post))
        broken = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"
        chunk = await served.connect(broken)
        async with asyncio.timeout(LIMIT_S):
            assert b" 400 " in await chunk[0].readline()
        await close(chunk)
        await until(lambda: served.up == 0)
    assert "Traceback" not in caplog.text


async def test_one_that_sends_without_an_end_is_closed() -> None:
    async with serving() as served:
        endless = await served.connect()
        async with asyncio.timeout(LIMIT_S):
            with contextlib.suppress(ConnectionError):
                endless[1].write(HALF + b"X-A: b\r\n" * WAITING_BYTES)
                await endless[1].drain()
                await endless[0].read()
        await until(lambda: served.up == 0 and not served.waiting._received)
        half = await served.connect(HALF + b"X-A: " + b"a" * 4000 + b"\r\n\r\n")
        assert await is_answered(half)  # and so is each that comes after an answer
        await close(endless, half)


async def test_what_broken_requests_leave_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[bool] = []
    monkeypatch.setattr("web.connections.gc.collect", lambda: collected.append(True))
    async with serving() as served:
        served.waiting.collect()
        assert not collected
        broken = await served.connect(b"GET / HTTP/1.1\r\nX A\r\n\r\n")
        async with asyncio.timeout(LIMIT_S):
            assert b" 400 " in await broken[0].readline()
        served.waiting.collect()
        assert collected == [True]
        served.waiting.collect()
        assert collected == [True]
        await close(broken)


async def test_those_that_wait_too_long_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.connections.IDLE_S", 0.0)
    monkeypatch.setattr("web.connections._LOOK_EVERY_S", 0.01)
    async with serving() as served:
        kept = await served.connect(HALF + b"\r\n")
        assert await is_answered(kept)
        half = await served.connect(HALF)
        closing = asyncio.create_task(served.waiting.close_idle())
        assert await is_closed(half)
        async with asyncio.timeout(LIMIT_S):
            await kept[0].read()
        closing.cancel()
        await close(half, kept)


async def test_those_that_wait_for_less_are_left_alone() -> None:
    async with serving() as served:
        began = asyncio.get_running_loop().time()
        half = await served.connect(HALF)
        await until(lambda: served.up == 1)
        served.waiting.close_before(began)
        half[1].write(b"\r\n")
        assert await is_answered(half)
        await close(half)


async def test_a_body_has_to_come_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.api.BODY_S", 0.01)

    class Slow:
        async def read(self) -> bytes:
            await asyncio.Event().wait()
            return b""

    with pytest.raises(Refusal) as found:
        await _read_body(Slow())  # type: ignore[arg-type]
    assert found.value.status == 408


async def test_one_that_is_closed_already_is_forgotten() -> None:
    waiting = WaitingConnections()
    waiting.add(asyncio.Protocol())
    assert not waiting.close_one()
    assert not waiting.close_one(), "it is no longer waited for"
    assert waiting.admit(asyncio.Protocol(), 2 * WAITING_BYTES), "one that is being answered"
