"""The unconnected sockets of all legs, RTP and RTCP, which any source can reach.

A leg's RTP socket is bound and unconnected. Once a second socket on the same port is connected to
the peer, the kernel prefers that one, and the unconnected socket sees only unknown sources. Their
packets are counted, and looked at for a peer that moved. A flooded socket is not read for a while:
the kernel drops for it, and what it dropped is counted later, so that a flood costs little.
"""

import select
import socket
from collections.abc import Iterator
from time import monotonic
from typing import Final, Protocol

from ...isolation import each_alone
from .port_pool import PortPair

MAX_DATAGRAM_BYTES: Final = 2048
FLOOD_DATAGRAMS: Final = 100  # in one period of FLOOD_S, then the socket is shut for the rest of it
FLOOD_S: Final = 1.0
_BATCH: Final = 32
_READS: Final = 8


class DatagramSink(Protocol):
    """The leg that the datagrams of a pair of unconnected sockets are for."""

    @property
    def pair(self) -> PortPair:
        """Its sockets."""

    def rtp_received(
        self, packet: bytearray, size: int, source: tuple[str, int], now: float
    ) -> None:
        """Take a datagram of `size` bytes from an address that is not the connected peer's."""

    def rtcp_received(
        self, packet: bytearray, size: int, source: tuple[str, int], now: float
    ) -> None:
        """Take an RTCP datagram of `size` bytes."""

    def fail(self) -> None:
        """A datagram could not be dealt with, by a defect of ours."""


class _OpenSocket:
    __slots__ = ("is_rtcp", "period_end", "read", "sink", "sock")

    def __init__(self, sock: socket.socket, sink: DatagramSink, is_rtcp: bool) -> None:
        self.sock = sock
        self.sink = sink
        self.is_rtcp = is_rtcp
        self.read = 0
        self.period_end = 0.0


class Listeners:
    """Reads the unconnected sockets of all legs of a worker, within bounds."""

    __slots__ = ("_buffer", "_epoll", "_shut", "_sockets")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._sockets: dict[int, _OpenSocket] = {}
        self._shut: dict[int, _OpenSocket] = {}
        self._buffer = bytearray(MAX_DATAGRAM_BYTES)

    def fileno(self) -> int:
        """The epoll's descriptor: readable while there is something to drain."""
        return self._epoll.fileno()

    def add_sink(self, sink: DatagramSink) -> bool:
        """Read both sockets of a pair. Returns whether a datagram waits on them already."""
        pair = sink.pair
        rtp, rtcp = pair.rtp.fileno(), pair.rtcp.fileno()
        self._sockets[rtp] = _OpenSocket(pair.rtp, sink, False)
        self._sockets[rtcp] = _OpenSocket(pair.rtcp, sink, True)
        self._epoll.register(rtp, select.EPOLLIN)
        self._epoll.register(rtcp, select.EPOLLIN)
        # Asked of the whole epoll: one system call, and mostly the answer is no for all.
        return any(fd in (rtp, rtcp) for fd, _ in self._epoll.poll(0, len(self._sockets)))

    def remove_sink(self, sink: DatagramSink) -> bool:
        """Stop reading a pair that is still open. Returns whether an unknown source was heard."""
        heard = False
        for sock in (sink.pair.rtp, sink.pair.rtcp):
            fd = sock.fileno()
            opened = self._sockets.pop(fd)
            heard = heard or (opened.period_end > 0.0 and not opened.is_rtcp)
            if self._shut.pop(fd, None) is None:
                self._epoll.unregister(fd)
        return heard

    def close(self) -> None:
        """Close the epoll."""
        self._epoll.close()

    def drain(self) -> None:
        """Read what has come, up to a bound."""
        now = monotonic()
        for fd, _event in self._epoll.poll(0, _BATCH):
            opened = self._sockets.get(fd)
            if opened is not None:
                self._read(fd, opened, now)

    def reopen_due(self, now: float) -> None:
        """Read again the sockets that were shut and whose period is over."""
        due = [fd for fd, opened in self._shut.items() if opened.period_end <= now]
        each_alone(due, self._reopen, lambda fd: self._sockets[fd].sink.fail())

    def _reopen(self, fd: int) -> None:
        del self._shut[fd]
        self._epoll.register(fd, select.EPOLLIN)

    def _read(self, fd: int, opened: _OpenSocket, now: float) -> None:
        if now >= opened.period_end:
            opened.period_end = now + FLOOD_S
            opened.read = 0
        buffer, sink = self._buffer, opened.sink
        receive = sink.rtcp_received if opened.is_rtcp else sink.rtp_received
        each_alone(
            self._datagrams(opened),
            lambda datagram: receive(buffer, *datagram, now),
            lambda _datagram: sink.fail(),
        )
        if opened.read >= FLOOD_DATAGRAMS and fd in self._sockets:
            self._epoll.unregister(fd)
            self._shut[fd] = opened

    def _datagrams(self, opened: _OpenSocket) -> Iterator[tuple[int, tuple[str, int]]]:
        """What has come, each in the buffer: its size, and where it is from."""
        for _ in range(_READS):
            try:
                size, address = opened.sock.recvfrom_into(self._buffer)
            except BlockingIOError:
                return
            except OSError:  # a pending ICMP error of something sent from here
                continue
            opened.read += 1
            yield size, (address[0], address[1])
