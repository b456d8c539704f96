"""The agenda: which jobs are to be looked at when, and which of those that are ready comes first.

It holds ids alone, and never takes one out before its time: whoever looks at an entry finds out
whether it still means anything.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterator

from .job import Job

# A step of the wall clock is noticed after so long at most.
LONGEST_TIMER_S = 60.0


class Agenda:
    """Times to look at jobs, and jobs that are ready, by priority and then by age.

    `on_time` is called when the next of the times has come.
    """

    def __init__(self, wall_clock: Callable[[], float], on_time: Callable[[], None]) -> None:
        self._wall_clock = wall_clock
        self._on_time = on_time
        self._later: list[tuple[float, int, str]] = []
        self._ready: list[tuple[int, float, int, str]] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    # -- times ------------------------------------------------------------------------------

    def look_at(self, job: Job, at: float) -> None:
        """Have the job looked at, at `at` (Unix seconds)."""
        heapq.heappush(self._later, (at, next(self._order), job.id))

    def due(self, now: float) -> Iterator[str]:
        """The ids of the jobs to be looked at by now."""
        while self._later and self._later[0][0] <= now:
            yield heapq.heappop(self._later)[2]

    def set_timer(self) -> None:
        """Have `on_time` called at the next of the times, which may be another one now."""
        if self._timer is not None:
            if self._later and self._timer_at == self._later[0][0]:
                return
            self._timer.cancel()
            self._timer = None
        if self._later:
            self._timer_at = self._later[0][0]
            delay_s = min(max(self._timer_at - self._wall_clock(), 0.0), LONGEST_TIMER_S)
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def stop(self) -> None:
        """No time comes any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        self._on_time()

    # -- who is ready -----------------------------------------------------------------------

    def ready(self, job: Job) -> None:
        """The job may be attempted as soon as there is room."""
        entry = (-job.request.priority, job.created, next(self._order), job.id)
        heapq.heappush(self._ready, entry)

    @property
    def count_ready(self) -> int:
        """How many are ready, some of which may not mean anything any more."""
        return len(self._ready)

    def next_ready(self) -> str:
        """Take out the id of the one that comes first, where any is ready."""
        return heapq.heappop(self._ready)[3]
