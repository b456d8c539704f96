"""How open jobs are cancelled: by command, as their customer calls, or as a number is blocked."""

import asyncio
from collections.abc import Callable, Mapping

from ..errors import EngineError
from ..job import CancelledBy, Job
from .attempts.running_attempts import RunningAttempts
from .open_jobs import OpenJobs
from .retry import Outcome

_CAUSES: Mapping[CancelledBy, str] = {
    "client": "cancelled by command",
    "visitor": "cancelled by the visitor",
}


class Cancellation:
    """Cancels open jobs. `finish` ends one that nobody is being called for."""

    def __init__(
        self, open_jobs: OpenJobs, running: RunningAttempts, finish: Callable[[Job, Outcome], None]
    ) -> None:
        self._open = open_jobs
        self._running = running
        self._finish = finish

    async def cancel(self, job: Job, by: CancelledBy = "client") -> None:
        """Cancel an open job, whatever it is doing, and wait until its legs are hung up.

        `by` is who wants that.

        Raises EngineError `state` once it has ended.
        """
        if job.id not in self._open:
            raise EngineError("state", f"job {job.id} has already ended: {job.state}")
        outcome = Outcome("cancelled", "cancelled", _CAUSES[by], cancelled_by=by)
        while job.id in self._open:
            if job.id not in self._running:
                self._finish(job, outcome)
                return
            # An attempt that has just failed may be followed by another, which is cancelled next.
            await asyncio.wait([self._running.cancel(job, outcome)])
        if job.state != "cancelled":
            raise EngineError("state", f"job {job.id} has just ended: {job.state}")

    def begin(self, job: Job, cause: str) -> None:
        """Cancel a job, if it is open, without waiting until its legs are hung up."""
        outcome = Outcome("cancelled", "cancelled", cause)
        if job.id in self._running:
            self._running.cancel(job, outcome)
        elif job.id in self._open:
            self._finish(job, outcome)

    def block(self, number: str, reason: str) -> None:
        """Cancel the queued jobs that would call this number; a running attempt goes on."""
        for job in self._open.of_number(number):
            if job.id in self._open and job.id not in self._running:
                cause = f"{number} is not to be called: {reason}"
                self._finish(job, Outcome("cancelled", "refused", cause))
