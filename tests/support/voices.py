"""Sound like a voice: a pitch that moves, under syllables that come and go. Made in numpy alone."""

import numpy as np
from numpy.typing import NDArray


def voice(duration_s: float, rate_hz: int = 8000, *, pitch_hz: float = 120.0) -> NDArray[np.int16]:
    """So many seconds of it, always the same."""
    time_s = np.arange(int(duration_s * rate_hz)) / rate_hz
    pitch = pitch_hz + 15 * np.sin(3 * time_s)
    phase = np.cumsum(2 * np.pi * pitch / rate_hz)
    tones = sum(np.sin(k * phase) / k for k in range(1, 9))
    samples: NDArray[np.int16] = (3000 * tones * (0.6 + 0.4 * np.sin(8 * time_s))).astype(np.int16)
    return samples


def loudest_step(samples: NDArray[np.int16]) -> int:
    """The greatest difference of two neighbours: what clicks."""
    return int(np.abs(np.diff(samples.astype(np.int32))).max())


def found_at(piece: NDArray[np.int16], heard: NDArray[np.int16]) -> int:
    """The sample of `heard` at which `piece` is most likely to begin."""
    wide, sought = heard.astype(np.float64), piece.astype(np.float64)
    power = np.cumsum(np.concatenate(([0.0], wide**2)))
    energy = power[len(sought) :] - power[: -len(sought)]
    return int(np.argmax(np.correlate(wide, sought, "valid") / np.sqrt(energy + 1.0)))


def tone(hz: float, duration_s: float, rate_hz: int = 8000) -> NDArray[np.int16]:
    """A sine of the amplitude 10000."""
    time_s = np.arange(int(duration_s * rate_hz)) / rate_hz
    samples: NDArray[np.int16] = np.rint(10000 * np.sin(2 * np.pi * hz * time_s)).astype(np.int16)
    return samples


def level_of(hz: float, samples: NDArray[np.int16], rate_hz: int = 8000) -> float:
    """The amplitude of a sine in what is heard."""
    wave = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / rate_hz)
    return float(2 * abs(np.mean(samples * wave)))
