"""L16 (RFC 3551 section 4.5.11): samples as they are, two bytes each, the higher one first."""

import numpy as np
from numpy.typing import NDArray

_ON_THE_WIRE = np.dtype(">i2")


def decode(payload: bytes) -> NDArray[np.int16]:
    """One sample for two bytes. An odd byte at the end is left out."""
    return np.frombuffer(payload, _ON_THE_WIRE, len(payload) // 2).astype(np.int16)


def encode(samples: NDArray[np.int16]) -> bytes:
    """Two bytes a sample."""
    return samples.astype(_ON_THE_WIRE).tobytes()
