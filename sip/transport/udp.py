"""SIP over UDP: one socket that is read in batches, and its ICMP errors (Linux).

An ICMP error counts only for the datagram that it quotes: anybody can make our socket have errors,
by asking us from a port that is closed, or by forging one.
"""

import asyncio
import errno
import logging
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from functools import lru_cache

from ..hop import Hop
from .socket_options import mark

_log = logging.getLogger(__name__)

_BATCH = 64
"""The most datagrams read before the event loop continues with other work."""
_BATCH_S = 0.004
"""And the longest that they may take."""
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
_MAX_DATAGRAM_BYTES = 65_535
_PEERS_REMEMBERED = 256
_QUOTED_BYTES = 2_048
"""An ICMP error quotes less than that of what we sent."""
_TRIES = 8
"""How often a datagram is sent again because of errors of others: each try meets one of them."""

# From linux/in.h and linux/in6.h. The socket module of Python 3.11 lacks these names.
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
"""struct sock_extended_err of linux/errqueue.h. Its first field is the errno."""
_UNREACHABLE = {
    errno.ECONNREFUSED,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.ENOPROTOOPT,
    errno.EACCES,
    errno.EPERM,
    errno.ENETDOWN,
    errno.EINVAL,
}
_FULL = {errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS}


class UdpTransport:
    """A bound UDP socket on an asyncio loop.

    Calls `on_datagram(data, source)` for each datagram and `on_batch_end()` after each batch. Calls
    `on_failed(hop, reason, quoted)` if a datagram to `hop` could not be sent (`quoted` is all of
    it), or caused an ICMP error (`quoted` is what that has of it: its start, or nothing). `local`
    is the trunk that the socket belongs to, "" for none; `dscp` marks what is sent.
    """

    def __init__(
        self,
        *,
        on_datagram: Callable[[bytes, Hop], None],
        on_batch_end: Callable[[], None],
        on_failed: Callable[[Hop, str, bytes], None],
        local: str = "",
        dscp: int = 0,
    ) -> None:
        self._local = local
        self._dscp = dscp
        self._on_datagram = on_datagram
        self._on_batch_end = on_batch_end
        self._on_failed = on_failed
        self._buffer = bytearray(_MAX_DATAGRAM_BYTES)
        self._view = memoryview(self._buffer)
        # Messages of a peer share one address: dialogs and traces keep where they came from.
        self._hop_of = lru_cache(_PEERS_REMEMBERED)(self._new_hop)
        self._socket: socket.socket | None = None
        self._poll: select.epoll | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.dropped = 0
        """Datagrams dropped because the send buffer was full. SIP retransmits them."""

    def open(self, host: str, port: int) -> tuple[str, int]:
        """Bind and start reading. Returns the bound address. Raises OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            mark(bound, self._dscp)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                bound.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            else:
                bound.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            bound.bind((host, port))
        except OSError:
            bound.close()
            raise
        self._socket = bound
        # libuv stops watching a descriptor that reports an error, and every ICMP error is one.
        # An epoll descriptor between them never reports errors itself.
        self._poll = select.epoll(1)
        self._poll.register(bound.fileno(), select.EPOLLIN)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._poll.fileno(), self._readable)
        address = bound.getsockname()
        return str(address[0]), int(address[1])

    def close(self) -> None:
        """Stop reading and release the port."""
        if self._loop is not None and self._poll is not None:
            self._loop.remove_reader(self._poll.fileno())
            self._poll.close()
        if self._socket is not None:
            self._socket.close()
        self._loop = self._poll = self._socket = None

    def send(self, hop: Hop, data: bytes) -> None:
        """Send a datagram. Failures go to `on_failed` and never raise."""
        code: int | None = None
        for _ in range(_TRIES):
            if self._socket is None:
                return
            try:
                self._socket.sendto(data, (hop.host, hop.port))
                return
            except OSError as error:
                if error.errno in _FULL:
                    self.dropped += 1
                    return
                code = error.errno
                # This may be the ICMP error of an earlier datagram. Then this one was not sent.
                # Take what is queued, and the error that the socket remembers besides.
                self._read_errors()
                if self._socket is not None:
                    self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        # Errors of others come and go: what stands each time is of this datagram.
        self._report(hop, code, data)

    def _readable(self) -> None:
        received = 0
        on_datagram = self._on_datagram
        until = time.monotonic() + _BATCH_S
        while received < _BATCH and self._socket is not None and time.monotonic() < until:
            try:
                size, address = self._socket.recvfrom_into(self._buffer)
            except (BlockingIOError, InterruptedError):
                if not received:
                    self._read_errors()
                break
            except OSError:
                # An ICMP error on an unconnected socket. The error queue has the details.
                self._read_errors()
                received += 1
                continue
            received += 1
            on_datagram(bytes(self._view[:size]), self._hop_of(address))
        self._on_batch_end()

    def _new_hop(self, address: tuple[str, int]) -> Hop:
        """The peer at an address of the kernel, which for IPv6 has more than these two members."""
        return Hop("udp", address[0], address[1], "", self._local)

    def _read_errors(self) -> None:
        """Read the error queue of the socket, a batch at the most."""
        for _ in range(_BATCH):
            if self._socket is None:
                return
            try:
                quoted, ancillary, _, address = self._socket.recvmsg(
                    _QUOTED_BYTES, 512, socket.MSG_ERRQUEUE
                )
            except OSError:
                return
            for level, kind, data in ancillary:
                if (level, kind) in (
                    (socket.IPPROTO_IP, _IP_RECVERR),
                    (socket.IPPROTO_IPV6, _IPV6_RECVERR),
                ) and len(data) >= _EXTENDED_ERROR.size:
                    code = _EXTENDED_ERROR.unpack_from(data)[0]
                    if code in _UNREACHABLE and address:
                        self._report(self._hop_of(address), code, quoted)

    def _report(self, hop: Hop, code: int | None, quoted: bytes) -> None:
        reason = os.strerror(code) if code else "cannot send"
        _log.debug("udp: %s: %s", hop, reason)
        self._on_failed(hop, reason, quoted)
