"""Plain RTP or RTCP on loopback, where the media worker has the other end."""

import asyncio
from collections.abc import Callable
from typing import Final

LOOPBACK: Final = "127.0.0.1"


class PlainSide(asyncio.DatagramProtocol):
    """One UDP socket on loopback. Takes datagrams from the one address that it is told alone."""

    def __init__(self, on_datagram: Callable[[bytes], None]) -> None:
        self._on_datagram = on_datagram
        self._transport: asyncio.DatagramTransport | None = None
        self.peer: tuple[str, int] | None = None

    async def open(self) -> int:
        """Bind; returns the port. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(LOOPBACK, 0)
        )
        return int(self._transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """See asyncio.DatagramProtocol."""
        if addr == self.peer:
            self._on_datagram(data)

    def send(self, data: bytes) -> None:
        """Send to the peer; nothing while there is none."""
        if self._transport is not None and self.peer is not None:
            self._transport.sendto(data, self.peer)

    def close(self) -> None:
        """Release the port."""
        if self._transport is not None:
            self._transport.close()
