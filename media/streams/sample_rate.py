"""Brings sound from one sample rate to another, frame by frame and without waiting for more of it.

soxr, which the project uses for files, hands sound out in pieces of 60 ms at these rates. That is
too late for a talk.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

_TAPS_PER_PHASE: Final = 24  # at 8000 Hz: a delay of 1.5 ms
_KAISER_BETA: Final = 7.0  # aliases are some 70 dB down
_PASSED: Final = 0.92  # of the band of the lower rate


@cache
def _low_pass(factor: int) -> NDArray[np.float32]:
    """The taps of a low-pass at the band of the lower of two rates, `factor` times apart."""
    length = _TAPS_PER_PHASE * factor
    at = np.arange(length) - (length - 1) / 2
    taps: NDArray[np.float64] = np.sinc(at * _PASSED / factor) * np.kaiser(length, _KAISER_BETA)
    return np.asarray(taps / taps.sum(), np.float32)


class RateConverter:
    """From `from_hz` to `to_hz`, one of which divides the other. Pieces are of any length."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._up = max(1, to_hz // from_hz)
        self._down = max(1, from_hz // to_hz)
        factor = max(self._up, self._down)
        if from_hz * self._up != to_hz * self._down:
            raise ValueError(f"{from_hz} Hz and {to_hz} Hz do not divide each other")
        self._taps = _low_pass(factor)
        self._before: NDArray[np.float32] = np.zeros(len(self._taps) - 1, np.float32)
        self._phase = 0  # samples to skip at the beginning of the next piece
        # The taps of each phase, so that the zeros between samples are never multiplied.
        self._phases = [self._taps[phase :: self._up] * self._up for phase in range(self._up)]

    def convert(self, samples: Samples) -> Samples:
        """The piece at the other rate; state is kept from piece to piece."""
        if self._up == self._down == 1 or not len(samples):
            return samples
        return self._raise(samples) if self._up > 1 else self._lower(samples)

    def _raise(self, samples: Samples) -> Samples:
        kept = _TAPS_PER_PHASE - 1
        sound: NDArray[np.float32] = np.concatenate(
            (self._before[-kept:], samples.astype(np.float32))
        )
        self._before = sound[-kept:]
        raised = np.empty(len(samples) * self._up, np.float32)
        for phase, taps in enumerate(self._phases):
            raised[phase :: self._up] = np.convolve(sound, taps, "valid")
        return _rounded(raised)

    def _lower(self, samples: Samples) -> Samples:
        kept = len(self._taps) - 1
        sound: NDArray[np.float32] = np.concatenate((self._before, samples.astype(np.float32)))
        self._before = sound[-kept:]
        windows = np.lib.stride_tricks.sliding_window_view(sound, kept + 1)
        wanted = windows[self._phase :: self._down]
        self._phase = (self._phase - len(samples)) % self._down
        return _rounded(wanted @ self._taps)


def _rounded(sound: NDArray[np.float32]) -> Samples:
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
