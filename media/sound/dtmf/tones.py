"""Keys as sound: the two tones of each (ITU-T Q.23), for peers that take nothing else."""

from typing import Final

import numpy as np

from ..clip import Clip
from ..g711 import FULL_SCALE_DBM0, SAMPLE_RATE_HZ
from .detector import HIGH_HZ, KEYS, LOW_HZ

LOW_DBM0: Final = -9.0
HIGH_DBM0: Final = -7.0
_RAMP_SAMPLES: Final = 16  # 2 ms


def dtmf_clip(digits: str, duration_ms: int, gap_ms: int) -> Clip:
    """The digits one after the other, each with a pause after it.

    Raises ValueError for what is no key.
    """
    ramp = np.ones(duration_ms * SAMPLE_RATE_HZ // 1000)
    edge = min(_RAMP_SAMPLES, len(ramp) // 2)
    ramp[:edge] = (np.arange(edge) + 0.5) / edge
    ramp[len(ramp) - edge :] = ramp[:edge][::-1]
    at = np.arange(len(ramp)) / SAMPLE_RATE_HZ
    gap = np.zeros(gap_ms * SAMPLE_RATE_HZ // 1000)
    parts = []
    for digit in digits.upper():
        low, high = divmod(KEYS.index(digit), 4)
        tones = _amplitude(LOW_DBM0) * np.sin(2 * np.pi * LOW_HZ[low] * at)
        tones += _amplitude(HIGH_DBM0) * np.sin(2 * np.pi * HIGH_HZ[high] * at)
        parts += [tones * ramp, gap]
    return Clip.of(np.rint(np.concatenate(parts)).astype(np.int16))


def _amplitude(dbm0: float) -> float:
    return float(32767 * 10 ** ((dbm0 - FULL_SCALE_DBM0) / 20))
