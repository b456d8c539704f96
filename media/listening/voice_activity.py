"""When a party begins to speak, and stops."""

from collections import deque
from typing import Final

from .window import Speech

_BEGINS_OF: Final = (5, 8)  # so many of so many frames of 20 ms
_PAUSE_FRAMES: Final = 25


class VoiceActivity:
    """Follows one party frame by frame."""

    __slots__ = ("_newest", "_quiet", "_speech", "is_speaking")

    def __init__(self) -> None:
        self._speech = Speech()
        self._newest: deque[bool] = deque(maxlen=_BEGINS_OF[1])
        self._quiet = 0
        self.is_speaking = False

    def next_frame(self, frame: bytes, codec: str) -> bool | None:
        """20 ms of G.711. Whether the party begins (True) or stops (False) with it."""
        is_speech = self._speech.is_in(frame, codec)
        self._newest.append(is_speech)
        self._quiet = 0 if is_speech else self._quiet + 1
        if not self.is_speaking and sum(self._newest) >= _BEGINS_OF[0]:
            self.is_speaking = True
            return True
        if self.is_speaking and self._quiet >= _PAUSE_FRAMES:
            self.is_speaking = False
            self._newest.clear()
            return False
        return None

    def pause(self) -> bool | None:
        """Nothing comes any more: False where the party stops with that."""
        was_speaking, self.is_speaking = self.is_speaking, False
        self._newest.clear()
        return False if was_speaking else None
