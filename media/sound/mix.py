"""Sums of speech: what each of many listeners hears when several speak at once, in one array.

The sums are made in integers, so that who is not in a sum has no part in it, to the sample.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .fade import FADE_SAMPLES, rising
from .g711 import FRAME_SAMPLES

Frames = NDArray[np.int16]
"""One frame of 20 ms a row."""

_LOUDEST: Final = 32767


def _rise(per_tick: int) -> NDArray[np.float32]:
    rise = np.ones(FRAME_SAMPLES * per_tick, np.float32)
    rise[: FADE_SAMPLES * per_tick] = rising(FADE_SAMPLES * per_tick)
    return rise


_RISES: Final = {len(rise): rise for rise in (_rise(1), _rise(2))}


def limited(sums: NDArray[np.int32]) -> Frames:
    """Sums as samples: what is louder than full scale is cut there."""
    return np.clip(sums, -_LOUDEST - 1, _LOUDEST).astype(np.int16)


def passing(before: NDArray[np.int32], after: NDArray[np.int32]) -> Frames:
    """One frame, of 8 or 16 kHz, in whose first 10 ms `before` falls while `after` rises."""
    rise = _RISES[len(after)]
    mixed = np.rint(after * rise + before * (1 - rise)).astype(np.int32)
    return limited(mixed)


class MixPlan:
    """Which speakers each listener hears, as indices of arrays.

    Row i of `rows` has the indices of those whom listener i hears; `own[i]` is the index of the
    listener's own speech, -1 where they do not speak. Nobody hears themselves. The listeners of one
    conference share one sum, of which each is spared their own part (mix-minus).
    """

    def __init__(self, rows: Sequence[Sequence[int]], own: Sequence[int]) -> None:
        numbers: dict[frozenset[int], int] = {}
        group_of = []
        for row, mine in zip(rows, own, strict=True):
            everybody = frozenset(row) if mine < 0 else frozenset(row) | {mine}
            group_of.append(numbers.setdefault(everybody, len(numbers)))
        # -1 is the silent row that stands after all others, so that no sum is empty.
        members = [sorted(group) or [-1] for group in numbers]
        self._members = np.array([one for group in members for one in group], np.intp)
        starts = np.cumsum([0, *(len(group) for group in members)])[:-1]
        self._starts = starts.astype(np.intp)
        self._group_of = np.array(group_of, np.intp)
        self._own = np.array(own, np.intp)

    def mix(self, spoken: Frames) -> Frames:
        """What each listener hears of one frame of each speaker."""
        if not len(self._group_of):
            return np.empty((0, spoken.shape[1]), np.int16)
        wide = np.zeros((len(spoken) + 1, spoken.shape[1]), np.int32)
        wide[:-1] = spoken
        sums = np.add.reduceat(wide[self._members], self._starts, axis=0)
        return limited(sums[self._group_of] - wide[self._own])
