"""Cuts what a party says into utterances, by which of its frames have a voice in them. Sans-IO."""

from collections import deque
from typing import Final

FRAME_MS: Final = 30
_BEGIN_FRAMES: Final = 10
_BEGIN_VOICED: Final = 6  # of the last _BEGIN_FRAMES: the party speaks
_BEFORE_FRAMES: Final = 15  # of what came before that, they are a part of it
_LONGEST_MS: Final = 15_000


class Utterances:
    """An utterance is over after `pause_ms` without a voice."""

    def __init__(self, pause_ms: int) -> None:
        self._pause_frames = pause_ms // FRAME_MS
        self._before: deque[tuple[bytes, bool]] = deque(maxlen=_BEFORE_FRAMES)
        self._frames: list[bytes] = []
        self._quiet = 0
        self._at_ms = 0
        self.is_speaking = False
        self.from_ms = self.to_ms = 0
        """When the newest utterance began, and when its voice ended."""

    def add_frame(self, frame: bytes, *, is_voiced: bool) -> bytes | None:
        """The next 30 ms. Returns the utterance that is over with it, if one is."""
        self._at_ms += FRAME_MS
        if not self.is_speaking:
            self._before.append((frame, is_voiced))
            newest = list(self._before)[-_BEGIN_FRAMES:]
            if sum(voiced for _, voiced in newest) < _BEGIN_VOICED:
                return None
            self.is_speaking = True
            self._frames = [one for one, _ in self._before]
            self._before.clear()
            self._quiet = 0
            self.from_ms = self._at_ms - len(self._frames) * FRAME_MS
            return None
        self._frames.append(frame)
        self._quiet = 0 if is_voiced else self._quiet + 1
        is_long = len(self._frames) * FRAME_MS >= _LONGEST_MS
        if self._quiet < self._pause_frames and not is_long:
            return None
        self.is_speaking = False
        self.to_ms = self._at_ms - self._quiet * FRAME_MS
        utterance, self._frames = b"".join(self._frames), []
        return utterance
