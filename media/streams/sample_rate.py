"""Brings sound from one sample rate to another, frame by frame and without waiting for more of it.

soxr, which the project uses for files, hands sound out in pieces of 60 ms at these rates. That is
too late for a talk.
"""

from functools import cache
from math import gcd
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

_TAPS_PER_PHASE: Final = 24  # at 8000 Hz: a delay of 1.5 ms
_KAISER_BETA: Final = 7.0  # aliases are some 70 dB down
_PASSED: Final = 0.92  # of the band of the lower rate
_MOST_PHASES: Final = 6


@cache
def _low_pass(factor: int) -> NDArray[np.float32]:
    """The taps of a low-pass at the band of the lower of two rates, `factor` times apart."""
    length = _TAPS_PER_PHASE * factor
    at = np.arange(length) - (length - 1) / 2
    taps: NDArray[np.float64] = np.sinc(at * _PASSED / factor) * np.kaiser(length, _KAISER_BETA)
    return np.asarray(taps / taps.sum(), np.float32)


class RateConverter:
    """From `from_hz` to `to_hz`. Pieces are of any length."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self.from_hz, self.to_hz = from_hz, to_hz
        step = gcd(from_hz, to_hz)
        self._up, self._down = to_hz // step, from_hz // step
        factor = max(self._up, self._down)
        if factor > _MOST_PHASES:
            raise ValueError(f"{from_hz} Hz and {to_hz} Hz have no small factor between them")
        self._taps = _low_pass(factor)
        # The taps of each phase, so that the zeros between samples are never multiplied.
        self._phases = [self._taps[phase :: self._up] * self._up for phase in range(self._up)]
        self._reversed = np.stack([taps[::-1] for taps in self._phases])
        self._before: NDArray[np.float32] = np.zeros(len(self._phases[0]) - 1, np.float32)
        # Where the next sample is made, after the beginning of the next piece, in steps of
        # `up` for each sample that comes.
        self._next = 0

    def convert(self, samples: Samples) -> Samples:
        """The piece at the other rate; state is kept from piece to piece."""
        if self._up == self._down == 1 or not len(samples):
            return samples
        kept = len(self._before)
        sound: NDArray[np.float32] = np.concatenate((self._before, samples), dtype=np.float32)
        self._before = sound[-kept:]
        if self._down == 1:
            return self._raise(sound, len(samples))
        windows = np.lib.stride_tricks.sliding_window_view(sound, kept + 1)
        steps = len(samples) * self._up
        first, self._next = self._next, (self._next - steps) % self._down
        if self._up == 1:
            return _rounded(windows[first :: self._down] @ self._taps)
        places = np.arange(first, steps, self._down)
        chosen = windows[places // self._up]
        return _rounded(np.einsum("ij,ij->i", chosen, self._reversed[places % self._up]))

    def _raise(self, sound: NDArray[np.float32], count: int) -> Samples:
        raised = np.empty(count * self._up, np.float32)
        for phase, taps in enumerate(self._phases):
            raised[phase :: self._up] = np.convolve(sound, taps, "valid")
        return _rounded(raised)


def _rounded(sound: NDArray[np.float32]) -> Samples:
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
