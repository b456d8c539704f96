"""Which codecs there are, and their decoders and encoders at the rate that somebody wants."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from . import g722, opus
from .codec import CodecError, Decoder, Encoder
from .g711 import G711Decoder, G711Encoder
from .g722 import G722Decoder, G722Encoder
from .l16 import L16Decoder, L16Encoder
from .opus import OpusDecoder, OpusEncoder
from .resampler import ResamplingDecoder, ResamplingEncoder

G711: Final = frozenset({"PCMU", "PCMA"})
_OPUS_FRAMES_MS: Final = (10, 20, 40, 60, 10, 20, 40, 60, 10, 20, 40, 60, 10, 20, 10, 20)
_OPUS_SHORT_MS: Final = (2.5, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class Format:
    """What a description names: a codec, for L16 with its RTP clock, as `L16/16000`.

    `bits_a_second` and `has_copy` are what the peer wants of an Opus encoder (RFC 7587 section
    6.1).
    """

    name: str
    bits_a_second: int = 0
    has_copy: bool = True

    @property
    def codec(self) -> str:
        """The encoding name of RFC 3551."""
        return self.name.partition("/")[0]

    @property
    def clock_hz(self) -> int:
        """Steps a second of the RTP timestamp."""
        if self.name == "opus":
            return opus.CLOCK_HZ
        return int(self.name.partition("/")[2] or 8000)

    @property
    def rate_hz(self) -> int:
        """Samples a second of the sound that it carries, as far as we go: speech."""
        return 16000 if self.name in ("G722", "opus") else self.clock_hz

    def ticks(self, payload: bytes) -> int:
        """How long a payload is, in steps of the RTP clock; 0 for one that cannot be told."""
        if self.codec == "L16":
            return len(payload) // 2
        if self.name != "opus":
            return len(payload)
        if not payload:
            return 0
        # The table of contents (RFC 6716 section 3.1).
        config, code = payload[0] >> 3, payload[0] & 3
        frame_ms = _OPUS_FRAMES_MS[config] if config < 16 else _OPUS_SHORT_MS[config & 3]
        frames = 1 if code == 0 else 2 if code < 3 else payload[1] & 63 if len(payload) > 1 else 0
        return int(frame_ms * frames * opus.CLOCK_HZ / 1000)


def unavailable() -> dict[str, str]:
    """The codecs that do not work on this machine, and why."""
    reason = opus.missing()
    return {"opus": reason} if reason else {}


def decoder_of(wanted: Format, rate_hz: int) -> Decoder:
    """A decoder that gives samples of `rate_hz`: 8000, 16000 or 48000. Raises CodecError."""
    decoder: Decoder
    match wanted.codec:
        case "PCMU" | "PCMA":
            decoder = G711Decoder(wanted.codec)
        case "G722":
            decoder = G722Decoder(_nearest(g722.RATES_HZ, rate_hz))
        case "opus":
            decoder = OpusDecoder(_nearest(opus.RATES_HZ, rate_hz))
        case "L16":
            decoder = L16Decoder(wanted.clock_hz)
        case _:
            raise CodecError(f"there is no codec {wanted.name}")
    return decoder if decoder.rate_hz == rate_hz else ResamplingDecoder(decoder, rate_hz)


def encoder_of(wanted: Format, rate_hz: int) -> Encoder:
    """An encoder that takes samples of `rate_hz`: 8000, 16000 or 48000. Raises CodecError."""
    encoder: Encoder
    match wanted.codec:
        case "PCMU" | "PCMA":
            encoder = G711Encoder(wanted.codec)
        case "G722":
            encoder = G722Encoder(_nearest(g722.RATES_HZ, rate_hz))
        case "opus":
            encoder = OpusEncoder(
                _nearest(opus.RATES_HZ, rate_hz),
                bits_a_second=wanted.bits_a_second,
                has_copy=wanted.has_copy,
            )
        case "L16":
            encoder = L16Encoder(wanted.clock_hz)
        case _:
            raise CodecError(f"there is no codec {wanted.name}")
    return encoder if encoder.rate_hz == rate_hz else ResamplingEncoder(encoder, rate_hz)


def _nearest(rates_hz: Sequence[int], wanted_hz: int) -> int:
    return wanted_hz if wanted_hz in rates_hz else rates_hz[0]
