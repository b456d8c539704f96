"""The forms of sound between a source and a leg: both laws of G.711, and samples at 16 kHz.

Sound at 16 kHz is `WIDE`: int16 samples in the machine's order. Places and lengths are counted in
ticks of 1/8000 s in each form, so that they stay what they are where the form changes: a tick is a
byte of G.711, or two samples at 16 kHz. A law is the encoding name of RFC 3551, "PCMU" or "PCMA".
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import g711
from .g711 import FRAME_SAMPLES

WIDE: Final = "wide"
WIDE_HZ: Final = 16000
WIDE_TICK_BYTES: Final = 4
SILENCE: Final = {**g711.SILENCE, WIDE: bytes(WIDE_TICK_BYTES * FRAME_SAMPLES)}
"""One frame of silence by form."""


def tick_bytes(form: str) -> int:
    """How many bytes 1/8000 s is."""
    return WIDE_TICK_BYTES if form == WIDE else 1


def rate_hz(form: str) -> int:
    """Samples a second."""
    return WIDE_HZ if form == WIDE else g711.SAMPLE_RATE_HZ


def encode(samples: NDArray[np.int16], form: str) -> bytes:
    """Sound of int16 samples at the rate of the form; KeyError for what is no form."""
    if form == WIDE:
        return np.ascontiguousarray(samples, np.int16).tobytes()
    return g711.encode(samples, form)


def decode(payload: bytes, form: str) -> NDArray[np.int16]:
    """int16 samples at the rate of the form; KeyError for what is no form."""
    if form == WIDE:
        return np.frombuffer(payload, np.int16)
    return g711.decode(payload, form)


def form_of(payload: bytes, law: str, ticks: int = FRAME_SAMPLES) -> str:
    """The form of a stretch of this many ticks, whose law of G.711 is known, by its length."""
    return WIDE if len(payload) == WIDE_TICK_BYTES * ticks else law
