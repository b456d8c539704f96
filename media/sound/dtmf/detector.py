"""Keys that are heard as sound: DTMF found in speech, by the limits of ITU-T Q.24.

The sound is looked at every 10 ms through a window of 25 ms: the strength and the exact frequency
of each of the eight tones. A key is one low and one high tone, near their frequencies, about as
loud as each other, with little else beside them, for long enough.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..g711 import SAMPLE_RATE_HZ

LOW_HZ: Final = (697.0, 770.0, 852.0, 941.0)
HIGH_HZ: Final = (1209.0, 1336.0, 1477.0, 1633.0)
KEYS: Final = "123A456B789C*0#D"
"""Row by row: the key of low tone l and high tone h is at 4 * l + h."""

_HOP = 80
WINDOW = 200
_HOP_MS = _HOP * 1000 // SAMPLE_RATE_HZ
_FREQUENCIES = np.array(LOW_HZ + HIGH_HZ)
_SHAPE = np.hanning(WINDOW + 2)[1:-1]
_AT = np.arange(WINDOW)
# The amplitude of a sine at each frequency, as a complex number.
PROBES: NDArray[np.complex128] = (
    2 / _SHAPE.sum() * _SHAPE * np.exp(-2j * np.pi * np.outer(_FREQUENCIES, _AT) / SAMPLE_RATE_HZ)
)
_ADVANCE: NDArray[np.float64] = 2 * np.pi * _FREQUENCIES * _HOP / SAMPLE_RATE_HZ
POWER_SHAPE: NDArray[np.float64] = _SHAPE**2 / (_SHAPE**2).sum()

LEAST_AMPLITUDE: Final = 300.0  # -38 dBm0 a tone; Q.24: -25 dBm is to be accepted
MOST_OFF: Final = 0.022  # of the frequency; Q.24: 1.5 % is accepted, 3.5 % is not
MOST_HIGH_OVER_LOW: Final = 10 ** (6.0 / 20)  # Q.24: 4 dB is accepted
MOST_LOW_OVER_HIGH: Final = 10 ** (10.0 / 20)  # Q.24: 8 dB is accepted
MOST_OTHERS: Final = 0.4  # of a tone that is no part of the key, beside the one of its group
BESIDE: Final = 0.64  # so much weaker is a tone beside its frequency, by the square of the bins
LEAST_SHARE: Final = 0.88  # the share of the key in the power of the sound
_STEADY: Final = 0.4  # of the loudest: below that the key is let go
_LEAST_MS: Final = 32.0  # Q.24: 40 ms is a key, 23 ms is none
_MISSES: Final = 2  # windows without the key end it; an interruption of 10 ms is one


@dataclass(slots=True)
class _Key:
    """A key that is being heard."""

    number: int
    loudest: float
    amplitudes: list[float]
    misses: int = 0
    pure: int = 0


class DtmfDetector:
    """Takes the sound of one line, 8,000 samples a second, and gives the keys that are pressed."""

    __slots__ = ("_before", "_key", "_phases", "_sound")

    def __init__(self) -> None:
        self._sound: NDArray[np.float64]  # what the next window begins with
        self._phases: NDArray[np.float64]
        self._key: _Key | None
        self.restart()

    @property
    def is_idle(self) -> bool:
        """Whether no key is being heard, and none may have begun."""
        return self._key is None and self._before < 0

    def restart(self) -> None:
        """What was heard is not followed by what comes."""
        self._sound = np.zeros(WINDOW - _HOP, np.float64)
        self._phases = np.zeros(8)
        self._key, self._before = None, -1

    def feed(self, samples: NDArray[np.int16]) -> list[tuple[str, int]]:
        """The keys that ended in this sound: each once, with its length in ms."""
        sound = np.concatenate((self._sound, samples.astype(np.float64)))
        pressed = []
        begin = 0
        while begin + WINDOW <= len(sound):
            key = self._look(sound[begin : begin + WINDOW])
            if key is not None:
                pressed.append(key)
            begin += _HOP
        self._sound = sound[begin:]
        return pressed

    def _look(self, window: NDArray[np.float64]) -> tuple[str, int] | None:
        tones = PROBES @ window
        strengths = np.abs(tones)
        phases = np.angle(tones)
        turned = phases - self._phases - _ADVANCE
        self._phases = phases
        key = self._key
        low, high = int(strengths[:4].argmax()), int(strengths[4:].argmax())
        number = 4 * low + high
        if key is None and min(strengths[low], strengths[4 + high]) < LEAST_AMPLITUDE:
            self._before = -1
            return None
        power = float(window**2 @ POWER_SHAPE)
        strength = self._strength(low, 4 + high, strengths, turned, power)
        was, self._before = self._before, number if strength > 0.0 else -1
        if key is None:
            # The frequency is known from the second window on.
            if strength > 0.0 and was == number:
                self._key = _Key(number, strength, [strength, strength], pure=2)
            return None
        row, column = divmod(key.number, 4)
        present = float(min(strengths[row], strengths[4 + column]))
        if number == key.number and present >= _STEADY * key.loudest:
            key.misses = 0
            key.loudest = max(key.loudest, present)
            key.pure += strength > 0.0
            key.amplitudes.append(present)
            return None
        key.misses += 1
        key.amplitudes.append(present)
        if key.misses < _MISSES:
            return None
        self._key, self._before = None, -1
        return self._ended(key)

    def _strength(
        self,
        low: int,
        high: int,
        strengths: NDArray[np.float64],
        turned: NDArray[np.float64],
        power: float,
    ) -> float:
        """How strong the weaker of the two tones is; 0 where they are no key."""
        pair = np.array((low, high))
        # Between two windows the phase turns in proportion to the error of the frequency.
        off_hz = (turned[pair] + np.pi) % (2 * np.pi) - np.pi
        off_hz *= SAMPLE_RATE_HZ / (2 * np.pi * _HOP)
        if np.any(np.abs(off_hz) > MOST_OFF * _FREQUENCIES[pair]):
            return 0.0
        bins = off_hz * WINDOW / SAMPLE_RATE_HZ
        low_tone, high_tone = (float(one) for one in strengths[pair] * (1 + BESIDE * bins**2))
        if high_tone > MOST_HIGH_OVER_LOW * low_tone or low_tone > MOST_LOW_OVER_HIGH * high_tone:
            return 0.0
        others = np.delete(strengths, pair)
        if others[:3].max() > MOST_OTHERS * low_tone or others[3:].max() > MOST_OTHERS * high_tone:
            return 0.0
        if (low_tone**2 + high_tone**2) / 2 < LEAST_SHARE * power:
            return 0.0
        return min(low_tone, high_tone)

    @staticmethod
    def _ended(key: _Key) -> tuple[str, int] | None:
        """The key, where it lasted long enough. The windows together covered it once."""
        heard = key.amplitudes[: -key.misses]
        length_ms = _HOP_MS * (sum(heard) / key.loudest - 1) + _EDGES_MS
        is_steady = key.pure >= max(2, len(heard) // 2)
        if length_ms < _LEAST_MS or not is_steady:
            return None
        return KEYS[key.number], round(length_ms)


_EDGES_MS: Final = 16.0  # what the first and last windows, which are not counted, have of it
