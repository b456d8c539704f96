"""The places of jobs in queues: a job whose operator is not there yet waits like anybody else.

Nobody has been called for such a job. Its place is kept by the time at which it was due, so that
neither a retry nor a restart sends it to the end of the line.
"""

import contextlib
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

from ..acd.waiting import Leave, Offer, Waiting
from ..calls.services import CallServices
from ..errors import EngineError
from ..job import Job
from .outcome import Outcome

# How soon a job whose queue was full when it was due tries to join it again.
FULL_RETRY_S = 15.0


class Owner(Protocol):
    """Whoever has the jobs, and is told what becomes of their places."""

    def ready(self, job: Job) -> None:
        """Operators are reserved for the job, or nobody needs to be: it may be attempted."""

    def put_off(self, job: Job, until: float, reason: str, *, is_waiting: bool = False) -> None:
        """Nobody is to be called before `until`; `is_waiting`: its wait goes on meanwhile."""

    def finish(self, job: Job, outcome: Outcome) -> None:
        """The queue has given the job up for good."""


class QueuedJobs:
    """Lets jobs wait in queues and for agents, and keeps the offers they get until they are taken.

    An offer is of a queue's operators, of one agent, or of an outside number to which the queue
    overflowed.
    """

    def __init__(
        self, services: CallServices, owner: Owner, *, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._services = services
        self._owner = owner
        self._wall_clock = wall_clock
        self._waiting: dict[str, Job] = {}
        self._offers: dict[str, Offer] = {}
        self._outside: dict[str, str] = {}

    def waits_for_operator(self, job: Job) -> bool:
        """Whether the job needs an operator of a queue, or an agent, before anybody is called."""
        request = job.request
        if request.order != "agent_first":
            return False
        return request.queue is not None or self.is_for_agent(job)

    def is_for_agent(self, job: Job) -> bool:
        """Whether the job is for one agent by name."""
        return job.request.agent in self._services.agents

    def is_agent_free(self, job: Job) -> bool:
        """Whether the agent whom the job names could be had at once."""
        agent = self._services.agents.get(job.request.agent or "")
        return agent is not None and agent.state == "available"

    def __contains__(self, job: object) -> bool:
        """Whether the job has a place."""
        return isinstance(job, Job) and job.id in self._waiting

    def waits_until(self, job: Job) -> float:
        """How long the job may wait for an operator (Unix seconds)."""
        since = job.queue_since or job.queue_joined_at or job.created
        return since + self._services.dial.max_wait_s

    def interrupt(self, job: Job, until: float) -> None:
        """The job waits for nobody before `until`, where that is still to come."""
        if until > self._wall_clock():
            job.interrupt_wait(until)

    # -- waiting ----------------------------------------------------------------------------

    def join(self, job: Job, due_at: float) -> bool:
        """Let a job that is due wait for its operator. False: it was not taken, or need not wait.

        A customer who is called first waits on the line, later: his queue is only asked.
        """
        if job.queue_joined_at is None:
            job.queue_joined_at = max(job.created, due_at)
        if job.queue_since is not None:  # it may have been called back sooner than was said
            job.queue_since = min(job.queue_since, self._wall_clock())
        queues, request = self._services.queues, job.request
        try:
            if not self.waits_for_operator(job):
                queues.check(request.queue or "", has_place=job.has_place)
                self._owner.ready(job)
                return False
            queues.join(self._as_waiting(job, job.queue_joined_at))
            job.has_place = True
        except EngineError as error:
            self._not_taken(job, error)
            return False
        self._waiting[job.id] = job
        return True

    def _as_waiting(self, job: Job, joined_at: float) -> Waiting:
        request = job.request
        return Waiting(
            id=job.id,
            kind="callback",
            on_offer=self._offered,
            on_leave=partial(self._left, job),
            queue=request.queue,
            agent=request.agent if request.queue is None else None,
            joined_at=joined_at,
            since=job.queue_since,
            outside_tried=job.outside_tried,
            is_back=bool(job.outside_tried),
            has_place=job.has_place,
            priority=request.priority,
            skills=request.skills,
            number=job.called,
            region=job.region,
            context=request.context,
            known_agent=request.known_agent,
            centre=request.centre,
            ring_s=request.ring_s if request.queue is None else None,
        )

    def _not_taken(self, job: Job, error: EngineError) -> None:
        """The queue takes nobody: the job waits until it does, where that is to be expected."""
        opens_at = error.data.get("opens_at")
        now = self._wall_clock()
        if error.data.get("reason") == "full" and now < self.waits_until(job):
            self._owner.put_off(job, now + FULL_RETRY_S, error.message, is_waiting=True)
        elif error.data.get("schedule") and opens_at is not None:
            self._owner.put_off(job, opens_at, error.message)
        else:
            self._owner.finish(job, Outcome("failed", error.kind, error.message))

    def leave(self, job: Job, reason: str = "withdrawn") -> None:
        """The job waits no longer; an offer that it had not taken is given back."""
        self._outside.pop(job.id, None)
        is_in = self._waiting.pop(job.id, None) is not None
        offer = self._offers.pop(job.id, None)
        if is_in:
            self._services.queues.leave(job.id, reason)
        if offer is not None:
            self.free(offer)

    def reprioritise(self, job: Job) -> None:
        """The job's priority is another one: it has its place by that."""
        with contextlib.suppress(EngineError):  # it waits nowhere
            self._services.queues.reprioritise(job.id, job.request.priority)
        if job.id in self._offers:
            self._owner.ready(job)

    def _left(self, job: Job, leave: Leave) -> None:
        """The queue has given the job up."""
        if self._waiting.pop(job.id, None) is None:
            return
        if leave.target is not None:
            self._outside[job.id] = leave.target
            self._owner.ready(job)
            return
        if leave.reason == "withdrawn":
            cause = "removed from the queue by command"
            self._owner.finish(job, Outcome("cancelled", "cancelled", cause))
            return
        if leave.reason == "closed":
            try:
                self._services.queues.check(job.request.queue or "")
            except EngineError as error:
                self._not_taken(job, error)
                return
        cause = f"sent away by the queue: {leave.reason}"
        self._owner.finish(job, Outcome("failed", "unavailable", cause))

    # -- offers -----------------------------------------------------------------------------

    def reserve(self, job: Job) -> Offer | None:
        """The agent whom the job names, if he is free now: nobody else waits for one who is."""
        agents, request = self._services.agents, job.request
        if request.agent is None or not agents.reserve(request.agent, job.id):
            return None
        return Offer(
            waiting=self._as_waiting(job, self._wall_clock()),
            queue=None,
            agents=(request.agent,),
            ring_s=request.ring_s,
        )

    def take_offer(self, job: Job) -> Offer | None:
        """The offer that the job has, for whoever rings its operators."""
        return self._offers.pop(job.id, None)

    def take_outside(self, job: Job) -> str | None:
        """The outside number to which the job's queue sent it, for whoever rings it."""
        outside = self._outside.pop(job.id, None)
        if outside is not None:
            job.outside_tried = job.outside_tried | {outside: self._wall_clock()}
        return outside

    def unanswered(self, job: Job, offer: Offer) -> bool:
        """Nobody took the offer. True: the job waits on, in its old place; False: it has none."""
        if not self._services.queues.unanswered(offer):
            self._waiting.pop(job.id, None)
            return False
        self._waiting.setdefault(job.id, job)
        return True

    def free(self, offer: Offer) -> None:
        """Give back the agents whom nobody rang; the others are this job's no more."""
        for name in offer.agents:
            self._services.agents.release(name, offer.waiting.id)

    def _offered(self, offer: Offer) -> None:
        job = self._waiting.get(offer.waiting.id)
        if job is None:
            self.free(offer)
            return
        self._offers[job.id] = offer
        self._owner.ready(job)
