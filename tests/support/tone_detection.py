"""Which tones are in a recording: what the tests use to know who is heard.

Samples are one channel, int16 or float in -1…1, as a numpy array, or as bytes of little-endian
int16 as they stand in a WAV file. Levels are dBFS of a sine: a sine that touches full scale has
0 dBFS.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16] | NDArray[np.float32] | NDArray[np.float64] | bytes

_FLOOR_DBFS = -120.0
_BELOW_ALL_DB = 18.0
_BLOCK_S = 0.2  # a window this long distinguishes tones some 20 Hz apart


def _floats(samples: Samples) -> NDArray[np.float64]:
    if isinstance(samples, bytes):
        samples = np.frombuffer(samples, "<i2")
    scale = 32768.0 if samples.dtype == np.int16 else 1.0
    return samples.astype(np.float64) / scale


def _dbfs(amplitude: float) -> float:
    return max(_FLOOR_DBFS, 20 * float(np.log10(max(amplitude, 1e-12))))


def dominant_hz(samples: Samples, rate: int) -> float:
    """The frequency of the strongest spectral line in Hz; 0.0 when there is only silence."""
    values = _floats(samples)
    if len(values) < 16:
        return 0.0
    values = (values - values.mean()) * np.hanning(len(values))
    spectrum = np.abs(np.fft.rfft(values))
    if spectrum.max() < 1e-6 * len(values):
        return 0.0
    peak = int(spectrum.argmax())
    if 0 < peak < len(spectrum) - 1:  # the parabola through the logs of three bins
        left, top, right = np.log(spectrum[peak - 1 : peak + 2] + 1e-12)
        bend = left - 2 * top + right
        offset = 0.5 * (left - right) / bend if bend else 0.0
    else:
        offset = 0.0
    return float((peak + offset) * rate / len(values))


def tone_level_dbfs(samples: Samples, rate: int, hz: float) -> float:
    """Level of the tone at `hz` over the whole of `samples`, in dBFS, -120 at the least."""
    values = _floats(samples)
    if not len(values):
        return _FLOOR_DBFS
    window = np.hanning(len(values) + 2)[1:-1]
    phase = np.exp(-2j * np.pi * hz / rate * np.arange(len(values)))
    return _dbfs(2 * abs(complex(np.dot(values * window, phase))) / float(window.sum()))


def level_dbfs(samples: Samples) -> float:
    """RMS level of all that sounds, in dBFS of a sine, -120 at the least."""
    values = _floats(samples)
    if not len(values):
        return _FLOOR_DBFS
    return _dbfs(float(np.sqrt(2 * np.mean(values**2))))


def _blocks(samples: Samples, rate: int) -> list[NDArray[np.float64]]:
    values = _floats(samples)
    size = int(_BLOCK_S * rate)
    return [values[at : at + size] for at in range(0, len(values) - size + 1, size // 2)]


def _block_has(block: NDArray[np.float64], rate: int, hz: float, floor_dbfs: float) -> bool:
    # Clock drift between recorder and player moves a tone by far less than a bin; a bin is
    # 1 / block length = 5 Hz, so neighbours are searched for peers that resample.
    level = max(tone_level_dbfs(block, rate, hz + offset) for offset in (-3.0, 0.0, 3.0))
    # White noise lies 27 dB under its own level in such a window, G.711 noise lower still.
    return level >= floor_dbfs and level >= level_dbfs(block) - _BELOW_ALL_DB


def _runs(samples: Samples, rate: int, hz: float, floor_dbfs: float) -> list[tuple[float, float]]:
    """(start, length) in seconds of each unbroken stretch of windows that hold the tone."""
    runs: list[tuple[float, float]] = []
    previous = False
    for index, block in enumerate(_blocks(samples, rate)):
        found = _block_has(block, rate, hz, floor_dbfs)
        if found and previous:
            start, length = runs[-1]
            runs[-1] = (start, length + _BLOCK_S / 2)
        elif found:
            runs.append((index * _BLOCK_S / 2, _BLOCK_S))
        previous = found
    return runs


def heard(
    samples: Samples, rate: int, hz: float, *, floor_dbfs: float = -45.0, for_s: float = 0.3
) -> bool:
    """Whether the tone at `hz` sounds for `for_s` seconds on end, at `floor_dbfs` or above.

    Looked for in windows of 0.2 s, so that a short stretch in a long recording is found, and each
    window must hold the tone to within 18 dB of all that sounds there, so that neither noise nor
    the skirt of another tone counts. Tones 25 Hz or more apart are distinguished.
    """
    runs = _runs(samples, rate, hz, floor_dbfs)
    return any(length >= for_s - 1e-9 for _, length in runs)


def heard_s(samples: Samples, rate: int, hz: float, *, floor_dbfs: float = -45.0) -> float:
    """For how many seconds in all (in steps of 0.1 s) the tone at `hz` sounds; see `heard`."""
    return round(sum(length for _, length in _runs(samples, rate, hz, floor_dbfs)), 3)


def first_heard_s(
    samples: Samples, rate: int, hz: float, *, floor_dbfs: float = -45.0
) -> float | None:
    """Where, in seconds from the start, the tone at `hz` is first heard; None when it never is."""
    runs = _runs(samples, rate, hz, floor_dbfs)
    return round(runs[0][0], 3) if runs else None


def longest_gap_s(samples: Samples, rate: int, *, floor_dbfs: float = -60.0) -> float:
    """The longest stretch in seconds (in steps of 10 ms) whose RMS level is below `floor_dbfs`."""
    values = _floats(samples)
    size = max(1, rate // 100)
    whole = values[: len(values) // size * size].reshape(-1, size)
    amplitude = np.sqrt(2 * np.mean(whole**2, axis=1))
    longest = run = 0
    for quiet in amplitude < 10 ** (floor_dbfs / 20):
        run = run + 1 if quiet else 0
        longest = max(longest, run)
    return longest / 100
