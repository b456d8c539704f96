"""Comfort noise (RFC 3389): the payload that describes a background, and noise made of it.

The first byte is the level below overload in dB, each further one a reflection coefficient of the
filter that gives the noise its colour (sections 3.1 and 3.2).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .codec import Samples

PAYLOAD_TYPE: Final = 13
"""The static one, for a clock of 8000 Hz (section 4)."""

_OVERLOAD: Final = 32768.0
_QUIETEST: Final = 127
_MOST_COEFFICIENTS: Final = 20
_STEP: Final = 258 / 32768
_MIDDLE: Final = 127
_LARGEST: Final = 0.99  # of a coefficient: beyond it the filter rings for ever
_DEEPEST: Final = 1e-6
_LOOP_S: Final = 0.5  # of noise, which is then heard from another place on
_ORDER: Final = 4  # of the filters of what we make
_QUIET: Final = 80.0  # RMS: under -52 dBov nobody speaks


class ComfortNoise:
    """Noise as a payload describes it, at any rate. `seed` makes it repeatable."""

    __slots__ = ("_loop", "_payload", "_position", "_rate_hz", "_rng")

    def __init__(self, rate_hz: int, seed: int | None = None) -> None:
        self._rate_hz = rate_hz
        self._rng = np.random.default_rng(seed)
        self._payload: bytes | None = None
        self._loop = np.zeros(int(_LOOP_S * rate_hz), np.int16)
        self._position = 0

    def describe(self, payload: bytes) -> None:
        """Make this noise from now on. An empty payload is that of silence."""
        if payload == self._payload:
            return
        self._payload = payload
        level = min(payload[0] & 0x7F, _QUIETEST) if payload else _QUIETEST
        coefficients = _reflection_coefficients(payload[1 : 1 + _MOST_COEFFICIENTS])
        count = len(self._loop)
        spectrum = np.fft.rfft(self._rng.standard_normal(count))
        spectrum /= np.abs(np.fft.rfft(_predictor(coefficients), count)) + _DEEPEST
        noise = np.fft.irfft(spectrum, count)
        wanted = _OVERLOAD * 10 ** (-level / 20)
        noise *= wanted / max(float(np.sqrt(np.mean(noise**2))), 1e-9)
        self._loop = np.rint(noise).clip(-32768, 32767).astype(np.int16)

    def make(self, samples: int) -> Samples:
        """The next samples of it."""
        count = len(self._loop)
        if self._position + samples > count:
            self._position = int(self._rng.integers(0, count // 2))
        start = self._position
        self._position = start + samples
        return np.resize(self._loop[start:], samples)


def is_quiet(samples: Samples) -> bool:
    """Whether nobody speaks in it."""
    wide = samples.astype(np.float32)
    return float(np.dot(wide, wide)) <= _QUIET**2 * len(wide)


def describe_noise(samples: Samples) -> bytes:
    """The payload that describes a stretch of background noise: its level and four coefficients."""
    wide = samples.astype(np.float64)
    power = float(np.mean(wide**2)) if len(wide) else 0.0
    if power < 1.0:
        return bytes([_QUIETEST])
    level = round(-10 * np.log10(power / _OVERLOAD**2))
    lags = [float(np.dot(wide[lag:], wide[: len(wide) - lag])) for lag in range(_ORDER + 1)]
    return bytes([min(max(level, 0), _QUIETEST), *map(_quantised, _levinson(lags))])


def _quantised(coefficient: float) -> int:
    return min(max(round(coefficient / _STEP) + _MIDDLE, 0), 2 * _MIDDLE)


def _reflection_coefficients(quantised: bytes) -> list[float]:
    return [max(-_LARGEST, min(_LARGEST, (number - _MIDDLE) * _STEP)) for number in quantised]


def _predictor(coefficients: list[float]) -> NDArray[np.float64]:
    """The polynomial A(z) of reflection coefficients, by the step-up recursion."""
    polynomial = np.ones(1)
    for coefficient in coefficients:
        longer = np.append(polynomial, 0.0)
        polynomial = longer + coefficient * longer[::-1]
    return polynomial


def _levinson(lags: list[float]) -> list[float]:
    """Reflection coefficients of an autocorrelation, by the recursion of Levinson and Durbin."""
    error = lags[0] * (1 + 1e-9)
    polynomial = np.ones(1)
    found = []
    for order in range(1, len(lags)):
        correlation = sum(polynomial[k] * lags[order - k] for k in range(order))
        coefficient = -float(correlation) / error
        found.append(coefficient)
        longer = np.append(polynomial, 0.0)
        polynomial = longer + coefficient * longer[::-1]
        error *= 1 - coefficient**2
    return found
