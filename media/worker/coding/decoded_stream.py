"""A stream of any codec as sound, packet by packet, for who looks at how loud it is.

There is no playout buffer: what comes is decoded as it comes, and what is lost stays a gap. Whoever
hears it has one (see playout_buffer.py).
"""

from typing import Final

from ...codec.codec import CodecError, Decoder
from ...codec.formats import Format, decoder_of
from ...sound import g711
from ...sound.form import WIDE_HZ

NARROW: Final = "PCMU"
_LOOKED_AT: Final = 5  # of so many packets that nobody needs one is decoded, to hear how loud it is


def is_wide(codec: str) -> bool:
    """Whether a codec carries more than 8 kHz."""
    return Format(codec).rate_hz >= WIDE_HZ


class DecodedStream:
    """Decodes one stream of one codec to PCMU."""

    __slots__ = ("_decoder", "_passed", "codec")

    def __init__(self, codec: str) -> None:
        self.codec = codec
        self._passed = 0
        self._decoder: Decoder | None = None
        try:
            self._decoder = decoder_of(Format(codec), g711.SAMPLE_RATE_HZ)
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
            return g711.encode(self._decoder.decode(payload), NARROW)
        except CodecError:
            return b""
