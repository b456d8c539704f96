"""A stretch of sound, ready to be sent in every form."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import g711
from .form import WIDE, WIDE_TICK_BYTES, encode


@dataclass(frozen=True, slots=True)
class Clip:
    """Sound coded once, at load, in both laws of G.711: one byte a sample, 8000 a second.

    `wide` is the same at 16 kHz, where the sound has more than 8 kHz can carry, and somebody may
    hear it; empty otherwise.
    """

    pcmu: bytes
    pcma: bytes
    wide: bytes = b""

    @classmethod
    def of(cls, samples: NDArray[np.int16], wide: NDArray[np.int16] | None = None) -> "Clip":
        """The clip of int16 samples at 8 kHz; `wide` are as many and twice as many, at 16 kHz."""
        return cls(
            g711.encode(samples, "PCMU"),
            g711.encode(samples, "PCMA"),
            b"" if wide is None else encode(wide, WIDE),
        )

    def form_for(self, wanted: str) -> str:
        """The form in which it is heard where `wanted` is: PCMU in the place of what it lacks."""
        return "PCMU" if wanted == WIDE and not self.wide else wanted

    def payload(self, form: str) -> bytes:
        """The whole clip in a form that it has; ValueError for another."""
        if form == "PCMU":
            return self.pcmu
        if form == "PCMA":
            return self.pcma
        if form == WIDE and len(self.wide) == WIDE_TICK_BYTES * len(self.pcmu):
            return self.wide
        raise ValueError(f"the clip has no form {form}")

    @property
    def samples(self) -> int:
        """Length in samples of 1/8000 s."""
        return len(self.pcmu)

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return 2 * len(self.pcmu) + len(self.wide)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.pcmu) / g711.SAMPLE_RATE_HZ


SILENCE = Clip(g711.SILENCE["PCMU"], g711.SILENCE["PCMA"])
"""20 ms of silence, to be looped."""


def joined(clips: Sequence[Clip], pause_samples: int, *, ends_with_pause: bool) -> Clip:
    """The clips one after the other, each two apart by a pause; wide where all of them are."""
    silence = np.zeros(pause_samples, np.int16)
    pauses = [Clip.of(silence, np.zeros(2 * pause_samples, np.int16))] * len(clips)
    parts = [part for pair in zip(clips, pauses, strict=True) for part in pair]
    if parts and not ends_with_pause:
        parts.pop()
    is_wide = all(part.wide for part in parts)
    return Clip(
        b"".join(part.pcmu for part in parts),
        b"".join(part.pcma for part in parts),
        b"".join(part.wide for part in parts) if is_wide else b"",
    )
