"""Tones rendered at 8 kHz from the notation of `tone_spec.py`.

Each stretch of sound is faded in and out so that it does not click; a looped tone of one segment
without duration has no edges at all.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..g711 import FULL_SCALE_DBM0, SAMPLE_RATE_HZ
from .tone_spec import DEFAULT_MS, Segment, parse

LEVEL_DBM0: Final = -13.0  # of the sum of a segment's frequencies; within ITU-T E.180's range

_RAMP_SAMPLES = 40  # 5 ms
_FREQUENCY_STEP_HZ = 0.1


def render(spec: str, *, loop: bool = False, level_dbm0: float = LEVEL_DBM0) -> NDArray[np.int16]:
    """int16 samples at 8 kHz of one round of the tone; raises ToneError.

    With `loop` the samples are meant to be repeated: a tone of one segment without duration then
    joins its own end without an edge. `level_dbm0` is the power of each sounding segment.
    """
    segments = parse(spec)
    if loop and len(segments) == 1 and segments[0].duration_ms is None:
        # Every frequency is a multiple of 0.1 Hz, so that ten seconds hold whole cycles of each.
        whole = all(hz.is_integer() for hz in segments[0].frequencies_hz)
        round_s = 1.0 if whole else 1.0 / _FREQUENCY_STEP_HZ
        return _sum(segments[0].frequencies_hz, round(round_s * SAMPLE_RATE_HZ), level_dbm0)
    return np.concatenate([_render_segment(segment, level_dbm0) for segment in segments])


def _render_segment(segment: Segment, level_dbm0: float) -> NDArray[np.int16]:
    duration_ms = segment.duration_ms if segment.duration_ms is not None else DEFAULT_MS
    samples = _sum(segment.frequencies_hz, duration_ms * SAMPLE_RATE_HZ // 1000, level_dbm0)
    ramp = min(_RAMP_SAMPLES, len(samples) // 2)
    fade = 0.5 - 0.5 * np.cos(np.pi * np.arange(ramp) / max(1, ramp))
    samples[:ramp] = np.rint(samples[:ramp] * fade)
    samples[len(samples) - ramp :] = np.rint(samples[len(samples) - ramp :] * fade[::-1])
    return samples


def _sum(frequencies_hz: tuple[float, ...], count: int, level_dbm0: float) -> NDArray[np.int16]:
    if not frequencies_hz:
        return np.zeros(count, np.int16)
    amplitude = 32767 * 10 ** ((level_dbm0 - FULL_SCALE_DBM0) / 20)
    amplitude /= len(frequencies_hz) ** 0.5
    t = np.arange(count, dtype=np.float64) / SAMPLE_RATE_HZ
    total = np.zeros(count, np.float64)
    for hz in frequencies_hz:
        total += np.sin(2 * np.pi * hz * t)
    samples: NDArray[np.int16] = np.rint(amplitude * total).clip(-32768, 32767).astype(np.int16)
    return samples
