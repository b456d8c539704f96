"""A stretch of sound made shorter or longer by one period of the voice, so that nobody hears it.

What is left out or doubled passes into its neighbour by a fade that is as long as the period.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..sound.fade import rising
from .codec import Samples
from .pitch import LONGEST_S, SHORTEST_S, best_lag

_ALIKE: Final = 0.6  # two periods that are less alike than this are not melted into one
_QUIET: Final = 30.0  # RMS: in a pause any two stretches are alike enough


def shortened(samples: Samples, rate_hz: int, *, alike: float = _ALIKE) -> Samples:
    """`samples` without one period; as they are where that would be heard."""
    wide = samples.astype(np.float32)
    lag = _period(wide, rate_hz, alike)
    if not lag:
        return samples
    blend = _blend(wide[:lag], wide[lag : 2 * lag])
    return np.concatenate((blend, samples[2 * lag :]))


def lengthened(samples: Samples, rate_hz: int, *, alike: float = _ALIKE) -> Samples:
    """`samples` with one period twice; as they are where that would be heard."""
    wide = samples.astype(np.float32)
    lag = _period(wide, rate_hz, alike)
    if not lag:
        return samples
    blend = _blend(wide[lag : 2 * lag], wide[:lag])
    return np.concatenate((samples[:lag], blend, samples[lag:]))


def _period(wide: NDArray[np.float32], rate_hz: int, alike: float) -> int:
    """How long the first period is; 0 where none is found."""
    longest = min(LONGEST_S, len(wide) / 2 / rate_hz)
    if longest < 2 * SHORTEST_S:
        return 0
    # Of two stretches that lie beside each other, the first is compared with the second.
    length = len(wide) - int(longest * rate_hz)
    reach = 2 * int(longest * rate_hz)
    lag, likeness = best_lag(wide[:reach], min(length, reach - int(longest * rate_hz)), rate_hz,
                             longest)  # fmt: skip
    quiet = float(np.dot(wide, wide)) < _QUIET**2 * len(wide)
    return lag if quiet or likeness >= alike else 0


def _blend(before: NDArray[np.float32], after: NDArray[np.float32]) -> Samples:
    rise = rising(len(before))
    return np.rint(before * (1 - rise) + after * rise).astype(np.int16)
