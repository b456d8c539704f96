"""The relay in plain Python: what runs where the one in C was not compiled.

It has no thread: whoever owns it drains it when its descriptor is readable. The loop is written out
by hand. At 50,000 packets a second a function call or an attribute more per packet is seen in the
figures.
"""

import errno
import os
import select
import struct
from collections import deque
from time import monotonic
from typing import Final

from ..rtp.flow import Flow
from ..rtp.rtp import CLOCK_HZ, FRAME_SAMPLES, HEADER_BYTES, PACKET_BYTES
from .tables import MAX_DATAGRAM_BYTES, STEP

_MASK: Final = (1 << 64) - 1
_MOST_DESCRIPTORS: Final = 1 << 17
_MOST_QUEUED: Final = 64  # packets of one stream that wait

# The first eight bytes as one number, the SSRC, and one sample from the middle of the payload.
_PREDICTED: Final = struct.Struct("!QI80xB")
_REWRITTEN: Final = struct.Struct("!QI")


class PacketRelay:
    """Receives for flows, forwards the packets that they expect, and hands over every other one.

    `loud` and `translated` are the tables of `tables.py`. The addresses of libsrtp's functions are
    for the relay in C. `behind_since` is when it could last take all that came, 0 where it can;
    `overflowed` counts packets that there was no room to hand over.
    """

    __slots__ = (
        "_buffer",
        "_epoll",
        "_flows",
        "_handed_over",
        "_loud",
        "_packet",
        "_serial",
        "_taken",
        "_translated",
        "behind_since",
        "overflowed",
    )

    def __init__(self, loud: bytes, translated: bytes, _unprotect: int, _protect: int) -> None:
        self._loud = [loud[at : at + 256] for at in range(0, len(loud), 256)]
        self._translated = [translated[at : at + 256] for at in range(0, len(translated), 256)]
        self._epoll = select.epoll()
        self._flows: dict[int, Flow] = {}
        self._serial = 0
        self._buffer = bytearray(MAX_DATAGRAM_BYTES)
        self._packet = memoryview(self._buffer)[:PACKET_BYTES]
        self._handed_over: deque[tuple[Flow, int, bytes, float]] = deque()
        self._taken: tuple[Flow, int] | None = None
        self.behind_since = 0.0
        self.overflowed = 0

    def fileno(self) -> int:
        """A descriptor that is readable while there is something to drain."""
        return self._epoll.fileno()

    def add_flow(self, fd: int, flow: Flow) -> int:
        """Receive for `flow` on the socket `fd`; the number that its packets are handed over by.

        Raises OSError with too many descriptors, or where one of both is in use.
        """
        if fd >= _MOST_DESCRIPTORS:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        if fd in self._flows or flow.serial:
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        self._epoll.register(fd, select.EPOLLIN)
        self._serial += 1
        flow.serial, flow.queued = self._serial, 0
        self._flows[fd] = flow
        return self._serial

    def remove_flow(self, fd: int) -> None:
        """Receive no longer on the socket `fd`, which is still open. Raises KeyError."""
        flow = self._flows.pop(fd)
        flow.serial = 0
        self._epoll.unregister(fd)

    def close(self) -> None:
        """Close the epoll."""
        self._epoll.close()

    def drain(self, limit: int, batches: int, now: float) -> int:
        """Forward what has come, in so many batches of `limit` at most; how many packets came.

        Each batch has one time, `now`, or by the clock where that is 0.
        """
        poll, flows, buffer, packet = self._epoll.poll, self._flows, self._buffer, self._packet
        unpack, pack, write, step = _PREDICTED.unpack_from, _REWRITTEN.pack_into, os.write, STEP
        receive, into, loud = os.readv, [buffer], self._loud
        packets = 0
        for _ in range(batches):
            ready = poll(0, limit)
            packets += len(ready)
            # One time for the batch: it has been waiting in the sockets together.
            at = now or monotonic()
            for fd, _event in ready:
                flow = flows[fd]
                try:
                    size = receive(fd, into)  # cheaper than the socket's own recv_into
                except OSError:  # a pending ICMP error, or the packet had a bad checksum
                    continue
                first, ssrc, sample = unpack(buffer)
                if (
                    first != flow.expect
                    or size != flow.size
                    or ssrc != flow.ssrc
                    or first == flow.stop
                    or flow.queued
                    or not first
                ):
                    self._hand_over(flow, size, at)
                    continue
                flow.expect = first + step
                # In units of the RTP clock, as the jitter (RFC 3550 A.8).
                late = (at - flow.heard_at) * CLOCK_HZ - FRAME_SAMPLES
                flow.heard_at = at
                if late < 0.0:
                    late = -late
                if late < CLOCK_HZ:  # else the sender's clock stood still
                    flow.jitter += (late - flow.jitter) * 0.0625
                flow.last = buffer[PACKET_BYTES - 1]
                if loud[flow.codec][sample]:
                    flow.loud_at = at
                out_fd = flow.out_fd
                if out_fd < 0:
                    continue
                if flow.translation:
                    table = self._translated[flow.translation]
                    packet[HEADER_BYTES:] = bytes(packet[HEADER_BYTES:]).translate(table)
                pack(buffer, 0, first + flow.delta & _MASK, flow.out_ssrc)
                try:
                    write(out_fd, packet)
                except OSError:
                    flow.failures += 1
            if len(ready) < limit:
                self.behind_since = 0.0
                return packets
        self.behind_since = self.behind_since or at
        return packets

    def _hand_over(self, flow: Flow, size: int, now: float) -> None:
        if flow.queued >= _MOST_QUEUED:
            self.overflowed += 1
            return
        flow.queued += 1
        self._handed_over.append((flow, flow.serial, bytes(self._buffer[:size]), now))

    def take_packet(self, buffer: bytearray) -> tuple[int, int, float] | None:
        """Put the next packet that was handed over into `buffer`; its flow's number, size and time.

        The one before it is then dealt with. None: there is none.
        """
        if self._taken is not None:
            flow, serial = self._taken
            self._taken = None
            if flow.serial == serial:
                flow.queued -= 1
        if not self._handed_over:
            return None
        flow, serial, data, now = self._handed_over.popleft()
        self._taken = flow, serial
        buffer[: len(data)] = data
        return serial, len(data), now
