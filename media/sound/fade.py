"""Fades of 10 ms between two sounds in G.711, so that no change of source clicks."""

from typing import Final

import numpy as np

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


def fade_out(payload: bytes, left: int, codec: str) -> bytes:
    """`payload` of a sound that ends `left` samples after its first byte: the last 10 ms fall."""
    gain = (left - np.arange(len(payload)) - 0.5) / FADE_SAMPLES
    if gain[-1] >= 1.0:
        return payload
    faded = decode(payload, codec) * gain.clip(0.0, 1.0)
    return encode(np.rint(faded).astype(np.int16), codec)
