"""G.722 at 64 kbit/s (RFC 3551 section 4.5.2): one byte is two samples at 16 kHz.

The RTP clock is 8000 Hz all the same. At 8 kHz the lower band alone is decoded or encoded, which
costs a third: enough where the other side has no more.
"""

import numpy as np
from G722 import G722

from .codec import Samples
from .concealment import Concealer

RATES_HZ = (16000, 8000)
_BITS_A_SECOND = 64000


class G722Decoder:
    """Decodes G.722, to 16 kHz or 8 kHz."""

    name = "G722"
    clock_hz = 8000
    channels = 1

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._codec = G722(rate_hz, _BITS_A_SECOND)
        self._concealer = Concealer(rate_hz)

    def decode(self, payload: bytes) -> Samples:
        """Two samples a byte at 16 kHz, one at 8 kHz."""
        if not payload:
            return np.zeros(0, np.int16)
        return self._concealer.heard(np.frombuffer(self._codec.decode(payload), np.int16))

    def conceal(self, samples: int) -> Samples:
        """See Decoder."""
        return self._concealer.conceal(samples)

    def recover(self, payload: bytes, samples: int) -> Samples:
        """A payload of G.722 says nothing of the one before it."""
        return self._concealer.conceal(samples)


class G722Encoder:
    """Encodes G.722, from 16 kHz or 8 kHz."""

    name = "G722"
    clock_hz = 8000
    channels = 1

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._codec = G722(rate_hz, _BITS_A_SECOND)

    def encode(self, samples: Samples) -> bytes:
        """One byte for two samples at 16 kHz, for one at 8 kHz."""
        return bytes(self._codec.encode(samples))

    def expect_loss(self, share: float) -> None:
        """G.722 has nothing to do about it."""
