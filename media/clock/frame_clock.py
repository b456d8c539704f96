"""The 20 ms clock of a worker."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

from ..rtp.outgoing_stream import FRAME_S

_EARLY_S: Final = 0.0015  # the loop's timers are good to a millisecond


class FrameClock:
    """Calls `tick` at fixed times, which are whole frames of 20 ms apart.

    It returns how many frames later it is to be called again: one while there is sound to be sent,
    more where there is less to do, 0 for never. `start` shortens such a pause. The times do not
    drift. When the process was held up, the frames that are past are skipped (and `skipped` gets
    how many) instead of being sent in a burst.
    """

    __slots__ = ("_due_at", "_handle", "_loop", "_skipped", "_tick")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        tick: Callable[[float], int],
        skipped: Callable[[int], None],
    ) -> None:
        self._loop = loop
        self._tick = tick
        self._skipped = skipped
        self._due_at = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Tick within a frame, and go on from there."""
        now = monotonic()
        if self._handle is None:
            self._due_at = now + FRAME_S
        elif self._due_at - now > FRAME_S:
            self._due_at -= int((self._due_at - now) / FRAME_S) * FRAME_S
            self._handle.cancel()
        else:
            return
        self._schedule(self._due_at - now)

    def stop(self) -> None:
        """Tick no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _schedule(self, delay_s: float) -> None:
        self._handle = self._loop.call_later(max(0.0, delay_s), self._run)

    def _run(self) -> None:
        now = monotonic()
        late_s = now - self._due_at
        if late_s < -_EARLY_S:
            self._schedule(-late_s)
            return
        if late_s >= FRAME_S:
            frames = int(late_s / FRAME_S)
            self._due_at += frames * FRAME_S
            self._skipped(frames)
        self._handle = None
        frames = 1
        try:
            frames = self._tick(self._due_at)
        finally:
            if frames:
                self._due_at += frames * FRAME_S
                self._schedule(self._due_at - monotonic())
