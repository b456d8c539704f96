"""How long a period of a voice is: what concealment repeats, and what a change of speed leaves out.

Lags are searched between 2.5 and 15 ms, which is 67 to 400 Hz. The search is done at 8 kHz, and
made exact at the rate of the samples.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SHORTEST_S: Final = 0.0025
LONGEST_S: Final = 0.015
_SEARCH_HZ: Final = 8000
_TINY: Final = 1e-6


def best_lag(
    samples: NDArray[np.float32], length: int, rate_hz: int, longest_s: float = LONGEST_S
) -> tuple[int, float]:
    """The lag at which the last `length` samples are most like those before, and how like.

    The likeness is the normalised correlation, at most 1.0. `samples` has `length` and the longest
    lag at least.
    """
    step = max(1, rate_hz // _SEARCH_HZ)
    coarse = samples if step == 1 else _decimated(samples, step)
    shortest, longest = int(SHORTEST_S * rate_hz), int(longest_s * rate_hz)
    lag, likeness = _search(coarse, length // step, shortest // step, longest // step)
    if step == 1:
        return lag, likeness
    around = max(shortest, lag * step - step), min(longest, lag * step + step)
    return _search(samples, length, *around)


def _decimated(samples: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    whole = len(samples) // step * step
    means: NDArray[np.float32] = samples[len(samples) - whole :].reshape(-1, step).mean(axis=1)
    return means


def _search(
    samples: NDArray[np.float32], length: int, shortest: int, longest: int
) -> tuple[int, float]:
    end = len(samples)
    template = samples[end - length :]
    # From the longest lag to the shortest.
    candidates = samples[end - length - longest : end - shortest]
    products = np.correlate(candidates, template, "valid")
    power = np.concatenate(((0.0,), np.cumsum(candidates.astype(np.float64) ** 2)))
    energies = (power[length:] - power[:-length]).astype(np.float32)
    own = float(np.dot(template, template))
    likeness = products / np.sqrt(np.maximum(energies * own, _TINY))
    best = int(np.argmax(likeness))
    return longest - best, float(likeness[best])
