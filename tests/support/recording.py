"""A WAV recording and the sounds to put into one."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import tone_detection


@dataclass(frozen=True, slots=True)
class Recording:
    """Mono int16 samples at `rate` Hz. Times are seconds from its start, `started` is Unix time."""

    samples: NDArray[np.int16]
    rate: int = 8000
    started: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate

    def between(self, start_s: float, end_s: float | None = None) -> "Recording":
        """The part from `start_s` to `end_s`; negative times count from the end."""
        start = int(start_s * self.rate)
        end = None if end_s is None else int(end_s * self.rate)
        return Recording(self.samples[start:end], self.rate, self.started + start_s)

    def at(self, start: float, end: float) -> "Recording":
        """What was heard from Unix time `start` to `end`."""
        return self.between(max(0.0, start - self.started), max(0.0, end - self.started))

    def hears(self, hz: float, *, for_s: float = 0.3) -> bool:
        """Whether the tone at `hz` sounds in it for `for_s` on end."""
        return tone_detection.heard(self.samples, self.rate, hz, for_s=for_s)

    def first_heard_s(self, hz: float) -> float | None:
        """When the tone at `hz` is first heard."""
        return tone_detection.first_heard_s(self.samples, self.rate, hz)

    def heard_s(self, hz: float) -> float:
        """For how long in all the tone at `hz` sounds."""
        return tone_detection.heard_s(self.samples, self.rate, hz)

    def level_dbfs(self) -> float:
        """Its level, in dB below a sine of full scale."""
        return tone_detection.level_dbfs(self.samples)

    def longest_gap_s(self) -> float:
        """The longest silence in it."""
        return tone_detection.longest_gap_s(self.samples, self.rate)


def read_wav(path: Path, *, started: float = 0.0) -> Recording:
    """The recording in a 16 bit WAV file; of two channels, the left one."""
    with wave.open(str(path), "rb") as file:
        channels = file.getnchannels()
        assert channels in (1, 2) and file.getsampwidth() == 2, path
        data = file.readframes(file.getnframes())
        samples = np.frombuffer(data[: len(data) & ~1], "<i2")[::channels]
        return Recording(samples, file.getframerate(), started)


def read_stereo_wav(path: Path) -> tuple[Recording, Recording]:
    """The left and the right channel of a 16 bit stereo WAV file."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (2, 2), path
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        left, right = both[0::2], both[1::2]
        return Recording(left, file.getframerate()), Recording(right, file.getframerate())


def write_tone_wav(
    path: Path, hz: float, duration_s: float, *, rate: int = 8000, peak: float = 0.316
) -> Path:
    """A steady sine, 10 dB below full scale unless `peak` says otherwise."""
    times = np.arange(int(duration_s * rate)) / rate
    samples = (peak * 32767 * np.sin(2 * np.pi * hz * times)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path
