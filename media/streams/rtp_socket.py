"""The UDP socket of a stream, connected to the port of its leg at a media worker."""

import asyncio
import contextlib
import socket
from collections.abc import Callable


class RtpSocket(asyncio.DatagramProtocol):
    """Takes packets from `host` and `port` alone, and sends there."""

    def __init__(self, host: str, port: int, on_packet: Callable[[bytes], None]) -> None:
        self._peer = (host, port)
        self._on_packet = on_packet
        self._transport: asyncio.DatagramTransport | None = None
        self._socket: socket.socket | None = None

    async def open(self) -> None:
        """Bind and connect. Raises OSError."""
        family = socket.AF_INET6 if ":" in self._peer[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            # On the worker's own address: what reaches it comes from this machine.
            self._socket.bind((self._peer[0], 0))
            self._socket.connect(self._peer)
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: self, sock=self._socket
            )
        except BaseException:
            self._socket.close()
            raise

    @property
    def address(self) -> tuple[str, int]:
        """Where the worker is to send."""
        assert self._socket is not None
        host, port = self._socket.getsockname()[:2]
        return host, port

    def send(self, packet: bytes) -> None:
        """Send one packet; nothing where that is not possible now."""
        if self._transport is not None and self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.send(packet)

    def datagram_received(self, data: bytes, _addr: object) -> None:
        self._on_packet(data)

    def error_received(self, exc: Exception) -> None:
        """The worker's port is not open yet, or no more: what is sent is lost."""

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None
