"""A caller takes over their own waiting callback.

The call takes the callback's queue position, and the callback is paused while the caller is on the
line. It ends only when the caller talks to an agent. Whatever else happens to the call, the
customer is called back as if they had not called.
"""

from ..job import Job
from .dispatcher import Dispatcher

# The states of a callback in which its customer is not called yet.
BEFORE_THE_CUSTOMER = ("queued", "dialing_agent", "whispering")


class CallerTakeover:
    """What a call does to the callbacks of its number that wait in the same queue."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    def position_of(self, number: str | None, queue: str) -> float | None:
        """Since when (Unix seconds) a callback to `number` waits in `queue`; None for none."""
        waiting = self._waiting(number, queue)
        return min((job.queue_joined_at or job.created for job in waiting), default=None)

    def begin(self, number: str | None, queue: str) -> float | None:
        """A call from `number` joins `queue`: pause its callbacks. Returns `position_of`."""
        position = self.position_of(number, queue)
        for job in self._waiting(number, queue):
            if self._dispatcher.is_idle(job):
                self._dispatcher.postpone_if_calling(job)
        return position

    def end_callbacks(self, number: str | None, queue: str) -> None:
        """The caller talks to an agent of `queue`: the callbacks that waited there are done."""
        for job in self._waiting(number, queue):
            if job.state in BEFORE_THE_CUSTOMER:
                cause = "the customer has called, and talked to an operator"
                self._dispatcher.begin_cancel(job, cause)

    def _waiting(self, number: str | None, queue: str) -> list[Job]:
        return [
            job
            for job in self._dispatcher.open.of_number(number)
            if job.request.queue == queue and job.queue_joined_at is not None
        ]
