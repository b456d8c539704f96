"""What a bot hears: the RTP of a leg, put into order, as frames of 20 ms without a gap.

Sans-IO. A media worker fills the pauses of a party who sends nothing, so that only what is lost or
late on the way has to be made up for here. Nothing waits that comes in order.
"""

from typing import Final

import numpy as np

from ..sound.g711 import decode
from .sample_rate import RateConverter

PAYLOAD_TYPES: Final = {"PCMU": 0, "PCMA": 8}
RATE_HZ: Final = 8000
FRAME_MS: Final = 20
_HEADER_BYTES: Final = 12
_SEQUENCES: Final = 0x10000
# How many newer packets are waited for until one counts as lost.
_WAITS: Final = 2
# More than this is no loss: the party was silent, or another stream has begun.
_MOST_LOST: Final = 10
_CONCEALED: Final = (0.7, 0.4, 0.15)  # how loud a lost frame is, one after the other


class HeardAudio:
    """The sound of one leg, in `codec`, as frames of int16 little endian at `rate_hz`."""

    def __init__(self, codec: str, rate_hz: int) -> None:
        self._codec = codec
        self._payload_type = PAYLOAD_TYPES[codec]
        self._converter = RateConverter(RATE_HZ, rate_hz)
        self._frame_bytes = 2 * rate_hz * FRAME_MS // 1000
        self._ssrc: int | None = None
        self._next = 0
        self._late: dict[int, bytes] = {}
        self._last = b""
        self._converted = bytearray()
        self._lost_packets = 0
        self._lost_ms = 0

    @property
    def lost_ms(self) -> int:
        """How much never came, and was made up."""
        return self._lost_ms

    def receive(self, packet: bytes) -> list[bytes]:
        """One packet of the media worker: the frames that are complete now."""
        if len(packet) <= _HEADER_BYTES or packet[1] & 0x7F != self._payload_type:
            return []
        sequence = int.from_bytes(packet[2:4], "big")
        ssrc = int.from_bytes(packet[8:12], "big")
        payload = packet[_HEADER_BYTES:]
        if ssrc != self._ssrc:
            self._late.clear()
            self._ssrc, self._next = ssrc, sequence
        ahead = (sequence - self._next) % _SEQUENCES
        if ahead == 0:
            self._take(payload)
            self._take_waiting()
        elif ahead < _SEQUENCES // 2:
            self._late[sequence] = payload
            if len(self._late) > _WAITS or ahead > _MOST_LOST:
                self._give_up_missing()
        # What is behind has been made up for already, or came twice.
        return self._frames()

    def _take(self, payload: bytes) -> None:
        self._next = (self._next + 1) % _SEQUENCES
        self._lost_packets = 0
        self._last = payload
        self._converted += self._converter.convert(decode(payload, self._codec)).tobytes()

    def _take_waiting(self) -> None:
        while (payload := self._late.pop(self._next, None)) is not None:
            self._take(payload)

    def _give_up_missing(self) -> None:
        """Go on with the first packet that is there, and make up for those before it."""
        first = min(self._late, key=lambda sequence: (sequence - self._next) % _SEQUENCES)
        missing = (first - self._next) % _SEQUENCES
        if missing <= _MOST_LOST:
            for _ in range(missing):
                self._conceal()
        self._next = first
        self._take_waiting()

    def _conceal(self) -> None:
        """The last packet again, ever softer."""
        self._lost_ms += len(self._last) * 1000 // RATE_HZ
        loud = _CONCEALED[self._lost_packets] if self._lost_packets < len(_CONCEALED) else 0.0
        self._lost_packets += 1
        sound = decode(self._last, self._codec).astype(np.float32) * loud
        self._converted += self._converter.convert(sound.astype(np.int16)).tobytes()

    def _frames(self) -> list[bytes]:
        size, sound = self._frame_bytes, self._converted
        if len(sound) < size:
            return []
        if len(sound) == size:
            self._converted = bytearray()
            return [bytes(sound)]
        whole = len(sound) // size * size
        frames = [bytes(sound[at : at + size]) for at in range(0, whole, size)]
        del sound[:whole]
        return frames
