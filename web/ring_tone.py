"""The ring tone of `/phone`, as a file that the page plays again and again."""

import array
import io
import math
import sys
import wave
from typing import Final

RATE: Final = 8000
RINGS_S: Final = 1.0
PAUSES_S: Final = 2.0
TONES_HZ: Final = (440.0, 480.0)
_LOUDEST: Final = 0.4 * 32767
_SOFT_S: Final = 0.02
"""Begins and ends within so long: what begins at once clicks."""


def ring_tone() -> bytes:
    """One ring and the pause after it: a WAV file of 16 bits, one channel."""
    samples = array.array("h", (round(_sample(n)) for n in range(round(RATE * RINGS_S))))
    samples.extend([0] * round(RATE * PAUSES_S))
    if sys.byteorder == "big":
        samples.byteswap()
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())
    return file.getvalue()


def _sample(number: int) -> float:
    at_s = number / RATE
    softness = min(1.0, at_s / _SOFT_S, (RINGS_S - at_s) / _SOFT_S)
    waves = sum(math.sin(2 * math.pi * hz * at_s) for hz in TONES_HZ)
    return _LOUDEST * softness * waves / len(TONES_HZ)
