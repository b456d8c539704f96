"""Decoders and encoders whose samples are brought to another rate."""

from ..sound.resampler import Resampler
from .codec import Decoder, Encoder, Samples


class ResamplingDecoder:
    """A decoder whose samples are brought to another rate."""

    channels = 1

    def __init__(self, decoder: Decoder, rate_hz: int) -> None:
        self._decoder = decoder
        self._resampler = Resampler(decoder.rate_hz, rate_hz)
        self.name, self.clock_hz, self.rate_hz = decoder.name, decoder.clock_hz, rate_hz

    def decode(self, payload: bytes) -> Samples:
        """See Decoder."""
        samples = self._decoder.decode(payload)
        multiple = self._decoder.rate_hz // self.rate_hz
        if multiple > 1:
            samples = samples[: len(samples) // multiple * multiple]
        return self._resampler.resample(samples)

    def conceal(self, samples: int) -> Samples:
        """See Decoder."""
        return self._resampler.resample(self._decoder.conceal(self._inner(samples)))

    def recover(self, payload: bytes, samples: int) -> Samples:
        """See Decoder."""
        return self._resampler.resample(self._decoder.recover(payload, self._inner(samples)))

    def _inner(self, samples: int) -> int:
        """How many of its samples make so many of ours, or a few more."""
        return -(-samples * self._decoder.rate_hz // self.rate_hz)


class ResamplingEncoder:
    """An encoder that takes samples of another rate."""

    channels = 1

    def __init__(self, encoder: Encoder, rate_hz: int) -> None:
        self._encoder = encoder
        self._resampler = Resampler(rate_hz, encoder.rate_hz)
        self.name, self.clock_hz, self.rate_hz = encoder.name, encoder.clock_hz, rate_hz

    def encode(self, samples: Samples) -> bytes:
        """See Encoder."""
        return self._encoder.encode(self._resampler.resample(samples))

    def expect_loss(self, share: float) -> None:
        """See Encoder."""
        self._encoder.expect_loss(share)
