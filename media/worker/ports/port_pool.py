"""Even/odd RTP/RTCP port pairs (RFC 3550 section 11): bound sockets, and their quarantine.

A closed pair stays bound for a few seconds, so that what its last peer still sends reaches
neither the next call nor another process. A stock of pairs is then kept bound and taken again as
they are: binding is dear.
"""

import contextlib
import errno
import random
import select
import socket
import struct
from collections import deque
from typing import Final

from ...errors import NoPortLeft
from ...isolation import each_alone, ignore
from ...settings import EXPEDITED_FORWARDING, QUARANTINE_S

# A socket holds at most this (the kernel takes twice the figure, and counts a datagram of G.711
# as 768 bytes to 2.3 KB). The queue of a connected socket is short: after a delay the
# worker goes on with fresh sound instead of being late for the rest of the call.
_RECEIVE_BUFFER_BYTES: Final = 32 * 1024
_CONNECTED_RECEIVE_BUFFER_BYTES: Final = 16 * 1024

_KEPT_PAIRS: Final = 64  # that are bound although no call has them: no more, and no fewer

# Linux: getsockopt(SOL_SOCKET, SO_MEMINFO) fills nine u32, the last one counts dropped datagrams.
_SO_MEMINFO: Final = 55
_MEMINFO: Final = struct.Struct("9I")

_TAKEN: Final = frozenset({errno.EADDRINUSE, errno.EACCES})


def kernel_drops(sock: socket.socket) -> int:
    """Datagrams the kernel dropped because the receive buffer of `sock` was full."""
    return int(_MEMINFO.unpack(sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))[8])


def discard_waiting(sock: socket.socket, limit: int = 1000) -> int:
    """Read and drop what waits on `sock`; returns how many datagrams, at most `limit`."""
    count = 0
    while count < limit:
        try:
            sock.recv(1)
        except BlockingIOError:
            break
        except OSError:  # the pending ICMP error of something sent to the last peer
            continue
        count += 1
    return count


def mark(sock: socket.socket, dscp: int) -> None:
    """Have what a socket sends carry this DSCP (RFC 2474): the upper six bits of TOS or class."""
    with contextlib.suppress(OSError):  # a container may forbid it; calls work without
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)


