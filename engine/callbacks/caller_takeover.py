"""Who waits to be called back, and calls himself: his call stands in for his callback.

He has its place in the queue, and is rung for it no more while he is on the line. It is not given
up before he talks to an operator: whatever happens to his call, he is called back otherwise.
"""

from ..job import Job
from .dispatcher import Dispatcher

# The states of a callback in which its customer is not called yet.
BEFORE_THE_CUSTOMER = ("queued", "dialing_agent", "whispering")


class CallerTakeover:
    """What becomes of the callbacks of those who call. Only those that are due are meant."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    def place_of(self, number: str | None, queue: str) -> float | None:
        """Since when `number` waits in `queue` to be called back; None where it does not."""
        waiting = self._waiting(number, queue)
        return min((job.queue_joined_at or job.created for job in waiting), default=None)

    def begin(self, number: str | None, queue: str) -> float | None:
        """`number` waits in `queue` on the line from now on. Gives `place_of`."""
        place = self.place_of(number, queue)
        for job in self._waiting(number, queue):
            if self._dispatcher.is_idle(job):
                self._dispatcher.postpone_if_calling(job)
        return place

    def served(self, number: str | None, queue: str) -> None:
        """He talks to an operator of `queue`: what he waited there for is done."""
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
