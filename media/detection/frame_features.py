"""What is heard in 20 ms of sound: how loud it is, whether it is speech, and which tone it is."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from ..sound.g711 import FRAME_SAMPLES, SAMPLE_RATE_HZ

FRAME_MS: Final = 20
FLOOR_DBFS: Final = -96.0

_WINDOW = 256
_SHAPE: NDArray[np.float64] = np.hanning(_WINDOW + 2)[1:-1]
_BIN_HZ: Final = SAMPLE_RATE_HZ / _WINDOW
_LOWEST_BIN, _HIGHEST_BIN = round(300 / _BIN_HZ), round(3500 / _BIN_HZ)
_SIDE: Final = 2  # bins on either side that a tone fills
_PURE: Final = 0.9  # the share of a tone in the power, from which on there is nothing else
_FULL_SCALE_POWER: Final = 32768.0**2 / 2
_TO_POWER: Final = 2 / (_WINDOW * float((_SHAPE**2).sum()))
# How strict the detector of webrtc is, 0 to 3: noise must not be speech, quiet speech must be.
_STRICTNESS: Final = 2
_QUIETEST_DBFS: Final = -52.0
_ABOVE_NOISE_DB: Final = 6.0
_BELOW_SPEECH_DB: Final = 26.0
_NOISE_RISES_DB: Final = 0.06  # a frame: 3 dB a second, so that speech does not become noise
_SPEECH_FALLS_DB: Final = 0.1


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """20 ms of sound. `tone_hz` is 0 where it is no single tone; `is_tonal`: of one or two."""

    level_dbfs: float
    is_loud: bool
    is_speech: bool
    is_tonal: bool
    tone_hz: float


class FeatureReader:
    """Reads the features of one line, frame by frame; it learns how loud its noise is."""

    __slots__ = ("_before", "_noise_dbfs", "_speech_dbfs", "_vad")

    def __init__(self) -> None:
        self._vad = webrtcvad.Vad(_STRICTNESS)
        self._before: NDArray[np.int16] = np.zeros(_WINDOW - FRAME_SAMPLES, np.int16)
        self._noise_dbfs = -45.0
        self._speech_dbfs = -40.0

    def read(self, frame: NDArray[np.int16]) -> FrameFeatures:
        """The features of the next FRAME_SAMPLES samples."""
        is_voiced = bool(self._vad.is_speech(frame.tobytes(), SAMPLE_RATE_HZ))
        window = np.concatenate((self._before, frame))
        self._before = window[FRAME_SAMPLES:]
        spectrum = np.abs(np.fft.rfft(window * _SHAPE)) ** 2
        # Without hum and the noise of streets, which lie below the band of a telephone.
        power = float(spectrum[_LOWEST_BIN:_HIGHEST_BIN].sum()) * _TO_POWER / _FULL_SCALE_POWER
        level = 10 * math.log10(max(power, 10 ** (FLOOR_DBFS / 10)))
        least = max(
            _QUIETEST_DBFS,
            self._noise_dbfs + _ABOVE_NOISE_DB,
            self._speech_dbfs - _BELOW_SPEECH_DB,
        )
        is_loud = level >= least
        tone_hz, is_tonal = _tone(spectrum) if is_loud else (0.0, False)
        is_speech = is_loud and is_voiced and not is_tonal
        if level < self._noise_dbfs:
            self._noise_dbfs += (level - self._noise_dbfs) * 0.3
        elif not is_tonal:
            self._noise_dbfs += _NOISE_RISES_DB
        if is_speech and level > self._speech_dbfs:
            self._speech_dbfs = level
        else:
            self._speech_dbfs = max(-40.0, self._speech_dbfs - _SPEECH_FALLS_DB)
        return FrameFeatures(level, is_loud, is_speech, is_tonal, tone_hz)


def _tone(spectrum: NDArray[np.float64]) -> tuple[float, bool]:
    """The only tone of a loud frame in hertz, 0 for none; and whether there are but one or two."""
    total = float(spectrum[1:].sum())
    peak = _LOWEST_BIN + int(spectrum[_LOWEST_BIN:_HIGHEST_BIN].argmax())
    first = float(spectrum[peak - _SIDE : peak + _SIDE + 1].sum())
    if first < _PURE * total:
        rest = spectrum[_LOWEST_BIN:_HIGHEST_BIN].copy()
        near = peak - _LOWEST_BIN
        rest[max(0, near - _SIDE) : near + _SIDE + 1] = 0.0
        other = _LOWEST_BIN + int(rest.argmax())
        second = float(rest[max(0, other - _LOWEST_BIN - _SIDE) :][: 2 * _SIDE + 1].sum())
        return 0.0, first + second >= _PURE * total and first < 12 * second
    left, middle, right = (math.log(max(float(one), 1e-9)) for one in spectrum[peak - 1 : peak + 2])
    bend = left - 2 * middle + right
    off = 0.5 * (left - right) / bend if bend else 0.0
    return (peak + off) * _BIN_HZ, True
