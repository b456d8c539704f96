"""A stream of samples at another rate: 8, 16 and 48 kHz, one from the other.

The streams of soxr come out in blocks of up to 100 ms, which is too long in a talk. Here each
stretch that goes in comes out at once, later by 1.5 ms.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

_TAPS: Final = 24  # at the lower rate: what is removed begins at 4.4 of 8 kHz
_PASSED: Final = 0.9  # of the band of the lower rate
_LOWEST: Final = np.float32(-32768)
_HIGHEST: Final = np.float32(32767)


@cache
def _filter(ratio: int) -> NDArray[np.float32]:
    """A low-pass at the higher rate, whose sum is 1."""
    count = _TAPS * ratio
    place = np.arange(count) - (count - 1) / 2
    taps = np.sinc(place * _PASSED / ratio) * np.kaiser(count, 6.0)
    scaled: NDArray[np.float32] = (taps / taps.sum()).astype(np.float32)
    return scaled


@cache
def _phases(up: int, down: int) -> NDArray[np.float32]:
    """The filter as a column for each sample that is made of one row of those that came.

    Where the rate rises the samples between are zero: a column has only the taps that meet others.
    """
    taps = _filter(max(up, down)) * np.float32(up)
    columns = [taps[(len(taps) - 1 - phase) % up :: up] for phase in range(up)]
    return np.ascontiguousarray(np.stack(columns, axis=1))


class Resampler:
    """From one rate to another, of which one is a multiple of the other. Keeps its state."""

    __slots__ = ("_down", "_past", "_taps", "_up")

    def __init__(self, from_hz: int, to_hz: int) -> None:
        if max(from_hz, to_hz) % min(from_hz, to_hz):
            raise ValueError(f"{from_hz} and {to_hz} Hz: neither is a multiple of the other")
        self._up, self._down = max(1, to_hz // from_hz), max(1, from_hz // to_hz)
        self._taps = _phases(self._up, self._down)
        self._past = np.zeros(len(self._taps) - 1, np.float32)

    def resample(self, samples: Samples) -> Samples:
        """The next samples: as many times more or fewer as the rates say.

        Where the rate falls, what goes in has to be a multiple of what comes out.
        """
        if not len(samples):
            return samples
        known = np.concatenate((self._past, samples), dtype=np.float32)
        self._past = known[len(samples) :]
        size = known.itemsize
        # Each row is what a sample, or as many as the rate rises by, is made of: a view.
        rows = np.ndarray(
            (len(samples) // self._down, len(self._taps)),
            np.float32,
            known,
            strides=(self._down * size, size),
        )
        made: NDArray[np.float32] = np.dot(rows, self._taps)
        np.rint(made, out=made)
        np.maximum(np.minimum(made, _HIGHEST, out=made), _LOWEST, out=made)
        return made.astype(np.int16).reshape(-1)
