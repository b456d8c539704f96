"""Fades of 10 ms between two sounds in G.711, so that no change of source clicks."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .g711 import SAMPLE_RATE_HZ, decode, encode

FADE_SAMPLES: Final = SAMPLE_RATE_HZ // 100

_RISE = (np.arange(FADE_SAMPLES, dtype=np.float32) + 0.5) / FADE_SAMPLES


def crossfade(before: bytes, payload: bytes, codec: str) -> bytes:
    """`payload`, whose first 10 ms rise while `before`, what would have come instead, falls.

    `before` has FADE_SAMPLES bytes in the same codec; a shorter `payload` is faded as far as it
    goes. KeyError for a codec that is not G.711.
    """
    count = min(len(before), len(payload), FADE_SAMPLES)
    rise = _RISE[:count]
    mixed = decode(payload[:count], codec) * rise + decode(before[:count], codec) * (1 - rise)
    return encode(np.rint(mixed).astype(np.int16), codec) + payload[count:]


def seamless(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """int16 samples for a loop: where it would click, the end passes into the beginning.

    The loop is then 10 ms shorter. One that goes on at its beginning as it ends stays as it is.
    """
    count = FADE_SAMPLES
    if len(samples) < 4 * count:
        return samples
    wide = samples.astype(np.float32)
    near = np.concatenate((np.diff(wide[:count]), np.diff(wide[-count:])))
    if abs(wide[0] - wide[-1]) <= np.abs(near).max():
        return samples
    wide[-count:] = wide[-count:] * (1 - _RISE) + wide[:count] * _RISE
    looped: NDArray[np.int16] = np.rint(wide[count:]).astype(np.int16)
    return looped


def fade_out(payload: bytes, left: int, codec: str) -> bytes:
    """`payload` of a sound that ends `left` samples after its first byte: the last 10 ms fall."""
    gain = (left - np.arange(len(payload)) - 0.5) / FADE_SAMPLES
    if gain[-1] >= 1.0:
        return payload
    faded = decode(payload, codec) * gain.clip(0.0, 1.0)
    return encode(np.rint(faded).astype(np.int16), codec)
