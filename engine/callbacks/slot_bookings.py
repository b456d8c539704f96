"""How many callbacks of a queue or agent are to be made in a slot of time, and whether one more has
room."""

from collections.abc import Iterator

from ..acd.queues import Queues
from ..errors import EngineError
from ..request import CallbackRequest
from .open_jobs import OpenJobs


class SlotBookings:
    """Counts the open callbacks by the time at which they are due.

    A slot holds as many callbacks as asked for, or as its queue has agents; of an agent, one. Of a
    phone that is named in place of an agent there are no slots, and nothing is counted.
    """

    def __init__(self, open_jobs: OpenJobs, queues: Queues) -> None:
        self._open = open_jobs
        self._queues = queues

    def due_times(self, queue: str) -> Iterator[float]:
        """When the callbacks of a queue are due for which nobody is being called (Unix seconds)."""
        for job in self._open.all():
            if job.request.queue == queue and job.state == "queued":
                yield job.next_due_at

    def due_times_of_agent(self, agent: str) -> Iterator[float]:
        """When the callbacks are due that name the agent, and for which nobody is being called."""
        for job in self._open.all():
            if job.request.agent == agent and job.state == "queued":
                yield job.next_due_at

    def check(self, params: CallbackRequest) -> None:
        """Raise EngineError `unavailable`, reason `slot_full`, where its slot has no room."""
        slot, queue, agent = params.slot, params.queue, params.agent
        if slot is None:
            return
        if queue is not None:
            due, most = self.due_times(queue), self._queues.count_agents(queue) or 1
        elif agent is not None and self._queues.has_agent(agent):
            due, most = self.due_times_of_agent(agent), 1
        else:
            return
        if slot.taken + sum(map(slot.holds, due)) >= (slot.most or most):
            data = {"reason": "slot_full"}
            raise EngineError("unavailable", "the slot is full", "slot", data)
