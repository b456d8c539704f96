"""What a bot says: queued, and handed out frame by frame at the pace at which it is heard.

Sans-IO: `next_frame` is called every 20 ms. It counts what has really been handed out, which is
what a bot needs to know to tell what its listener has heard before they interrupted it.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from .leg_codec import FRAME_MS

# A bot whose frames come one by one, and not quite evenly, is not to be heard with gaps.
_CUSHION_FRAMES: Final = 2
# Frames of silence after which what follows is not late: the bot had paused.
_LATE_FRAMES: Final = 25
# The same of a bot that has spoken live without any pause until then.
_LATE_LIVE_FRAMES: Final = 100
# What is not made good by then is of a bot that has short pauses, not of one that is late.
_MOST_LATE_FRAMES: Final = 100
# A bot that is further ahead of its time does not speak live, and is heard with all its pauses.
_LIVE_FRAMES: Final = 25
# For so long all of it was there early: 10 s. Then a frame of the wait is not needed any more,
_CALM_FRAMES: Final = 500
_SPARE_S: Final = 0.01  # where what comes may still be later by so much.
# Where that proves to be wrong, it takes twice as long the next time: 5 minutes at most.
_MOST_CALM_FRAMES: Final = 15_000
_FRAME_S: Final = FRAME_MS / 1000
_QUIET: Final = 250  # of 32768: nobody misses that


@dataclass(frozen=True, slots=True)
class ReachedMark:
    """A mark of the bot. `is_cleared`: what came before it was dropped, not heard, in part."""

    name: str
    heard_ms: int
    is_cleared: bool = False


class SpokenAudio:
    """The sound that waits to be heard, `ahead_ms` of it at most, and how much was heard so far.

    It is int16 at `rate_hz`. A bot that speaks live, and whose frames were late in mid-speech, is
    behind from then on: frames in which it says nothing are passed over until it is not. So is one
    of the two with which a stretch begins, once they come so evenly that it is not needed. Times
    are seconds of one monotonic clock.
    """

    MOST_MARKS: Final = 1000

    def __init__(self, ahead_ms: int, rate_hz: int) -> None:
        self._bytes_per_ms = 2 * rate_hz // 1000
        self._frame_bytes = self._bytes_per_ms * FRAME_MS
        self._most_bytes = ahead_ms * self._bytes_per_ms
        self._waiting = bytearray()
        self._offset = 0
        self._begun = False  # a stretch of sound is being handed out
        self._held_back = False  # what is there has waited for more already
        self._silent_frames = _LATE_FRAMES  # since the last stretch
        self._missed_frames = 0  # in the same time
        self._late_frames = 0  # by which what is heard is behind
        self._kept_frames = _CUSHION_FRAMES  # of those that wait, where it is behind
        self._frames_since = _CALM_FRAMES  # it was late
        self._live_frames = 0  # of speech without a pause, never far ahead
        self._has_waited = False  # the stretch began a frame later, as no more was there
        self._has_hurried = False  # less is waited than for the first frame, or a late one
        self._added_at = 0.0
        # Since the last look: how much later the sound that followed could have come at least.
        self._least_spare_s = math.inf
        self._calm_frames = 0
        self._enough_frames = _CALM_FRAMES
        self._taken_bytes = 0
        self._heard_bytes = 0
        self._dropped_bytes = 0
        self._marks: deque[tuple[int, str]] = deque()
        self.is_paused = False

    @property
    def queued_ms(self) -> int:
        """How much waits to be heard."""
        return (len(self._waiting) - self._offset) // self._bytes_per_ms

    @property
    def is_speaking(self) -> bool:
        """Whether it is in mid-speech, and the next frame is there."""
        return self._begun and not self.is_paused and len(self._waiting) > self._offset

    @property
    def heard_ms(self) -> int:
        """How much has been heard since the stream began."""
        return self._heard_bytes // self._bytes_per_ms

    @property
    def dropped_ms(self) -> int:
        """How much was cleared, or had no room."""
        return self._dropped_bytes // self._bytes_per_ms

    def queue_sound(self, sound: bytes, now: float) -> int:
        """Queue sound. Returns how many bytes of it had no room, and are dropped."""
        self._added_at = now
        room = self._most_bytes - (len(self._waiting) - self._offset)
        taken = sound[: max(0, room)]
        self._waiting += taken
        self._taken_bytes += len(taken)
        dropped = len(sound) - len(taken)
        self._dropped_bytes += dropped
        return dropped

    def mark(self, name: str) -> list[ReachedMark]:
        """Tell of the mark once everything that is queued has been heard; at once if that is so.

        Of more than MOST_MARKS that wait, the oldest is told of at once.
        """
        if not self.queued_ms and not self._marks:
            return [ReachedMark(name, self.heard_ms)]
        self._marks.append((self._taken_bytes, name))
        if len(self._marks) > self.MOST_MARKS:
            return [ReachedMark(self._marks.popleft()[1], self.heard_ms)]
        return []

    def clear(self) -> list[ReachedMark]:
        """Drop what is not heard yet. Returns the marks that were set in it."""
        left = len(self._waiting) - self._offset
        self._dropped_bytes += left
        self._taken_bytes -= left
        self._waiting.clear()
        self._offset = 0
        self._begun = self._held_back = self._has_waited = False
        self._silent_frames, self._missed_frames, self._late_frames = _LATE_FRAMES, 0, 0
        self.is_paused = False
        cleared = [ReachedMark(name, self.heard_ms, True) for _at, name in self._marks]
        self._marks.clear()
        return cleared

    def next_frame(self, now: float) -> tuple[bytes, list[ReachedMark]] | None:
        """The next 20 ms, and the marks that are reached with them; None where nothing is said.

        The last frame of a stretch may be shorter than 20 ms.
        """
        left = len(self._waiting) - self._offset
        if self.is_paused or not left:
            if not self.is_paused:
                self._begun = False
                self._silent_frames += 1
            return None
        size = self._frame_bytes
        wanted = size if self._begun else _CUSHION_FRAMES * size
        if left < wanted and not self._held_back:
            self._held_back = True
            self._silent_frames += 1
            return None
        if not self._begun:
            is_late = self._silent_frames < self._late_limit
            late = self._late_frames + self._silent_frames + self._missed_frames
            self._late_frames = min(late, _MOST_LATE_FRAMES) if is_late else 0
            if is_late:
                self._begin_late()
            else:
                self._has_waited, self._live_frames = self._held_back, 0
            self._silent_frames = self._missed_frames = 0
            self._look_anew()
        self._begun, self._held_back = True, False
        frame = self._take()
        self._look(now)
        self._live_frames += 1
        if left > (self._late_frames + _LIVE_FRAMES) * size:
            self._late_frames, self._has_waited, self._live_frames = 0, False, 0
        elif (self._late_frames or self._has_waited) and self._may_hurry(left) and _is_quiet(frame):
            frame = self._hurry()
        return frame, self._reached()

    def fall_behind(self) -> None:
        """The time of a frame has passed in which nothing could be handed out."""
        if self.is_speaking:
            self._late_frames += 1
        elif not self.is_paused:
            self._missed_frames += 1

    @property
    def _late_limit(self) -> int:
        """How many frames of silence there are at most in mid-speech."""
        return _LATE_LIVE_FRAMES if self._live_frames >= _CALM_FRAMES else _LATE_FRAMES

    def _begin_late(self) -> None:
        """It was late: once counts for nothing, twice in 10 s it may be so again."""
        is_often = self._frames_since < _CALM_FRAMES
        self._kept_frames = _CUSHION_FRAMES + 1 if is_often else _CUSHION_FRAMES
        self._frames_since = 0
        if self._has_hurried:
            self._enough_frames = min(2 * self._enough_frames, _MOST_CALM_FRAMES)
        self._has_hurried = False

    def _look(self, now: float) -> None:
        """Note how much later what follows may come."""
        queued_s = (len(self._waiting) - self._offset) / self._bytes_per_ms / 1000
        spare_s = queued_s + min(now - self._added_at, _FRAME_S)
        self._least_spare_s = min(self._least_spare_s, spare_s)
        self._calm_frames += 1
        self._frames_since += 1
        if self._calm_frames >= self._enough_frames and not self._is_early:
            self._look_anew()

    def _look_anew(self) -> None:
        self._least_spare_s, self._calm_frames = math.inf, 0

    @property
    def _is_early(self) -> bool:
        """Whether all of it could have come a frame later, for a while."""
        is_long = self._calm_frames >= self._enough_frames
        return is_long and self._least_spare_s > _FRAME_S + _SPARE_S

    def _may_hurry(self, left: int) -> bool:
        """Whether a frame is passed over, where `left` bytes were there, if nothing is said in it.

        That is so where it was late, and more is there than it needs, or where all comes evenly.
        """
        if self._late_frames and left > self._kept_frames * self._frame_bytes:
            return True
        return self._is_early

    def _hurry(self) -> bytes:
        """A frame is passed over; the next one."""
        self._has_hurried = self._has_hurried or self._is_early
        if self._late_frames:
            self._late_frames -= 1
        else:
            self._has_waited = False
        self._look_anew()
        return self._take()

    def _take(self) -> bytes:
        size = self._frame_bytes
        frame = bytes(self._waiting[self._offset : self._offset + size])
        self._offset += len(frame)
        if self._offset >= 64 * size:
            del self._waiting[: self._offset]
            self._offset = 0
        self._heard_bytes += len(frame)
        return frame

    def _reached(self) -> list[ReachedMark]:
        at = self._taken_bytes - (len(self._waiting) - self._offset)
        reached = []
        while self._marks and self._marks[0][0] <= at:
            reached.append(ReachedMark(self._marks.popleft()[1], self.heard_ms))
        return reached


def _is_quiet(frame: bytes) -> bool:
    samples = np.frombuffer(frame, "<i2")
    return bool(samples.max() < _QUIET and samples.min() > -_QUIET)
