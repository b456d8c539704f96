"""The agenda: which jobs are to be looked at when, and which of those that are ready comes first.

It holds ids alone: whoever looks at an entry finds out whether it still means anything. A later
entry of the same kind takes the place of the one before, so that a job has a few at most, however
often it is changed.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterator
from typing import Any, Literal

from ..job import Job

# A step of the wall clock is noticed after so long at most.
LONGEST_TIMER_S = 60.0
# What was taken back stays in a heap until its time, or until there is more of it than of the rest.
MOST_STALE = 64

Why = Literal["due", "deadline", "decision", "wait"]


class JobSchedule:
    """Times to look at jobs, and jobs that are ready, by priority and then by age.

    `on_time` is called when the next of the times has come.
    """

    def __init__(self, wall_clock: Callable[[], float], on_time: Callable[[], None]) -> None:
        self._wall_clock = wall_clock
        self._on_time = on_time
        self._later = _Heap()
        self._ready = _Heap()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def __len__(self) -> int:
        return len(self._later.entries) + len(self._ready.entries)

    # -- times ------------------------------------------------------------------------------

    def look_at(self, job: Job, at: float, why: Why) -> None:
        """Have the job looked at, at `at` (Unix seconds), and at no other time for that reason."""
        self._later.push((at,), job.id, why)
        if why == "due":
            self._ready.take_back(job.id)

    def due(self, now: float) -> Iterator[str]:
        """The ids of the jobs to be looked at by now."""
        while (first := self._later.first()) is not None and first[0] <= now:
            yield self._later.pop()

    def set_timer(self) -> None:
        """Have `on_time` called at the next of the times, which may be another one now."""
        first = self._later.first()
        if self._timer is not None:
            if first is not None and self._timer_at == first[0]:
                return
            self._timer.cancel()
            self._timer = None
        if first is not None:
            self._timer_at = first[0]
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
        """The job may be attempted as soon as there is room, in the place of its priority."""
        self._ready.push((-job.request.priority, job.created), job.id)

    @property
    def count_ready(self) -> int:
        """How many are ready, some of which may not mean anything any more."""
        return len(self._ready)

    def next_ready(self) -> str:
        """Take out the id of the one that comes first, where any is ready."""
        return self._ready.pop()

    # -- who has ended ----------------------------------------------------------------------

    def forget(self, job: Job) -> None:
        """The job is over."""
        self._later.take_back(job.id)
        self._ready.take_back(job.id)


class _Heap:
    """Ids by rank, at most one for each id and reason; what is taken back is passed over."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, ...]] = []  # rank, order, reason, id
        self._meant: dict[str, dict[str, int]] = {}
        self._count = 0
        self._order = itertools.count()

    def __len__(self) -> int:
        return self._count

    def push(self, rank: tuple[float, ...], id: str, reason: str = "") -> None:
        reasons = self._meant.setdefault(id, {})
        self._count += reason not in reasons
        reasons[reason] = order = next(self._order)
        heapq.heappush(self.entries, (*rank, order, reason, id))
        if len(self.entries) > 2 * self._count + MOST_STALE:
            self.entries = [entry for entry in self.entries if self._is_meant(entry)]
            heapq.heapify(self.entries)

    def first(self) -> tuple[Any, ...] | None:
        """The entry that comes first, where there is any."""
        while self.entries and not self._is_meant(self.entries[0]):
            heapq.heappop(self.entries)
        return self.entries[0] if self.entries else None

    def pop(self) -> str:
        """Take out the id that comes first, where there is any."""
        self.first()
        *_rank, _order, reason, id = heapq.heappop(self.entries)
        reasons = self._meant[id]
        del reasons[reason]
        self._count -= 1
        if not reasons:
            del self._meant[id]
        found: str = id
        return found

    def take_back(self, id: str) -> None:
        """The id is meant for no reason any more."""
        self._count -= len(self._meant.pop(id, ()))

    def _is_meant(self, entry: tuple[Any, ...]) -> bool:
        *_rank, order, reason, id = entry
        meant = self._meant.get(id)
        return meant is not None and meant.get(reason) == order
