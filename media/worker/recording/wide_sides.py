"""The sides of a recording at 16 kHz: what comes at 16 kHz, and what is raised to it.

A side may be either at a time, as its codec changes, or as clips and a talk follow each other.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...rtp.rtp import CLOCK_HZ
from ...sound.form import WIDE_HZ
from ...sound.resampler import Resampler

_AHEAD: Final = 12  # ticks by which a resampler is late


class WideSides:
    """A window of samples at 16 kHz beside that at 8 kHz; both begin at the same tick."""

    __slots__ = ("_has_begun", "_upwards", "_window")

    def __init__(self, sides: int) -> None:
        self._window = np.zeros((0, sides), np.int16)
        self._upwards = [Resampler(CLOCK_HZ, WIDE_HZ) for _ in range(sides)]
        self._has_begun = False

    def place(self, at: int, side: int, samples: NDArray[np.int16], ticks: int) -> None:
        """Put samples at this tick of the window of `ticks`; beyond it they are left out."""
        self._reach(ticks)
        begin, end = 2 * at, 2 * at + len(samples)
        if begin >= 0 and end <= len(self._window):
            self._window[begin:end, side] = samples

    def take_samples(self, narrow: NDArray[np.int16], ticks: int) -> NDArray[np.int16]:
        """The first `ticks` of both windows in one, at 16 kHz. `narrow` has that at 8 kHz, and at
        least a little of what follows."""
        self._reach(len(narrow))
        begin = _AHEAD if self._has_begun else 0
        padded = np.pad(
            narrow[: ticks + _AHEAD], ((0, max(0, ticks + _AHEAD - len(narrow))), (0, 0))
        )
        both = self._window[: 2 * ticks].astype(np.int32)
        for side, upwards in enumerate(self._upwards):
            raised = upwards.resample(padded[begin:, side])
            both[:, side] += raised[2 * _AHEAD - 2 * begin :]
        self._has_begun = True
        rest = len(self._window) - 2 * ticks
        self._window[:rest] = self._window[2 * ticks :].copy()
        self._window[rest:] = 0
        return both.clip(-32768, 32767).astype(np.int16)

    def _reach(self, ticks: int) -> None:
        missing = 2 * ticks - len(self._window)
        if missing > 0:
            more = np.zeros((missing, self._window.shape[1]), np.int16)
            self._window = np.concatenate((self._window, more))
