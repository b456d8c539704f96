"""The relay: an epoll of the legs' connected sockets, and the flow table of the fast path.

The fast path handles the packets that were predicted; every other one goes to
`PeerStream.receive_packet`.
"""

import errno
import os
import select
from ctypes import addressof, memmove
from time import monotonic
from typing import Final

import numpy as np

from ..rtp.flow import Flow
from .fast_path import EPOLL_EVENT, FLOW, MAX_DATAGRAM_BYTES, forward, poll
from .peer_stream import PeerStream

_BATCH: Final = 64
_MAX_BATCHES: Final = 8  # a wake handles at most this many, so that the clock keeps time

# Three sockets for each pair of ports there can be are fewer. Memory is used as rows are.
_MOST_DESCRIPTORS: Final = 1 << 17


class Relay:
    """Receives for all connected legs of a worker and forwards to their listeners."""

    __slots__ = ("_behind_since", "_buffer", "_epoll", "_events", "_flows", "_packet", "_streams")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._events = np.zeros(_BATCH, EPOLL_EVENT)
        self._flows = np.zeros(_MOST_DESCRIPTORS, FLOW)  # by descriptor
        self._streams: dict[int, PeerStream] = {}
        self._buffer = bytearray(MAX_DATAGRAM_BYTES)
        self._packet = np.frombuffer(self._buffer, np.uint8)
        self._behind_since: float | None = None

    def fileno(self) -> int:
        """The epoll's descriptor: readable while there is something to drain."""
        return self._epoll.fileno()

    def add_stream(self, fd: int, stream: PeerStream) -> None:
        """Receive for `stream` on the socket `fd`. Raises OSError with too many descriptors."""
        if fd >= _MOST_DESCRIPTORS:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        self._epoll.register(fd, select.EPOLLIN)
        self._streams[fd] = stream
        row = Flow.from_buffer(self._flows.data, fd * FLOW.itemsize)
        memmove(addressof(row), addressof(stream.flow), FLOW.itemsize)
        stream.flow = row

    def remove_stream(self, fd: int) -> None:
        """Receive no longer on the socket `fd`, which is still open."""
        self._epoll.unregister(fd)
        stream = self._streams.pop(fd)
        stream.settle()
        stream.flow = Flow.from_buffer_copy(stream.flow)

    def close(self) -> None:
        """Close the epoll."""
        self._epoll.close()

    def drain(self, limit: int = _BATCH) -> int:
        """Forward what has come, up to a bound; returns how many packets there were.

        `limit` is the most packets taken at once.
        """
        epoll, events, flows, packet = self._epoll.fileno(), self._events, self._flows, self._packet
        packets = 0
        for _ in range(_MAX_BATCHES):
            count = poll(epoll, events, limit)
            packets += count
            # One time for the batch: it has been waiting in the sockets together.
            now = monotonic()
            index, size = forward(events, 0, count, flows, packet, now)
            while index < count:
                self._streams[int(events["fd"][index])].receive_packet(self._buffer, size, now)
                index, size = forward(events, index + 1, count, flows, packet, now)
            if count < limit:
                self._behind_since = None
                return packets
        if self._behind_since is None:
            self._behind_since = monotonic()
        return packets

    def behind_s(self, now: float) -> float:
        """For how long there have been more packets than could be taken; 0 if there are not."""
        return 0.0 if self._behind_since is None else now - self._behind_since
