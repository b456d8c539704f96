"""The 20 ms clock of a worker."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

from ..rtp.outgoing_stream import FRAME_S

_EARLY_S: Final = 0.0015  # the loop's timers are good to a millisecond


class FrameClock:
    """Calls `tick` at fixed times, 20 ms apart, for as long as it says that there is work.

    The times do not drift. When the process was held up, the frames that are past are skipped
    (and `skipped` gets how many) instead of being sent in a burst.
    """

    __slots__ = ("_due_at", "_handle", "_loop", "_skipped", "_tick")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        tick: Callable[[float], bool],
        skipped: Callable[[int], None],
    ) -> None:
        self._loop = loop
        self._tick = tick
        self._skipped = skipped
        self._due_at = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to tick, unless it does already."""
        if self._handle is None:
            self._due_at = monotonic() + FRAME_S
            self._schedule(FRAME_S)

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
        try:
            going_on = self._tick(self._due_at)
        finally:
            self._due_at += FRAME_S
            self._schedule(self._due_at - monotonic())
        if not going_on:
            self.stop()
