"""PCMU and PCMA (RFC 3551 section 4.5.14) as codecs of a stream."""

from ..sound.g711 import SAMPLE_RATE_HZ, decode, encode
from .codec import Samples
from .concealment import Concealer


class G711Decoder:
    """Decodes G.711; `name` is "PCMU" or "PCMA"."""

    rate_hz = clock_hz = SAMPLE_RATE_HZ
    channels = 1

    def __init__(self, name: str) -> None:
        self.name = name
        self._concealer = Concealer(self.rate_hz)

    def decode(self, payload: bytes) -> Samples:
        """One sample a byte."""
        return self._concealer.heard(decode(payload, self.name))

    def conceal(self, samples: int) -> Samples:
        """See Decoder."""
        return self._concealer.conceal(samples)

    def recover(self, payload: bytes, samples: int) -> Samples:
        """A payload of G.711 says nothing of the one before it."""
        return self._concealer.conceal(samples)


class G711Encoder:
    """Encodes G.711; `name` is "PCMU" or "PCMA"."""

    rate_hz = clock_hz = SAMPLE_RATE_HZ
    channels = 1

    def __init__(self, name: str) -> None:
        self.name = name

    def encode(self, samples: Samples) -> bytes:
        """One byte a sample."""
        return encode(samples, self.name)

    def expect_loss(self, share: float) -> None:
        """G.711 has nothing to do about it."""
