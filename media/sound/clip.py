"""A stretch of sound, ready to be sent in either codec."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import g711


@dataclass(frozen=True, slots=True)
class Clip:
    """Sound coded once, at load, in both laws of G.711: one byte a sample, 8000 a second."""

    pcmu: bytes
    pcma: bytes

    @classmethod
    def of(cls, samples: NDArray[np.int16]) -> "Clip":
        """The clip of int16 samples at 8 kHz."""
        return cls(g711.encode(samples, "PCMU"), g711.encode(samples, "PCMA"))

    def payload(self, codec: str) -> bytes:
        """The whole clip in `codec`; ValueError for a codec that is not G.711."""
        if codec == "PCMU":
            return self.pcmu
        if codec == "PCMA":
            return self.pcma
        raise ValueError(f"{codec} is not G.711")

    @property
    def samples(self) -> int:
        """Length in samples of 1/8000 s."""
        return len(self.pcmu)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.pcmu) / g711.SAMPLE_RATE_HZ


SILENCE = Clip(g711.SILENCE["PCMU"], g711.SILENCE["PCMA"])
"""20 ms of silence, to be looped."""


def joined(clips: Sequence[Clip], pause_samples: int, *, ends_with_pause: bool) -> Clip:
    """The clips one after the other, each two apart by a pause."""
    pauses = [Clip.of(np.zeros(pause_samples, np.int16))] * len(clips)
    parts = [part for pair in zip(clips, pauses, strict=True) for part in pair]
    if parts and not ends_with_pause:
        parts.pop()
    return Clip(b"".join(part.pcmu for part in parts), b"".join(part.pcma for part in parts))
