"""The callbacks that wait for a trunk with room: which of them comes next.

Queues take turns: one with a thousand callbacks holds up no other. Within a queue the priority
decides, then the age. A callback that was released has the right to a call for PASS_S; those that
come after it do not take it.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ..job import Job
from ..routing.capacity.trunk_load import TrunkLoad

PASS_S: Final = 5.0
"""How long a callback that was released may take to begin: its agent has to be found."""

LEAST_WAIT_S: Final = 0.01
"""The clocks of calendars and of durations may differ in their last digits."""


class _Line:
    """Those who wait for one trunk, by queue. `is_waiting` says whether an id still waits."""

    def __init__(self, is_waiting: Callable[[str], bool]) -> None:
        self._is_waiting = is_waiting
        self._queues: dict[str, list[tuple[float, float, str]]] = {}
        self._turns: deque[str] = deque()

    def add_job(self, job: Job) -> None:
        queue = job.request.queue or ""
        if queue not in self._queues:
            self._queues[queue] = []
            self._turns.append(queue)
        heapq.heappush(self._queues[queue], (-job.request.priority, job.created, job.id))

    def first(self) -> str | None:
        """The id that comes next, if any."""
        while self._turns:
            heap = self._queues[self._turns[0]]
            while heap and not self._is_waiting(heap[0][2]):
                heapq.heappop(heap)
            if heap:
                return heap[0][2]
            del self._queues[self._turns.popleft()]
        return None

    def pop(self) -> str | None:
        """Take out the id that comes next; its queue has had its turn."""
        job_id = self.first()
        if job_id is not None:
            heapq.heappop(self._queues[self._turns[0]])
            self._turns.rotate(-1)
        return job_id


class TrunkLine:
    """Who waits for which trunks of `load`. Times are Unix seconds."""

    def __init__(self, load: TrunkLoad) -> None:
        self._load = load
        self._waiting: dict[str, Job] = {}
        self._lines: dict[str, _Line] = {}
        self._passes: dict[str, tuple[float, tuple[str, ...]]] = {}

    def __contains__(self, job: object) -> bool:
        """Whether the job waits."""
        return isinstance(job, Job) and job.id in self._waiting

    @property
    def is_used(self) -> bool:
        """Whether anybody waits, or was released and has not begun."""
        return bool(self._waiting or self._passes)

    def wait(self, job: Job, trunks: Sequence[str]) -> None:
        """The job waits until one of these trunks has room; without trunks, for something else.

        One that waits already keeps its place.
        """
        self._passes.pop(job.id, None)
        if not trunks:
            self._waiting.pop(job.id, None)
        elif job.id not in self._waiting:
            self._add(job, trunks)

    def _add(self, job: Job, trunks: Sequence[str]) -> None:
        self._waiting[job.id] = job
        for trunk in trunks:
            line = self._lines.get(trunk)
            if line is None:
                line = self._lines[trunk] = _Line(self._waiting.__contains__)
            line.add_job(job)

    def go_on(self, job: Job) -> None:
        """The job waits no more, and has not begun."""
        self._waiting.pop(job.id, None)

    def leave(self, job: Job) -> None:
        """The job begins, or waits no more."""
        self._waiting.pop(job.id, None)
        self._passes.pop(job.id, None)

    def is_behind(self, job: Job, trunks: Sequence[str], now: float) -> bool:
        """Whether the room of each of these trunks is for others, who came before the job."""
        if job.id in self._passes or not self.is_used:
            return False
        return bool(trunks) and all(self._is_taken(trunk, job, now) for trunk in trunks)

    def _is_taken(self, trunk: str, job: Job, now: float) -> bool:
        line = self._lines.get(trunk)
        first = None if line is None else line.first()
        is_for_another = first is not None and first != job.id
        return is_for_another or not self._has_room(trunk, now)

    def _has_room(self, trunk: str, now: float) -> bool:
        """Whether the trunk may begin one more call than those that were released for it."""
        free = self._load.free(trunk)
        return free is None or free > self._promised(trunk, now)

    def _promised(self, trunk: str, now: float) -> int:
        for job_id in [one for one, (until, _) in self._passes.items() if until <= now]:
            del self._passes[job_id]
        return sum(trunk in trunks for _until, trunks in self._passes.values())

    def release(self, now: float) -> Iterator[str]:
        """Take out the ids of the jobs that there is room for, queue by queue. They are due now."""
        for trunk, line in list(self._lines.items()):
            while line.first() is not None and self._has_room(trunk, now):
                job_id = line.pop()
                assert job_id is not None
                self._waiting.pop(job_id).next_attempt_at = now
                self._passes[job_id] = (now + PASS_S, (trunk,))
                yield job_id
            if line.first() is None:
                del self._lines[trunk]

    def next_at(self, now: float, otherwise: float | None) -> float | None:
        """When a trunk that somebody waits for may begin its next call, where that is known and
        comes before `otherwise`."""
        waits = [
            now + max(wait_s, LEAST_WAIT_S)
            for trunk, line in self._lines.items()
            if line.first() is not None
            and (wait_s := self._load.free_in_s(trunk)) is not None
            and wait_s > 0.0
        ]
        return min([*waits, *([] if otherwise is None else [otherwise])], default=None)
