"""The schedule of the jobs: when each is looked at, and which of the ready ones comes first.

It holds ids alone, and no clock: it is given times, and asked for what is due. Who takes an
entry out checks that it still means something. A later entry of the same kind replaces the one
before, so that a job has few entries however often it is changed.
"""

import heapq
import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from ..job import Job

# Replaced entries stay in a heap until their time, or until they outnumber the others by this.
MOST_STALE = 64

Why = Literal["due", "deadline", "decision", "wait"]


class JobSchedule:
    """Times at which to look at jobs, and ready jobs by priority and then by age."""

    def __init__(self) -> None:
        self._later = _Heap()
        self._ready = _Heap()

    def __len__(self) -> int:
        return len(self._later.entries) + len(self._ready.entries)

    # -- times ------------------------------------------------------------------------------

    def look_at(self, job: Job, at: float, why: Why) -> None:
        """Have the job looked at, at `at` (Unix seconds), and at no other time for that reason."""
        self._later.push((at,), job.id, why)
        if why == "due":
            self._ready.discard(job.id)

    def due(self, now: float) -> Iterator[str]:
        """Take out the ids of the jobs to be looked at by now."""
        while (first := self._later.first()) is not None and first[0] <= now:
            yield self._later.pop()

    @property
    def next_at(self) -> float | None:
        """The next time to look at a job; None where there is none."""
        first = self._later.first()
        return None if first is None else first[0]

    def look_at_all(self, jobs: Iterable[tuple[Job, float]]) -> None:
        """As `look_at` of each when it is due, for many jobs of which none is ready."""
        self._later.extend((((at,), job.id) for job, at in jobs), "due")

    # -- ready jobs -------------------------------------------------------------------------

    def add_ready(self, job: Job) -> None:
        """The job may be attempted as soon as there is room, in the order of its priority."""
        self._ready.push((-job.request.priority, job.created), job.id)

    @property
    def count_ready(self) -> int:
        """How many are ready; some of them may mean nothing any more."""
        return len(self._ready)

    def next_ready(self) -> str:
        """Take out the id of the ready job that comes first. There must be one."""
        return self._ready.pop()

    def is_ready(self, job: Job) -> bool:
        """Whether the job waits only for room."""
        return job.id in self._ready

    # -- jobs that have ended ---------------------------------------------------------------

    def forget(self, job: Job) -> None:
        """The job has ended."""
        self._later.discard(job.id)
        self._ready.discard(job.id)


class _Heap:
    """Ids by rank, at most one entry for each id and reason. Replaced entries are skipped."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, ...]] = []  # rank, order, reason, id
        self._valid: dict[str, dict[str, int]] = {}
        self._count = 0
        self._order = itertools.count()

    def __len__(self) -> int:
        return self._count

    def __contains__(self, id: object) -> bool:
        return id in self._valid

    def push(self, rank: tuple[float, ...], id: str, reason: str = "") -> None:
        heapq.heappush(self.entries, (*rank, self._note(id, reason), reason, id))
        if len(self.entries) > 2 * self._count + MOST_STALE:
            self.entries = [entry for entry in self.entries if self._is_valid(entry)]
            heapq.heapify(self.entries)

    def _note(self, id: str, reason: str) -> int:
        """The number of a new entry, which is the one that counts for this id and reason."""
        reasons = self._valid.setdefault(id, {})
        self._count += reason not in reasons
        reasons[reason] = order = next(self._order)
        return order

    def extend(self, ranks: Iterable[tuple[tuple[float, ...], str]], reason: str) -> None:
        """As `push` of each, many at once."""
        for rank, id in ranks:
            self.entries.append((*rank, self._note(id, reason), reason, id))
        heapq.heapify(self.entries)

    def first(self) -> tuple[Any, ...] | None:
        """The entry that comes first, if there is one."""
        while self.entries and not self._is_valid(self.entries[0]):
            heapq.heappop(self.entries)
        return self.entries[0] if self.entries else None

    def pop(self) -> str:
        """Take out the id that comes first. There must be one."""
        self.first()
        *_rank, _order, reason, id = heapq.heappop(self.entries)
        reasons = self._valid[id]
        del reasons[reason]
        self._count -= 1
        if not reasons:
            del self._valid[id]
        found: str = id
        return found

    def discard(self, id: str) -> None:
        """Drop every entry of the id."""
        self._count -= len(self._valid.pop(id, ()))

    def _is_valid(self, entry: tuple[Any, ...]) -> bool:
        *_rank, order, reason, id = entry
        valid = self._valid.get(id)
        return valid is not None and valid.get(reason) == order
