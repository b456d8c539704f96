"""What a phone has heard: tones and other sound in a recording, by time.

A recording is cut into windows of 0.2 s, one every 0.1 s. In each a tone is measured by
correlation with its frequency, and beside it the level of all that sounds. Levels are dBFS of a
sine. A tone counts as heard in a window when it is at -45 dBFS or above and within 12 dB of all.
"""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WINDOW_S = 0.2
STEP_S = 0.1
FLOOR_DBFS = -45.0
WITHIN_DB = 12.0


@dataclass(frozen=True, slots=True)
class Window:
    """The level of all sound in one window, and its samples."""

    samples: NDArray[np.float64]
    level_dbfs: float
    rate: int

    def tone_dbfs(self, hz: float) -> float:
        """The level of one tone in it."""
        weights = np.hanning(len(self.samples))
        phase = np.exp(-2j * np.pi * hz / self.rate * np.arange(len(self.samples)))
        amplitude = 2 * abs(complex(np.dot(self.samples * weights, phase))) / float(weights.sum())
        return _dbfs(amplitude)

    def holds(self, hz: float) -> bool:
        """Whether the tone is heard in it."""
        level = self.tone_dbfs(hz)
        return level >= FLOOR_DBFS and level >= self.level_dbfs - WITHIN_DB


class Heard:
    """A stretch of a recording. `started` is the Unix time of its first sample."""

    def __init__(self, samples: NDArray[np.float64], rate: int, started: float) -> None:
        self.started = started
        self.duration_s = len(samples) / rate
        self._samples = samples
        self._rate = rate
        size, step = int(WINDOW_S * rate), int(STEP_S * rate)
        cuts = (samples[at : at + size] for at in range(0, len(samples) - size + 1, step))
        self._windows = [Window(cut, _level_dbfs(cut), rate) for cut in cuts]

    @classmethod
    def read(cls, path: Path, started: float) -> "Heard":
        """The recording in a 16 bit mono WAV file. Raises OSError, wave.Error."""
        with wave.open(str(path), "rb") as file:
            data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            return cls(data.astype(np.float64) / 32768, file.getframerate(), started)

    def at(self, start: float, end: float) -> "Heard":
        """What was heard from Unix time `start` to `end`."""
        first = max(0, int((start - self.started) * self._rate))
        last = max(first, int((end - self.started) * self._rate))
        return Heard(self._samples[first:last], self._rate, self.started + first / self._rate)

    def tone_s(self, hz: float) -> float:
        """For how many seconds the tone was heard."""
        return self._seconds(sum(window.holds(hz) for window in self._windows))

    def other_s(self, *tones_hz: float) -> float:
        """For how many seconds there was sound, but none of these tones."""
        return self._seconds(
            sum(
                window.level_dbfs >= FLOOR_DBFS and not any(map(window.holds, tones_hz))
                for window in self._windows
            )
        )

    def level_dbfs(self) -> float:
        """The level of the whole."""
        return _level_dbfs(self._samples)

    def _seconds(self, windows: int) -> float:
        return round(windows * STEP_S, 1)


def _level_dbfs(samples: NDArray[np.float64]) -> float:
    if not len(samples):
        return -120.0
    return _dbfs(float(np.sqrt(2 * np.mean(samples**2))))


def _dbfs(amplitude: float) -> float:
    return 20 * float(np.log10(max(amplitude, 1e-6)))
