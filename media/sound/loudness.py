"""How loud a sound is as a whole, and one loudness for all: ITU-R BS.1770-4, section on gating.

The weighting by frequency of that text is left out: within the telephone band it changes little.
"""

import numpy as np
from numpy.typing import NDArray

from ..settings import LOUDNESS_LUFS
from .g711 import SAMPLE_RATE_HZ

_BLOCKS_A_SECOND = 2.5  # 400 ms, one every 100 ms
_OFFSET_DB = -0.691
_SILENT_LUFS = -70.0
_RELATIVE_LU = 10.0
_MOST_GAIN_DB = 30.0  # more would bring up the noise of a bad recording
_MOST_PEAK = 32767 * 0.97
_ROUNDS = 4
_NEAR_LU = 0.3
_PEAKS_A_SECOND = 200  # a peak is turned down over 5 ms, not cut


def loudness_lufs(samples: NDArray[np.int16], rate_hz: int = SAMPLE_RATE_HZ) -> float | None:
    """The loudness of int16 samples; None where nothing of it can be heard."""
    block = int(rate_hz / _BLOCKS_A_SECOND)
    squares = np.concatenate(([0.0], np.cumsum((samples / 32768.0) ** 2)))
    if len(samples) < block:
        powers = np.array([squares[-1] / max(1, len(samples))])
    else:
        begins = np.arange(0, len(samples) - block + 1, block // 4)
        powers = (squares[begins + block] - squares[begins]) / block
    powers = powers[_lufs(powers) > _SILENT_LUFS]
    if not len(powers):
        return None
    loud = powers[_lufs(powers) > _lufs(powers.mean()) - _RELATIVE_LU]
    return float(_lufs(loud.mean()))


def levelled(
    samples: NDArray[np.int16],
    target_lufs: float = LOUDNESS_LUFS,
    rate_hz: int = SAMPLE_RATE_HZ,
) -> NDArray[np.int16]:
    """The samples brought to `target_lufs`; peaks beyond full scale are turned down.

    Silence stays, and nothing is amplified by more than 30 dB.
    """
    found = loudness_lufs(samples, rate_hz)
    if found is None:
        return samples
    gain_db = 0.0
    brought = samples
    # Peaks count for much of the loudness: turned down, they leave the rest too quiet.
    for _ in range(_ROUNDS):
        gain_db = min(gain_db + target_lufs - found, _MOST_GAIN_DB)
        scaled = _without_peaks(samples * np.float32(10 ** (gain_db / 20)), rate_hz)
        brought = np.rint(scaled).clip(-32768, 32767).astype(np.int16)
        found = loudness_lufs(brought, rate_hz)
        if found is None or abs(target_lufs - found) < _NEAR_LU or gain_db == _MOST_GAIN_DB:
            break
    return brought


def _without_peaks(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """The samples, turned down smoothly around each that is over _MOST_PEAK."""
    size = rate_hz // _PEAKS_A_SECOND
    loudest = np.abs(samples)
    if float(loudest.max()) <= _MOST_PEAK:
        return samples
    blocks = np.pad(loudest, (0, -len(samples) % size)).reshape(-1, size)
    needed = np.pad(_MOST_PEAK / np.maximum(blocks.max(axis=1), _MOST_PEAK), 1, mode="edge")
    # Between the centres of two blocks the gain is no more than either of them needs.
    gains = np.minimum(np.minimum(needed[:-2], needed[1:-1]), needed[2:])
    centres = (np.arange(len(gains)) + 0.5) * size
    turned: NDArray[np.float32] = samples * np.interp(np.arange(len(samples)), centres, gains)
    return turned


def _lufs(power: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(_OFFSET_DB + 10 * np.log10(np.maximum(power, 1e-12)))
