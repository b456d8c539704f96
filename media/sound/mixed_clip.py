"""A clip that is heard over another sound: the sum of both, frame by frame, without a click."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .clip import Clip
from .fade import FADE_SAMPLES
from .form import WIDE, WIDE_HZ, decode, encode, tick_bytes
from .g711 import SAMPLE_RATE_HZ
from .resampler import Resampler

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
        "_upwards",
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
        self._upwards: Resampler | None = None  # where it is not wide, and what it is over is
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

    def over(self, payload: bytes, form: str) -> bytes:
        """`payload` with the clip over it. KeyError for what is no form."""
        if not payload or self.is_over:
            return payload
        count = len(payload) // tick_bytes(form)
        sound, length = self._next(count, form)
        under = decode(payload, form)
        per_tick = len(under) // count
        steps = np.arange(1, len(under) + 1) * (_STEP / per_tick)
        levels = self._level + (-steps if self._is_stopped else steps)
        if self._rounds_left in (0, 1):
            left = length + self._rounds_left * (self._clip.samples - self._position)
            levels = np.minimum(levels, (left + 0.5) * _STEP - steps)
        levels = levels.clip(0.0, 1.0)
        self._level = float(levels[-1])
        clip = np.zeros(len(under))
        clip[: len(sound)] = sound
        mixed = under * (1.0 - (1.0 - self._under) * levels) + clip * levels
        self.heard_samples += length
        return encode(np.rint(mixed).clip(-32768, 32767).astype(np.int16), form)

    def _next(self, count: int, form: str) -> tuple[NDArray[np.int16], int]:
        """The next `count` ticks of the clip at the rate of the form, fewer where it ends; how
        many."""
        known = self._clip.form_for(form)
        whole, unit = self._clip.payload(known), tick_bytes(known)
        found, length = b"", 0
        while length < count and self._rounds_left:
            ticks = min(count - length, self._clip.samples - self._position)
            found += whole[self._position * unit : (self._position + ticks) * unit]
            length += ticks
            self._position += ticks
            if self._position >= self._clip.samples:
                self._position = 0
                self._rounds_left -= self._rounds_left > 0
        samples = decode(found, known)
        if known != form and form == WIDE:
            if self._upwards is None:
                self._upwards = Resampler(SAMPLE_RATE_HZ, WIDE_HZ)
            samples = self._upwards.resample(samples)
        return samples, length


class MixedClips:
    """The clips over what one listener hears: one, and those that fall still."""

    __slots__ = ("_clips",)

    def __init__(self) -> None:
        self._clips: list[MixedClip] = []

    def __len__(self) -> int:
        return len(self._clips)

    def add_clip(self, clip: MixedClip) -> None:
        """Let one more be heard."""
        self._clips.append(clip)

    def over(self, payload: bytes, form: str) -> bytes:
        """`payload` with all of them over it."""
        for clip in self._clips:
            payload = clip.over(payload, form)
        return payload

    def forget_over(self) -> None:
        """Forget those that are over."""
        self._clips = [clip for clip in self._clips if not clip.is_over]
