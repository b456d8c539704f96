"""What one leg hears of another whose packets are decoded as they come, without a playout buffer.

That is for a peer that is a process of ours: what it says comes evenly, and what it hears nobody
plays by a clock. Whoever is heard or hears at the other end has a buffer of their own.
"""

from typing import Final, NamedTuple

import numpy as np

from ...codec.codec import Samples
from ...codec.concealing_decoder import ConcealingDecoder
from ...codec.formats import Format, decoder_of
from ...rtp.in_order import InOrder
from ...rtp.outgoing_stream import FRAME_S

_LONGEST_PAUSE_S: Final = 10.0  # what is further on in its timestamps is of another line


class Coded(NamedTuple):
    """What a packet has brought: whole frames of 20 ms."""

    frames: list[Samples]
    begins_at: float
    """When the first of them is due, by the packet before."""
    late_s: float
    """By so much later than that it has come."""


class _Packet(NamedTuple):
    timestamp: int
    payload: bytes


class PacketCoder:
    """Decodes one stream at `rate_hz`, in order; what is lost is made up. Times are seconds.

    It says when frames are due by the timestamps, so that no jitter gets into those of the peer.
    Raises CodecError where there is no such codec.
    """

    __slots__ = (
        "_came_at",
        "_decoder",
        "_order",
        "_rate_hz",
        "_rest",
        "_timestamp",
        "codec",
    )

    def __init__(self, codec: str, rate_hz: int) -> None:
        self.codec = codec
        self._rate_hz = rate_hz
        self._decoder = ConcealingDecoder(decoder_of(Format(codec), rate_hz))
        self._order = InOrder[_Packet | None]()
        self._timestamp: int | None = None
        self._came_at = 0.0
        self._rest: Samples = np.zeros(0, np.int16)  # which makes no frame yet

    def skip(self, sequence: int, now: float) -> list[Coded]:
        """A packet has come that is no sound."""
        return self._take(self._order.put(sequence & 0xFFFF, None), now)

    def put(self, sequence: int, timestamp: int, payload: bytes, now: float) -> list[Coded]:
        """A packet has come: what is to be sent now. `sequence` is extended."""
        return self._take(self._order.put(sequence & 0xFFFF, _Packet(timestamp, payload)), now)

    def _take(self, found: list[tuple[int, _Packet | None]], now: float) -> list[Coded]:
        return [self._decode(one, missing, now) for missing, one in found if one is not None]

    def _decode(self, packet: _Packet, missing: int, now: float) -> Coded:
        decoder = self._decoder
        passed_s = self._passed_s(packet.timestamp, decoder.clock_hz)
        due_at = now if passed_s is None else self._came_at + passed_s
        lost = self._concealed(packet.payload, missing, passed_s or 0.0)
        samples = decoder.decode(packet.payload)
        self._timestamp, self._came_at = packet.timestamp, now
        sound = np.concatenate((self._rest, *lost, samples))
        begins_at = due_at - (len(sound) - len(samples)) / self._rate_hz
        size = round(FRAME_S * self._rate_hz)
        whole = len(sound) // size * size
        self._rest = sound[whole:]
        frames = [sound[at : at + size] for at in range(0, whole, size)]
        return Coded(frames, begins_at, now - due_at)

    def _passed_s(self, timestamp: int, clock_hz: int) -> float | None:
        """How long after the packet before it the sound begins; None where that is not known."""
        if self._timestamp is None:
            return None
        passed_s = (timestamp - self._timestamp & 0xFFFFFFFF) / clock_hz
        return passed_s if passed_s <= _LONGEST_PAUSE_S else None

    def _concealed(self, following: bytes, missing: int, passed_s: float) -> list[Samples]:
        """What stands for so many packets, as far as there was time for them."""
        decoder = self._decoder
        length = decoder.packet_samples
        room = round(passed_s * self._rate_hz) - length
        return decoder.made_up(min(missing, max(0, room) // length) if length else 0, following)
