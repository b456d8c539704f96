"""Even/odd RTP/RTCP port pairs (RFC 3550 section 11): bound sockets, and their quarantine.

A closed pair stays bound for a few seconds, so that what its last peer still sends reaches
neither the next call nor another process; it then goes to the end of the queue of free pairs.
"""

import errno
import random
import socket
import struct
from collections import deque
from typing import Final

from .errors import NoPortLeft
from .settings import QUARANTINE_S

# A socket of a port pair before its call, or after it, holds at most this much (kernel bytes).
_IDLE_RECEIVE_BUFFER_BYTES: Final = 32 * 1024

# Linux: getsockopt(SOL_SOCKET, SO_MEMINFO) fills nine u32, the last one counts dropped datagrams.
_SO_MEMINFO: Final = 55
_MEMINFO: Final = struct.Struct("9I")

_TAKEN: Final = frozenset({errno.EADDRINUSE, errno.EACCES})


def kernel_drops(sock: socket.socket) -> int:
    """Datagrams the kernel dropped because the receive buffer of `sock` was full."""
    return int(_MEMINFO.unpack(sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))[8])


def discard_waiting(sock: socket.socket, limit: int = 1000) -> int:
    """Read and drop what waits on `sock`; returns how many datagrams, at most `limit`."""
    for count in range(limit):
        try:
            sock.recv(1)
        except OSError:
            return count
    return limit


class PortPair:
    """Two bound, unconnected, non-blocking sockets: RTP on an even port, RTCP on the next."""

    __slots__ = ("_dropped", "port", "rtcp", "rtp")

    def __init__(self, port: int, rtp: socket.socket, rtcp: socket.socket) -> None:
        self.port = port
        self.rtp = rtp
        self.rtcp = rtcp
        self._dropped = 0

    def discard_waiting(self) -> int:
        """Drop what waits; how many RTP and RTCP datagrams came unread since this was last asked.

        What the kernel dropped because nobody read is counted for RTP.
        """
        waiting = discard_waiting(self.rtp) + discard_waiting(self.rtcp)
        dropped = kernel_drops(self.rtp)
        count = waiting + dropped - self._dropped
        self._dropped = dropped
        return count

    def close(self) -> None:
        """Close both sockets."""
        self.rtp.close()
        self.rtcp.close()


class PortPool:
    """The pairs of ports `first` to `last` inclusive on one address, taken in a random order."""

    def __init__(
        self,
        address: str,
        first: int,
        last: int,
        *,
        quarantine_s: float = QUARANTINE_S,
        rng: random.Random | None = None,
    ) -> None:
        self._address = address
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._quarantine_s = quarantine_s
        ports = list(range(first + first % 2, last, 2))
        (rng or random.SystemRandom()).shuffle(ports)
        self._free = deque(ports)
        self._quarantined: deque[tuple[float, PortPair]] = deque()

    @property
    def free(self) -> int:
        """How many pairs may be taken, if no other process holds them."""
        return len(self._free)

    @property
    def quarantined(self) -> int:
        """How many pairs wait to become free."""
        return len(self._quarantined)

    def take(self) -> PortPair:
        """Bind the next free pair; one that another process holds is passed over.

        Raises NoPortLeft.
        """
        free = self._free
        reason = "every RTP port is in use"
        for _ in range(len(free)):
            port = free.popleft()
            try:
                return self._bind(port)
            except OSError as error:
                free.append(port)
                reason = f"RTP port {port}: {error.strerror}"
                if error.errno not in _TAKEN:
                    break
        raise NoPortLeft(reason)

    def give_back(self, pair: PortPair, now: float) -> None:
        """Put `pair` into quarantine. What waits on its sockets is counted when it leaves."""
        self._quarantined.append((now + self._quarantine_s, pair))

    def release_due(self, now: float) -> int:
        """Close the pairs whose quarantine is over; returns how many datagrams came for them."""
        late = 0
        quarantined = self._quarantined
        while quarantined and quarantined[0][0] <= now:
            _, pair = quarantined.popleft()
            late += pair.discard_waiting()
            pair.close()
            self._free.append(pair.port)
        return late

    def close(self) -> None:
        """Close every quarantined pair."""
        while self._quarantined:
            pair = self._quarantined.popleft()[1]
            pair.close()
            self._free.append(pair.port)

    def _bind(self, port: int) -> PortPair:
        rtp = self._bind_one(port)
        try:
            rtcp = self._bind_one(port + 1)
        except OSError:
            rtp.close()
            raise
        return PortPair(port, rtp, rtcp)

    def _bind_one(self, port: int) -> socket.socket:
        sock = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            sock.bind((self._address, port))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _IDLE_RECEIVE_BUFFER_BYTES)
        except OSError:
            sock.close()
            raise
        return sock
