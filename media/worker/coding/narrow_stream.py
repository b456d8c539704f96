"""A stream of any codec as G.711, packet by packet, for who records it, mixes it, or looks at it.

There is no playout buffer: what comes is decoded as it comes, and what is lost stays a gap.
"""

from typing import Final

from ...codec.codec import CodecError, Decoder
from ...codec.formats import Format, decoder_of
from ...sound import g711

CODEC: Final = "PCMU"
_RATE_HZ: Final = g711.SAMPLE_RATE_HZ
_LOOKED_AT: Final = 5  # of so many packets that nobody needs one is decoded, to hear how loud it is


class NarrowStream:
    """Decodes one stream of one codec."""

    __slots__ = ("_clock_hz", "_decoder", "_passed", "codec")

    def __init__(self, codec: str) -> None:
        self.codec = codec
        self._clock_hz = Format(codec).clock_hz
        self._passed = 0
        self._decoder: Decoder | None = None
        try:
            self._decoder = decoder_of(Format(codec), _RATE_HZ)
        except CodecError:  # it was never agreed on
            self._decoder = None

    def is_due(self) -> bool:
        """Whether this packet should be decoded although nobody needs it."""
        self._passed = (self._passed + 1) % _LOOKED_AT
        return self._passed == 0

    def payload(self, payload: bytes) -> bytes:
        """The same sound in PCMU; empty where it cannot be decoded."""
        if self._decoder is None:
            return b""
        try:
            return g711.encode(self._decoder.decode(payload), CODEC)
        except CodecError:
            return b""

    def timestamp(self, timestamp: int) -> int:
        """The timestamp in steps of 1/8000 s."""
        return timestamp * _RATE_HZ // self._clock_hz & 0xFFFFFFFF
