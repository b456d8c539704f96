"""How loud a sound is as a whole, and one loudness for all: ITU-R BS.1770-4, section on gating.

The weighting by frequency of that text is left out: within the telephone band it changes little.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .g711 import SAMPLE_RATE_HZ

LOUDNESS_LUFS: Final = -19.0
"""That of every sound file and of synthetic speech; the built-in music lies a little under it."""

_BLOCK = 2 * SAMPLE_RATE_HZ // 5  # 400 ms, one every 100 ms
_STEP = _BLOCK // 4
_OFFSET_DB = -0.691
_SILENT_LUFS = -70.0
_RELATIVE_LU = 10.0
_MOST_GAIN_DB = 20.0  # more would bring up the noise of a bad recording
_MOST_PEAK = 32767 * 0.97


def loudness_lufs(samples: NDArray[np.int16]) -> float | None:
    """The loudness of int16 samples at 8 kHz; None where nothing of it can be heard."""
    squares = np.concatenate(([0.0], np.cumsum((samples / 32768.0) ** 2)))
    if len(samples) < _BLOCK:
        powers = np.array([squares[-1] / max(1, len(samples))])
    else:
        begins = np.arange(0, len(samples) - _BLOCK + 1, _STEP)
        powers = (squares[begins + _BLOCK] - squares[begins]) / _BLOCK
    powers = powers[_lufs(powers) > _SILENT_LUFS]
    if not len(powers):
        return None
    loud = powers[_lufs(powers) > _lufs(powers.mean()) - _RELATIVE_LU]
    return float(_lufs(loud.mean()))


def levelled(samples: NDArray[np.int16], target_lufs: float = LOUDNESS_LUFS) -> NDArray[np.int16]:
    """The samples brought to `target_lufs`, as far as the peaks allow it. Silence stays."""
    found = loudness_lufs(samples)
    if found is None:
        return samples
    gain = 10 ** (min(target_lufs - found, _MOST_GAIN_DB) / 20)
    peak = float(np.abs(samples.astype(np.float32)).max())
    gain = min(gain, max(1.0, _MOST_PEAK / peak)) if gain > 1.0 else gain
    scaled: NDArray[np.int16] = (
        np.rint(samples * np.float32(gain)).clip(-32768, 32767).astype(np.int16)
    )
    return scaled


def _lufs(power: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(_OFFSET_DB + 10 * np.log10(np.maximum(power, 1e-12)))
