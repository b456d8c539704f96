"""How late a worker is, and how busy: what says whether it can carry more calls."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from ..protocol.messages import WorkerLoad
from ..rtp.outgoing_stream import FRAME_S
from .processor_time import ProcessorTime

FRAMES: Final = 50  # a report each second
_LONGEST_S: Final = 1.0  # or after fewer, where they take long


class LoadMeter:
    """Measures over FRAMES ticks of the clock, and reports.

    `behind_s` says how long packets have been waiting that the relay could not take, `threads` the
    processor time of each thread: the busiest one counts.
    """

    __slots__ = ("_began", "_behind_s", "_clock", "_frames", "_late_s", "_threads", "_times")

    def __init__(
        self,
        behind_s: Callable[[float], float],
        *,
        clock: Callable[[], float] = time.monotonic,
        threads: Sequence[Callable[[], ProcessorTime]],
    ) -> None:
        self._behind_s = behind_s
        self._clock = clock
        self._threads = threads
        self._began = clock()
        self._times = [thread() for thread in threads]
        self._frames = 0
        self._late_s = 0.0

    def skipped(self, frames: int) -> None:
        """The clock was late by this many whole frames, which were not sent."""
        self._late_s += frames * FRAME_S

    def ticked(self, due_at: float) -> WorkerLoad | None:
        """A tick that was due at `due_at` is done. Returns a report once a second."""
        now = self._clock()
        self._late_s += max(now - due_at, self._behind_s(now), 0.0)
        self._frames += 1
        passed_s = now - self._began
        if self._frames < FRAMES and passed_s < _LONGEST_S:
            return None
        times = [thread() for thread in self._threads]
        pairs = zip(self._times, times, strict=True)
        busy = max(end.busy_since(begin, passed_s) for begin, end in pairs)
        load = WorkerLoad(late_ms=self._late_s / self._frames * 1e3, busy=min(busy, 1.0))
        self._began, self._times = now, times
        self._frames, self._late_s = 0, 0.0
        return load
