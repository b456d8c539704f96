"""A network between web pages and the engine, whose ways die without a word.

Nothing more passes by what is open at that moment, in neither direction, and nobody is told: no end
of a connection, no ICMP. What is opened afterwards passes. That is what a page meets whose address
is another one from now on, or whose NAT has forgotten it.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from typing import Any, cast

# What the engine tells of its addresses leads through this network, and the engine learns none of
# the page's own: 127.0.0.1:9 is nobody's.
THROUGH = r"""{
  const kind = RTCPeerConnection.prototype;
  const told = kind.setRemoteDescription;
  kind.setRemoteDescription = async function ({ type, sdp }) {
    const lines = [];
    for (const line of sdp.split("\r\n")) {
      const found = /^(a=candidate:\S+ \d+ udp \d+) (\S+) (\d+) (typ host.*)/i.exec(line);
      if (!found) lines.push(line);
      else {
        const port = await wayThrough(found[2], Number(found[3]));
        lines.push([found[1], found[2], port, found[4]].join(" "));
      }
    }
    return told.call(this, { type, sdp: lines.join("\r\n") });
  };
  const own = Object.getOwnPropertyDescriptor(kind, "localDescription").get;
  Object.defineProperty(kind, "localDescription", { get() {
    const described = own.call(this);
    if (!described) return described;
    const nobody = "a=candidate:$1 1 udp 1 127.0.0.1 9 typ host\r\n";
    const sdp = described.sdp.replace(/^a=candidate:(\S+) 1 udp .*\r\n/gim, nobody);
    return { type: described.type, sdp };
  } });
}"""
_ORIGIN = re.compile(rb"^Origin: (\S+)\r$", re.MULTILINE)
_CHUNK_BYTES = 65_536


class Way:
    """A connection, or a pair of UDP ports, of a page of `origin`."""

    def __init__(self, origin: str = "") -> None:
        self.origin = origin
        self.is_dead = False


class DeadNetwork:
    """The ways of pages to an engine. It is closed with the stack."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._ways: list[Way] = []

    def die(self, origin: str) -> None:
        """Nothing passes any more by the ways that pages of this web site have now."""
        for way in self._ways:
            way.is_dead = way.is_dead or way.origin == origin

    async def listen(self, port: int) -> int:
        """A port whose connections lead to this one of the engine's."""

        async def connected(page: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                opening = await page.readuntil(b"\r\n\r\n")
                found = _ORIGIN.search(opening)
                with self._way(found[1].decode() if found else "") as way:
                    reader, engine = await asyncio.open_connection("127.0.0.1", port)
                    engine.write(opening)
                    await asyncio.gather(_pass(page, engine, way), _pass(reader, writer, way))

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        self._stack.callback(server.close)
        own: int = server.sockets[0].getsockname()[1]
        return own

    @contextmanager
    def _way(self, origin: str) -> Iterator[Way]:
        way = Way(origin)
        self._ways.append(way)
        try:
            yield way
        finally:
            self._ways.remove(way)

    async def lead(self, page: Any, origin: str) -> None:
        """The sound of a page that is loaded from now on takes ways of this network."""

        async def way_through(host: str, port: int) -> int:
            way = Way(origin)
            self._ways.append(way)
            loop = asyncio.get_running_loop()
            back = _Datagrams(way)
            to_engine, _ = await loop.create_datagram_endpoint(lambda: back, (host, 0))
            back.peer = host, port
            front = _Datagrams(way)
            to_page, _ = await loop.create_datagram_endpoint(lambda: front, (host, 0))
            front.other, back.other = back, front
            self._stack.callback(to_engine.close)
            self._stack.callback(to_page.close)
            own: int = to_page.get_extra_info("sockname")[1]
            return own

        await page.expose_function("wayThrough", way_through)
        await page.add_init_script(THROUGH)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
    """Pass on what comes, until it ends. The end of a dead way is told to nobody."""
    with suppress(ConnectionError):
        while data := await reader.read(_CHUNK_BYTES):
            if not way.is_dead:
                writer.write(data)
                await writer.drain()
    if way.is_dead:
        await asyncio.Event().wait()
    writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    """One side of a way: what comes is sent on by the other, to who has sent to that last."""

    other: "_Datagrams"
    transport: asyncio.DatagramTransport

    def __init__(self, way: Way) -> None:
        self._way = way
        self.peer: tuple[str, int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if self._way.is_dead:
            return
        self.peer = addr[0], addr[1]
        if self.other.peer is not None:
            self.other.transport.sendto(data, self.other.peer)
