"""A clip that is heard over another sound: the sum of both, frame by frame, without a click."""

from typing import Final

import numpy as np

from .clip import Clip
from .fade import FADE_SAMPLES
from .g711 import SAMPLE_RATE_HZ, decode, encode

UNDER: Final = 0.5
"""What the other sound is turned down to meanwhile (-6 dB), so that both together are not cut."""

_STEP = 1.0 / FADE_SAMPLES


class MixedClip:
    """One clip over what one listener hears. `rounds` is how often it is heard, 0: without end.

    It rises within 10 ms, and falls as quickly at its end, or once it is stopped. The other sound
    is turned down to `under` of its amplitude meanwhile.
    """

    __slots__ = (
        "_clip",
        "_is_stopped",
        "_level",
        "_position",
        "_rounds_left",
        "_under",
        "heard_samples",
    )

    def __init__(
        self, clip: Clip, rounds: int = 1, *, position: int = 0, under: float = UNDER
    ) -> None:
        self._under = under
        self._clip = clip
        self._rounds_left = (rounds or -1) if clip.samples else 0
        self._position = position % max(1, clip.samples)
        self._level = 0.0
        self._is_stopped = False
        self.heard_samples = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left to be heard."""
        return self._rounds_left == 0 or (self._is_stopped and self._level <= 0.0)

    @property
    def heard_ms(self) -> int:
        """How much of it was heard."""
        return self.heard_samples * 1000 // SAMPLE_RATE_HZ

    def stop(self) -> None:
        """Let it fall silent within 10 ms."""
        self._is_stopped = True

    def over(self, payload: bytes, codec: str) -> bytes:
        """`payload` with the clip over it. KeyError for a codec that is not G.711."""
        count = len(payload)
        if not count or self.is_over:
            return payload
        sound = self._next(count, codec)
        steps = np.arange(1, count + 1) * _STEP
        levels = self._level + (-steps if self._is_stopped else steps)
        if self._rounds_left in (0, 1):
            left = len(sound) + self._rounds_left * (self._clip.samples - self._position)
            levels = np.minimum(levels, (left + 0.5) * _STEP - steps)
        levels = levels.clip(0.0, 1.0)
        self._level = float(levels[-1])
        clip = np.zeros(count)
        clip[: len(sound)] = decode(sound, codec)
        mixed = decode(payload, codec) * (1.0 - (1.0 - self._under) * levels) + clip * levels
        self.heard_samples += len(sound)
        return encode(np.rint(mixed).clip(-32768, 32767).astype(np.int16), codec)

    def _next(self, count: int, codec: str) -> bytes:
        """The next samples of the clip: fewer where it ends."""
        whole = self._clip.payload(codec)
        found = b""
        while len(found) < count and self._rounds_left:
            piece = whole[self._position : self._position + count - len(found)]
            found += piece
            self._position += len(piece)
            if self._position >= len(whole):
                self._position = 0
                self._rounds_left -= self._rounds_left > 0
        return found


class MixedClips:
    """The clips over what one listener hears: one, and those that fall still."""

    __slots__ = ("_clips",)

    def __init__(self) -> None:
        self._clips: list[MixedClip] = []

    def __len__(self) -> int:
        return len(self._clips)

    def add(self, clip: MixedClip) -> None:
        """Let one more be heard."""
        self._clips.append(clip)

    def over(self, payload: bytes, codec: str) -> bytes:
        """`payload` with all of them over it."""
        for clip in self._clips:
            payload = clip.over(payload, codec)
        return payload

    def forget_over(self) -> None:
        """Forget those that are over."""
        self._clips = [clip for clip in self._clips if not clip.is_over]
