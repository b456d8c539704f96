"""The jobs that an earlier engine left due, until each has been looked at."""

from collections.abc import Callable, Iterable

from ..job import Job


class ResumedJobs:
    """Which of them are still to be looked at; says when none is any more."""

    def __init__(self) -> None:
        self._left: set[str] = set()
        self._on_done: Callable[[], None] = lambda: None

    def __bool__(self) -> bool:
        return bool(self._left)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._left

    def begin(
        self, jobs: Iterable[Job], now: float, on_done: Callable[[], None]
    ) -> list[tuple[Job, float]]:
        """Return the jobs, highest priority first, and the time to look at each.

        `on_done` is called when those that are due by `now` have been, by `done` at last.
        """
        self._on_done = on_done
        ordered = sorted(jobs, key=lambda job: -job.request.priority)
        found = [(job, max(job.next_due_at, now)) for job in ordered]
        self._left.update(job.id for job, at in found if at == now)
        return found

    def looked_at(self, job_id: str) -> None:
        """The job has been looked at, or has ended. Does nothing for any other."""
        if job_id in self._left:
            self._left.discard(job_id)
            self.done()

    def done(self) -> None:
        """Say so if none is left. Does nothing a second time."""
        if not self._left:
            on_done, self._on_done = self._on_done, lambda: None
            on_done()