class PortPair:
    """Two bound, unconnected, non-blocking sockets: RTP on an even port, RTCP on the next.

    `connected` is a second socket on the RTP port, which the leg connects to its peer. It is None
    until `open_connected` is called.
    """

    __slots__ = ("_dropped", "_dscp", "_family", "connected", "port", "rtcp", "rtp")

    def __init__(
        self, port: int, family: int, rtp: socket.socket, rtcp: socket.socket, *, dscp: int
    ) -> None:
        self.port = port
        self._dscp = dscp
        self._family = family
        self.rtp = rtp
        self.rtcp = rtcp
        self.connected: socket.socket | None = None
        self._dropped = 0

    def open_connected(self) -> socket.socket:
        """Return the second socket of the RTP port; once connected, it receives from its peer only.

        A socket that served an earlier call is still connected to the peer of that call. Raises
        OSError.
        """
        if self.connected is not None:
            return self.connected
        open_socket = self.rtp
        connected = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        # The open socket was bound alone, so the port is ours; it is shared for this moment only.
        open_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            connected.bind(open_socket.getsockname())
        except OSError:
            connected.close()
            raise
        finally:
            open_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _CONNECTED_RECEIVE_BUFFER_BYTES)
        mark(connected, self._dscp)
        self.connected = connected
        return connected

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The open RTP and RTCP sockets, and the connected socket if there is one."""
        open_sockets = (self.rtp, self.rtcp)
        return open_sockets if self.connected is None else (*open_sockets, self.connected)

    def discard_waiting(self) -> int:
        """Drop what waits; how many RTP and RTCP datagrams came unread since this was last asked.

        What the kernel dropped because nobody read is counted for the unconnected RTP socket.
        """
        waiting = discard_waiting(self.connected) if self.connected is not None else 0
        return waiting + self.discard_unconnected()

    def discard_unconnected(self) -> int:
        """As `discard_waiting`, but for the two unconnected sockets only."""
        waiting = discard_waiting(self.rtp) + discard_waiting(self.rtcp)
        dropped = kernel_drops(self.rtp)
        count = waiting + dropped - self._dropped
        self._dropped = dropped
        return count

    def close(self) -> None:
        """Close all sockets."""
        for sock in self.sockets:
            sock.close()


class PortPool:
    """The pairs of ports `first` to `last` inclusive on one address.

    Which pair is next is random, so that nobody can guess it from the ones before.
    """

    def __init__(
        self,
        address: str,
        first: int,
        last: int,
        *,
        quarantine_s: float = QUARANTINE_S,
        dscp: int = EXPEDITED_FORWARDING,
        rng: random.Random | None = None,
    ) -> None:
        self._address = address
        self._family = int(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self._quarantine_s = quarantine_s
        self._dscp = dscp
        ports = list(range(first + first % 2, last, 2))
        self._rng = rng or random.SystemRandom()
        self._rng.shuffle(ports)
        self._free = deque(ports)
        self._kept: deque[PortPair] = deque()  # bound, and out of quarantine
        self._quarantined: deque[tuple[float, PortPair]] = deque()
        self._aside: dict[int, PortPair] = {}  # bound, for legs to come
        self._late = 0

    @property
    def free(self) -> int:
        """How many pairs may be taken, if no other process holds them."""
        return len(self._free) + len(self._kept) + len(self._aside)

    @property
    def quarantined(self) -> int:
        """How many pairs wait to become free."""
        return len(self._quarantined)

    @property
    def aside(self) -> list[int]:
        """The ports of the pairs that are set aside."""
        return list(self._aside)

    def take_pair(self) -> PortPair:
        """Any pair that is free, bound; a port of another process is passed over.

        When none is free, the one that is longest in quarantine is taken out of it: better than no
        call. Raises NoPortLeft.
        """
        pair, reason = self._take_free()
        if pair is None and self._quarantined:
            _, pair = self._quarantined.popleft()
            self._late += pair.discard_waiting()
        if pair is None:
            raise NoPortLeft(reason)
        return pair

    def _take_free(self) -> tuple[PortPair | None, str]:
        """A pair that is neither used nor in quarantine, or why there is none."""
        # In no order: a peer that has seen the ports of some calls does not know the next one's.
        if self._kept:
            self._kept.rotate(self._rng.randrange(len(self._kept)))
            return self._kept.popleft(), ""
        free = self._free
        if free:
            free.rotate(self._rng.randrange(len(free)))
        reason = "every RTP port is in use"
        for _ in range(len(free)):
            port = free.popleft()
            try:
                return self._bind(port), ""
            except OSError as error:
                free.append(port)
                reason = f"RTP port {port}: {error.strerror}"
                if error.errno not in _TAKEN:
                    break
        return None, reason

    def set_aside(self, count: int) -> list[int]:
        """Bind up to `count` pairs for `take_aside`; their ports. At most half of what is free."""
        ports: list[int] = []
        while len(ports) < count and len(self._free) + len(self._kept) > len(self._aside):
            pair, _ = self._take_free()
            if pair is None:
                break
            try:
                pair.open_connected()
            except OSError:  # no descriptor left
                self._release(pair)
                break
            self._aside[pair.port] = pair
            ports.append(pair.port)
        return ports

    def take_aside(self, port: int) -> PortPair:
        """The pair of a port that was set aside. Raises KeyError where there is none."""
        return self._aside.pop(port)

    def give_back(self, pair: PortPair, now: float) -> None:
        """Put `pair` into quarantine. What waits on its sockets is counted when it leaves."""
        self._quarantined.append((now + self._quarantine_s, pair))

    def release_due(self, now: float) -> int:
        """End the quarantines that are over; how many datagrams came for pairs that left it."""
        quarantined = self._quarantined
        due: list[PortPair] = []
        while quarantined and quarantined[0][0] <= now:
            due.append(quarantined.popleft()[1])
        if due:
            self._late += _discard_late(due)
            each_alone(due, self._keep, ignore)
        late, self._late = self._late, 0
        return late

    def close(self) -> None:
        """Let go of every pair that no call has."""
        while self._quarantined:
            self._release(self._quarantined.popleft()[1])
        while self._kept:
            self._release(self._kept.popleft())
        while self._aside:
            self._release(self._aside.popitem()[1])

    def stock(self) -> None:
        """Bind what may be kept, so that the first calls find it and no file is opened later."""
        for _ in range(min(len(self._free), 2 * _KEPT_PAIRS)):
            if len(self._kept) >= _KEPT_PAIRS:
                break
            port = self._free.popleft()
            try:
                self._keep(self._bind(port))
            except OSError:  # another process has it
                self._free.append(port)

    def _keep(self, pair: PortPair) -> None:
        if len(self._kept) + len(self._aside) < _KEPT_PAIRS:
            try:
                pair.open_connected()
            except OSError:  # no descriptor left
                self._release(pair)
            else:
                self._kept.append(pair)
        else:
            self._release(pair)

    def _release(self, pair: PortPair) -> None:
        pair.close()
        self._free.append(pair.port)

    def _bind(self, port: int) -> PortPair:
        rtp = self._bind_one(port)
        try:
            rtcp = self._bind_one(port + 1)
        except OSError:
            rtp.close()
            raise
        return PortPair(port, self._family, rtp, rtcp, dscp=self._dscp)

    def _bind_one(self, port: int) -> socket.socket:
        sock = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            mark(sock, self._dscp)
            sock.bind((self._address, port))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        except OSError:
            sock.close()
            raise
        return sock


def _discard_late(pairs: list[PortPair]) -> int:
    """Empty the sockets of `pairs`; one system call says which hold anything at all."""
    waiting = select.poll()
    by_fd: dict[int, PortPair] = {}
    for pair in pairs:
        for sock in pair.sockets:
            fd = sock.fileno()
            by_fd[fd] = pair
            waiting.register(fd, select.POLLIN)
    late = {id(by_fd[fd]): by_fd[fd] for fd, _ in waiting.poll(0)}
    return sum(pair.discard_waiting() for pair in late.values())
