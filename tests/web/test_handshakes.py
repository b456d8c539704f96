"""TLS of the gateway itself: a bounded number of handshakes, each for a bounded time."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import cast

import pytest
import uvloop

from tests.support.certificates import Authority
from tests.support.waiting import until
from web.handshakes import Handshakes
from web.listeners import listen

LIMIT_S = 30.0


class Echo(asyncio.Protocol):
    """Sends back what comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Desk:
    """Handshakes for echoes at a port."""

    def __init__(self, directory: Path, most: int = 2, limit_s: float = LIMIT_S) -> None:
        certificate = Authority(directory).certificate("127.0.0.1")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.cert, certificate.key)
        self.trusted = certificate.client_context(shows=False)
        self.most = most
        self.writers: list[asyncio.StreamWriter] = []
        self.handshakes = Handshakes(lambda: context, Echo, most, limit_s)
        self.port = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        (listener,) = listen("127.0.0.1", 0, 10)
        self.port = listener.getsockname()[1]
        serving = asyncio.get_running_loop().create_task(self.handshakes.serve(listener))
        try:
            async with asyncio.timeout(LIMIT_S):
                yield
        finally:
            serving.cancel()
            await asyncio.wait([serving])
            listener.close()
            for writer in self.writers:
                writer.close()

    async def silent(self, host: str = "127.0.0.1") -> asyncio.StreamReader:
        """A connection that never begins its handshake."""
        before = self.handshakes.count
        reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(host, 0)
        )
        self.writers.append(self.writer)  # it is closed once nobody holds it
        await until(lambda: self.handshakes.count > before or before == self.most)
        return reader

    async def echoed(self) -> None:
        """A connection whose first bytes come with the end of its handshake."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.trusted)
        for text in (b"first", b"second"):
            writer.write(text)
            assert await reader.readexactly(len(text)) == text
        writer.close()


async def _oldest_gives_way(directory: Path) -> None:
    desk = Desk(directory)
    async with desk.open():
        oldest, next_one = await desk.silent(), await desk.silent()
        await desk.silent()
        assert await _rest(oldest) == b""
        assert desk.handshakes.count == 2
        await desk.echoed()
        assert await _rest(next_one) == b""
        await until(lambda: desk.handshakes.count == 1)


async def _rest(reader: asyncio.StreamReader) -> bytes:
    with suppress(ConnectionError):
        return await reader.read()
    return b""


async def test_the_oldest_handshake_gives_way_and_who_completes_one_gets_in(
    tmp_path: Path,
) -> None:
    await _oldest_gives_way(tmp_path)


async def test_who_opens_many_gives_way_to_themselves(tmp_path: Path) -> None:
    desk = Desk(tmp_path, most=3)
    async with desk.open():
        far = await desk.silent("127.0.0.9")  # its answers take their time
        greedy = [await desk.silent() for _ in range(5)]
        for one in greedy[:3]:
            assert await _rest(one) == b""
        assert desk.handshakes.count == 3 and not far.at_eof()
        await desk.echoed()
        assert not far.at_eof()


def test_so_it_is_with_the_loop_of_the_gateway(tmp_path: Path) -> None:
    uvloop.run(_oldest_gives_way(tmp_path))


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"])
async def test_a_handshake_that_is_not_completed_is_given_up(tmp_path: Path, sent: bytes) -> None:
    desk = Desk(tmp_path, limit_s=0.2)
    async with desk.open():
        reader = await desk.silent()
        desk.writer.write(sent)
        await _rest(reader)
        await until(lambda: desk.handshakes.count == 0)


async def test_those_under_way_are_given_up_at_the_end(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    async with desk.open():
        reader = await desk.silent()
    async with asyncio.timeout(LIMIT_S):
        assert await _rest(reader) == b""
        await until(lambda: desk.handshakes.count == 0)


async def test_a_listener_that_accepts_nothing_is_tried_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    loop = asyncio.get_running_loop()
    accept, failures = loop.sock_accept, [OSError(24, "Too many open files")]

    async def accept_later(listener: socket.socket) -> object:
        if failures:
            raise failures.pop()
        return await accept(listener)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "sock_accept", accept_later)
        async with desk.open():
            await desk.echoed()
    assert failures == []
