"""The sockets of legs that anybody can reach: RTP doors and RTCP.

A leg's RTP door is its bound, unconnected socket. Once a second socket on the same port is
connected to the peer, the kernel prefers that one, and the door sees only strangers: they are
counted, and looked at for a peer that moved. A socket that is flooded is read no further for a
while: what the kernel then drops for it is counted later, so that a flood costs next to nothing.
"""

import select
import socket
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .leg import MediaLeg

MAX_DATAGRAM_BYTES: Final = 2048
FLOOD_DATAGRAMS: Final = 100  # in one period of FLOOD_S, then the socket is shut for the rest of it
FLOOD_S: Final = 1.0
_BATCH: Final = 32
_READS: Final = 8


class _Door:
    __slots__ = ("is_rtcp", "leg", "period_end", "read", "sock")

    def __init__(self, sock: socket.socket, leg: "MediaLeg", is_rtcp: bool) -> None:
        self.sock = sock
        self.leg = leg
        self.is_rtcp = is_rtcp
        self.read = 0
        self.period_end = 0.0


class Listeners:
    """Reads the unconnected sockets of all legs of a worker, within bounds."""

    __slots__ = ("_buffer", "_doors", "_epoll", "_shut")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._doors: dict[int, _Door] = {}
        self._shut: dict[int, _Door] = {}
        self._buffer = bytearray(MAX_DATAGRAM_BYTES)

    def fileno(self) -> int:
        """The epoll's descriptor: readable while there is something to drain."""
        return self._epoll.fileno()

    def add(self, leg: "MediaLeg") -> bool:
        """Read both sockets of the leg's pair; says whether anything waits on them already."""
        pair = leg.pair
        rtp, rtcp = pair.rtp.fileno(), pair.rtcp.fileno()
        self._doors[rtp] = _Door(pair.rtp, leg, False)
        self._doors[rtcp] = _Door(pair.rtcp, leg, True)
        self._epoll.register(rtp, select.EPOLLIN)
        self._epoll.register(rtcp, select.EPOLLIN)
        # Asked of the whole epoll: one system call, and mostly the answer is no for all.
        return any(fd in (rtp, rtcp) for fd, _ in self._epoll.poll(0, len(self._doors)))

    def remove(self, leg: "MediaLeg") -> bool:
        """Read the leg's sockets, still open, no longer; says whether a stranger was heard."""
        heard = False
        for sock in (leg.pair.rtp, leg.pair.rtcp):
            fd = sock.fileno()
            door = self._doors.pop(fd)
            heard = heard or (door.period_end > 0.0 and not door.is_rtcp)
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
            door = self._doors.get(fd)
            if door is not None:
                self._read(fd, door, now)

    def reopen_due(self, now: float) -> None:
        """Read again the sockets that were shut and whose period is over."""
        for fd in [fd for fd, door in self._shut.items() if door.period_end <= now]:
            del self._shut[fd]
            self._epoll.register(fd, select.EPOLLIN)

    def _read(self, fd: int, door: _Door, now: float) -> None:
        if now >= door.period_end:
            door.period_end = now + FLOOD_S
            door.read = 0
        buffer, leg, receive = self._buffer, door.leg, door.sock.recvfrom_into
        for _ in range(_READS):
            try:
                size, address = receive(buffer)
            except BlockingIOError:
                return
            except OSError:  # a pending ICMP error of something sent from here
                continue
            door.read += 1
            if door.is_rtcp:
                leg.rtcp_received(buffer, size, (address[0], address[1]), now)
            else:
                leg.door_received(buffer, size, (address[0], address[1]), now)
        if door.read >= FLOOD_DATAGRAMS and fd in self._doors:
            self._epoll.unregister(fd)
            self._shut[fd] = door
