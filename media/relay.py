"""The relay: an epoll of the legs' connected sockets, drained in one tight loop.

The loop body is written out by hand: at 50,000 packets a second a function call or an attribute
more per packet is seen in the figures. It handles the packet that was predicted; every other one
goes to `PeerStream.receive_packet`.
"""

import os
import select
import struct
from time import monotonic
from typing import Final

from .peer_stream import STEP, PeerStream
from .rtp import HEADER_BYTES, PACKET_BYTES

MAX_DATAGRAM_BYTES: Final = 2048
_BATCH: Final = 64
_MAX_BATCHES: Final = 8  # a wake handles at most this many, so that the clock keeps time

# The first eight bytes as one number, the SSRC, and one sample from the middle of the payload.
_PREDICTED: Final = struct.Struct("!QI80xB")
_REWRITTEN: Final = struct.Struct("!QI")


class Relay:
    """Receives for all connected legs of a worker and forwards to their listeners."""

    __slots__ = ("_buffer", "_epoll", "_into", "_packet", "_streams")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._streams: list[PeerStream] = []
        self._buffer = bytearray(MAX_DATAGRAM_BYTES)
        self._into = [self._buffer]
        self._packet = memoryview(self._buffer)[:PACKET_BYTES]

    def fileno(self) -> int:
        """The epoll's descriptor: readable while there is something to drain."""
        return self._epoll.fileno()

    def add(self, fd: int, stream: PeerStream) -> None:
        """Receive for `stream` on the socket `fd`."""
        streams = self._streams
        if fd >= len(streams):
            streams.extend([stream] * (fd + 1 - len(streams)))
        streams[fd] = stream
        self._epoll.register(fd, select.EPOLLIN)

    def remove(self, fd: int) -> None:
        """Receive no longer on the socket `fd`, which is still open."""
        self._epoll.unregister(fd)

    def close(self) -> None:
        """Close the epoll."""
        self._epoll.close()

    def drain(self, limit: int = _BATCH) -> int:
        """Forward what has come, up to a bound; returns how many packets there were.

        `limit` is the most packets taken at once.
        """
        poll, streams, buffer, packet = self._epoll.poll, self._streams, self._buffer, self._packet
        unpack, pack, write, step = _PREDICTED.unpack_from, _REWRITTEN.pack_into, os.write, STEP
        receive, into = os.readv, self._into
        packets = 0
        for _ in range(_MAX_BATCHES):
            ready = poll(0, limit)
            packets += len(ready)
            # One time for the batch: it has been waiting in the sockets together.
            now = monotonic()
            for fd, _event in ready:
                stream = streams[fd]
                try:
                    size = receive(fd, into)  # cheaper than the socket's own recv_into
                except OSError:  # a pending ICMP error, or the packet had a bad checksum
                    continue
                first, ssrc, sample = unpack(buffer)
                if (
                    first == stream.expect
                    and size == PACKET_BYTES
                    and ssrc == stream.ssrc
                    and first != stream.stop
                ):
                    stream.expect = first + step
                    # In units of the RTP clock, as the jitter.
                    late = (now - stream.heard_at) * 8000.0 - 160.0
                    stream.heard_at = now
                    jitter = stream.jitter
                    stream.jitter = jitter + ((late if late > 0.0 else -late) - jitter) * 0.0625
                    if stream.loud[sample]:
                        stream.loud_at = now
                    out_fd = stream.out_fd
                    if out_fd < 0:
                        continue
                    if stream.translation is not None:
                        buffer[HEADER_BYTES:PACKET_BYTES] = buffer[
                            HEADER_BYTES:PACKET_BYTES
                        ].translate(stream.translation)
                    pack(buffer, 0, first + stream.delta, stream.out_ssrc)
                    try:
                        write(out_fd, packet)
                    except OSError:
                        stream.send_failed()
                else:
                    stream.receive_packet(buffer, size, now)
            if len(ready) < limit:
                break
        return packets
