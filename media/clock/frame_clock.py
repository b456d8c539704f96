"""The 20 ms clock of a worker."""

from collections.abc import Callable
from time import monotonic
from typing import TypeAlias

from ..rtp.outgoing_stream import FRAME_S
from .alarm import Alarm

MakeAlarm: TypeAlias = Callable[[Callable[[], None]], Alarm]


class FrameClock:
    """Calls `tick` at fixed times, which are whole frames of 20 ms apart.

    It returns how many frames later it is to be called again: one while there is sound to be sent,
    more where there is less to do, 0 for never. `start` shortens such a pause. The times do not
    drift. When the process was held up, the frames that are past are skipped (and `skipped` gets
    how many) instead of being sent in a burst. `make_alarm` makes the alarm that it sets for each.
    """

    __slots__ = ("_alarm", "_due_at", "_runs", "_skipped", "_tick")

    def __init__(
        self, make_alarm: MakeAlarm, tick: Callable[[float], int], skipped: Callable[[int], None]
    ) -> None:
        self._alarm = make_alarm(self._run)
        self._tick = tick
        self._skipped = skipped
        self._due_at = 0.0
        self._runs = False

    def start(self) -> None:
        """Tick within a frame, and go on from there."""
        now = monotonic()
        if not self._runs:
            self._due_at = now + FRAME_S
        elif self._due_at - now > FRAME_S:
            self._due_at -= int((self._due_at - now) / FRAME_S) * FRAME_S
        else:
            return
        self._schedule()

    def close(self) -> None:
        """Tick no more, and give the alarm back."""
        self._runs = False
        self._alarm.close()

    def _schedule(self) -> None:
        self._runs = True
        self._alarm.set(self._due_at)

    def _run(self) -> None:
        late_s = monotonic() - self._due_at
        if late_s >= FRAME_S:
            frames = int(late_s / FRAME_S)
            self._due_at += frames * FRAME_S
            self._skipped(frames)
        due_at = self._due_at
        self._runs = False
        frames = 1
        try:
            frames = self._tick(due_at)
        finally:
            if self._runs:  # started meanwhile
                frames = 1
            if frames:
                self._due_at = due_at + frames * FRAME_S
                self._schedule()
