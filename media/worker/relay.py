"""The relay of a worker: which stream a packet is of that was handed over.

Packets that were predicted are forwarded by the loop of `media/relay`; every other one goes to
`PeerStream.receive_packet`.
"""

from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING, Final, cast

from ..isolation import each_alone
from ..relay.implementation import Implementation, chosen
from ..relay.tables import LOUD_SAMPLES, MAX_DATAGRAM_BYTES, TONE_TABLES, TRANSLATED_SAMPLES
from ..rtp.flow import Flow
from ..rtp.srtp import FUNCTIONS
from .peer_stream import PeerStream

if TYPE_CHECKING:
    from ..relay import native

_BATCH: Final = 64
_MAX_BATCHES: Final = 8  # a wake handles at most this many, so that the clock keeps time


class Relay:
    """Receives for all connected legs of a worker and forwards to their listeners.

    `dropped_late` counts packets of streams that had left when their turn came.
    """

    __slots__ = ("_buffer", "_implementation", "_serials", "_streams", "dropped_late", "packets")

    def __init__(self, implementation: Implementation | None = None) -> None:
        self._implementation = implementation or chosen()
        self.packets = self._implementation.packet_relay(
            LOUD_SAMPLES,
            TRANSLATED_SAMPLES,
            FUNCTIONS["srtp_unprotect"],
            FUNCTIONS["srtp_protect"],
        )
        if self._implementation.hears_tones:
            cast("native.PacketRelay", self.packets).set_tones(TONE_TABLES)
        self._streams: dict[int, PeerStream] = {}
        self._serials: dict[int, int] = {}  # by descriptor
        self._buffer = bytearray(MAX_DATAGRAM_BYTES)
        self.dropped_late = 0

    @property
    def implementation(self) -> Implementation:
        """What forwards the packets that were predicted."""
        return self._implementation

    @property
    def dropped_overflow(self) -> int:
        """Packets that came quicker than they could be dealt with one by one."""
        return self.packets.overflowed

    def new_flow(self) -> Flow:
        """A row for a stream that this relay may receive."""
        return self._implementation.flow()

    def fileno(self) -> int:
        """A descriptor that is readable while there is something to do."""
        return self.packets.fileno()

    def add_stream(self, fd: int, stream: PeerStream) -> None:
        """Receive for `stream` on the socket `fd`. Raises OSError with too many descriptors."""
        serial = self.packets.add_flow(fd, stream.flow)
        self._serials[fd] = serial
        self._streams[serial] = stream

    def remove_stream(self, fd: int) -> None:
        """Receive no longer on the socket `fd`, which is still open.

        What came from it and is not dealt with is counted as late.
        """
        self.packets.remove_flow(fd)
        self._streams.pop(self._serials.pop(fd)).settle()

    def close(self) -> None:
        """Receive no more."""
        self.packets.close()

    def drain(self, limit: int = _BATCH, batches: int = _MAX_BATCHES) -> int:
        """Forward what has come, up to a bound; returns how many packets there were.

        `limit` is the most packets taken at once.
        """
        packets = self.packets.drain(limit, batches, monotonic())
        self.receive_handed_over(packets + 1)  # the last look finds none, and ends the one before
        return packets

    def receive_handed_over(self, limit: int = _BATCH) -> None:
        """Deal with packets that were not the expected ones, `limit` at most."""
        buffer = self._buffer
        each_alone(
            self._handed_over(limit),
            lambda packet: packet[0].receive_packet(buffer, packet[1], packet[2]),
            lambda packet: packet[0].leg.fail(),
        )

    def _handed_over(self, limit: int) -> Iterator[tuple[PeerStream, int, float]]:
        """The packets one by one, each in the buffer: its stream, its size, when it came."""
        take, buffer = self.packets.take_packet, self._buffer
        for _ in range(limit):
            taken = take(buffer)
            if taken is None:
                return
            serial, size, now = taken
            stream = self._streams.get(serial)
            if stream is None:
                self.dropped_late += 1
            else:
                yield stream, size, now

    def behind_s(self, now: float) -> float:
        """For how long there have been more packets than could be taken; 0 if there are not."""
        since = self.packets.behind_since
        return now - since if since else 0.0
