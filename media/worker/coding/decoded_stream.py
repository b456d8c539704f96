"""A stream of any codec as sound, packet by packet, for who records it, or looks at it.

There is no playout buffer: what comes is decoded as it comes, and what is lost stays a gap. Whoever
hears it has one (see playout_buffer.py).
"""

from typing import Final

from ...codec.codec import CodecError, Decoder
from ...codec.formats import Format, decoder_of
from ...sound import g711
from ...sound.form import WIDE, WIDE_HZ, decode, encode, rate_hz
from ...sound.resampler import Resampler

NARROW: Final = "PCMU"
_CLOCK_HZ: Final = g711.SAMPLE_RATE_HZ
_LOOKED_AT: Final = 5  # of so many packets that nobody needs one is decoded, to hear how loud it is


def is_wide(codec: str) -> bool:
    """Whether a codec carries more than 8 kHz."""
    return Format(codec).rate_hz >= WIDE_HZ


class DecodedStream:
    """Decodes one stream of one codec to PCMU, or to `WIDE` (see sound/form.py)."""

    __slots__ = ("_clock_hz", "_decoder", "_downwards", "_passed", "codec", "form")

    def __init__(self, codec: str, form: str = NARROW) -> None:
        self.codec = codec
        self.form = form
        self._clock_hz = Format(codec).clock_hz
        self._passed = 0
        self._decoder: Decoder | None = None
        self._downwards: Resampler | None = None
        try:
            self._decoder = decoder_of(Format(codec), rate_hz(form))
        except CodecError:  # it was never agreed on
            self._decoder = None

    def is_due(self) -> bool:
        """Whether this packet should be decoded although nobody needs it."""
        self._passed = (self._passed + 1) % _LOOKED_AT
        return self._passed == 0

    def payload(self, payload: bytes) -> bytes:
        """The same sound in the form; empty where it cannot be decoded."""
        if self._decoder is None:
            return b""
        try:
            return encode(self._decoder.decode(payload), self.form)
        except CodecError:
            return b""

    def narrow(self, decoded: bytes) -> bytes:
        """What `payload` gave, in PCMU."""
        if self.form != WIDE or not decoded:
            return decoded
        if self._downwards is None:
            self._downwards = Resampler(WIDE_HZ, _CLOCK_HZ)
        samples = decode(decoded, WIDE)
        return g711.encode(self._downwards.resample(samples[: len(samples) // 2 * 2]), NARROW)

    def timestamp(self, timestamp: int) -> int:
        """The timestamp in steps of 1/8000 s."""
        return timestamp * _CLOCK_HZ // self._clock_hz & 0xFFFFFFFF
