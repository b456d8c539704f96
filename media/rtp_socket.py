"""A UDP socket for plain RTP or RTCP, whose other end is a leg of a media worker on this host."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from .isolation import each_alone


class RtpSocket(asyncio.DatagramProtocol):
    """Takes packets from the one address that it is connected with, and sends there.

    `on_packet` gets each packet; `on_failed` is called where it fails, by a defect of ours. Before
    `connect`, nothing is taken and nothing sent.
    """

    def __init__(self, on_packet: Callable[[bytes], None], on_failed: Callable[[], None]) -> None:
        self._on_packet = on_packet
        self._on_failed = on_failed
        self._transport: asyncio.DatagramTransport | None = None
        self._socket: socket.socket | None = None
        self._peer: tuple[str, int] | None = None

    async def open(self, host: str) -> None:
        """Bind a free port on `host`. Raises OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.bind((host, 0))
            self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: self, sock=self._socket
            )
        except BaseException:
            self._socket.close()
            raise

    def connect(self, host: str, port: int) -> None:
        """From now on, exchange packets with this address alone. Raises OSError."""
        assert self._socket is not None
        self._socket.connect((host, port))
        self._peer = self._socket.getpeername()[:2]

    @property
    def address(self) -> tuple[str, int]:
        """Where the leg is to send. Bound to every address, it is known once it is connected."""
        assert self._socket is not None
        host, port = self._socket.getsockname()[:2]
        return host, port

    def send(self, packet: bytes) -> None:
        """Send one packet; nothing where that is not possible now."""
        if self._transport is not None and self._socket is not None and self._peer is not None:
            with contextlib.suppress(OSError):
                self._socket.send(packet)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """See asyncio.DatagramProtocol. What came before it was connected may be anybody's."""
        if addr[:2] == self._peer:
            each_alone([data], self._on_packet, lambda _data: self._on_failed())

    def error_received(self, exc: Exception) -> None:
        """The leg's port is not open yet, or no more: what is sent is lost."""

    def close(self) -> None:
        """Release the port."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None
