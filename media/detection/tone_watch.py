"""Follows single tones: when one began, how long it lasted, at which frequency."""

from dataclasses import dataclass
from typing import Final

_STEADY_HZ: Final = 14.0
_MISSES: Final = 2  # frames; a turn of the phase, as of an answer tone, spoils as many


@dataclass(slots=True)
class Tone:
    """A single tone. Times are ms since the answer; `ended_ms` is the last that was heard of it."""

    hz: float
    began_ms: int
    ended_ms: int

    @property
    def duration_ms(self) -> int:
        """How long it lasted so far."""
        return self.ended_ms - self.began_ms


class ToneWatch:
    """Takes the frequency of each frame, 0 for none. `current` is the tone that is heard."""

    __slots__ = ("_misses", "current")

    def __init__(self) -> None:
        self.current: Tone | None = None
        self._misses = 0

    def next_frame(self, hz: float, at_ms: int, frame_ms: int) -> Tone | None:
        """A frame that ends at `at_ms`. Returns the tone that has ended with it."""
        tone = self.current
        if tone is not None and hz and abs(hz - tone.hz) <= _STEADY_HZ:
            tone.hz += 0.2 * (hz - tone.hz)
            tone.ended_ms, self._misses = at_ms, 0
            return None
        ended = None
        if tone is not None:
            self._misses += 1
            if self._misses <= _MISSES and not hz:
                return None
            ended, self.current = tone, None
        if hz:
            self.current, self._misses = Tone(hz, at_ms - frame_ms, at_ms), 0
        return ended
