"""L16 of RTP: samples as they are; what is lost is concealed."""

from ..sound import l16
from .codec import Samples
from .concealment import Concealer


class L16Decoder:
    """Reads L16 of one channel; the RTP clock is that of the samples."""

    name = "L16"
    channels = 1

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = self.clock_hz = rate_hz
        self._concealer = Concealer(rate_hz)

    def decode(self, payload: bytes) -> Samples:
        """One sample for two bytes. An odd byte at the end is left out."""
        return self._concealer.heard(l16.decode(payload))

    def conceal(self, samples: int) -> Samples:
        """See Decoder."""
        return self._concealer.conceal(samples)

    def recover(self, payload: bytes, samples: int) -> Samples:
        """A payload of L16 says nothing of the one before it."""
        return self._concealer.conceal(samples)


class L16Encoder:
    """Writes L16 of one channel."""

    name = "L16"
    channels = 1

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = self.clock_hz = rate_hz

    def encode(self, samples: Samples) -> bytes:
        """Two bytes a sample."""
        return l16.encode(samples)

    def expect_loss(self, share: float) -> None:
        """L16 has nothing to do about it."""
