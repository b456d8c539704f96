"""The jobs that wait in queues, or for an agent who is busy.

Nobody has been called for such a job. Its place is the time at which it was first due, so that
neither a retry nor a restart sends it to the end of the queue.
"""

import contextlib
from collections.abc import Callable
from functools import partial

from ..acd.agents import AgentRegistry
from ..acd.queues import Queues
from ..acd.waiting import Leave, Offer, Waiting
from ..calls.services import CallServices
from ..errors import EngineError
from ..job import Job
from .completion import Decision, End, Postpone, Ready, Wait, waits_until
from .retry import Outcome

# A job whose queue was full when it was due tries to join it again after this time.
FULL_RETRY_S = 15.0


class QueuedJobs:
    """Puts jobs into queues, and keeps the offers they get until an attempt takes them.

    An offer is of a queue's agents or of one agent. A queue that overflows sends a job to an
    outside number instead. `on_decision` is called when a queue decides what becomes of a job.
    """

    def __init__(
        self,
        services: CallServices,
        on_decision: Callable[[Job, Decision], None],
        *,
        clock: Callable[[], float],
    ) -> None:
        self._services = services
        self._on_decision = on_decision
        self._clock = clock
        self._waiting: dict[str, Job] = {}
        self._offers: dict[str, Offer] = {}
        self._outside: dict[str, str] = {}

    @property
    def _agents(self) -> AgentRegistry:
        return self._services.agents

    @property
    def _queues(self) -> Queues:
        return self._services.queues

    def needs_agent(self, job: Job) -> bool:
        """Whether the job needs an agent of a queue, or one by name, before anybody is called."""
        request = job.request
        if request.order != "agent_first":
            return False
        return request.queue is not None or self.is_for_agent(job)

    def is_for_agent(self, job: Job) -> bool:
        """Whether the job is for one agent by name."""
        name = job.request.agent
        return name is not None and name in self._agents

    def is_agent_free(self, job: Job) -> bool:
        """Whether the agent whom the job names is free now."""
        agent = self._agents.get(job.request.agent or "")
        return agent is not None and agent.state == "available"

    def __contains__(self, job: object) -> bool:
        """Whether the job has a place."""
        return isinstance(job, Job) and job.id in self._waiting

    def has_offer(self, job: Job) -> bool:
        """Whether the job has an offer that no attempt has taken yet."""
        return job.id in self._offers

    # -- waiting ----------------------------------------------------------------------------

    def join(self, job: Job, due_at: float) -> Decision:
        """Let a job that is due wait for its agent. Returns what becomes of it.

        A customer who is called first waits on the line, later: the queue is only asked whether it
        takes them.
        """
        if job.queue_joined_at is None:
            job.queue_joined_at = max(job.created, due_at)
        if job.queue_since is not None:  # it may have been called back sooner than was said
            job.queue_since = min(job.queue_since, self._clock())
        try:
            if not self.needs_agent(job):
                queue = job.request.queue or ""
                self._queues.check(queue, "call", has_place=job.has_place)
                return Ready()
            self._queues.join(self._as_waiting(job, job.queue_joined_at))
            job.has_place = True
        except EngineError as error:
            return self._not_accepted(job, error)
        self._waiting[job.id] = job
        return Wait(waits_until(job, self._services.dial))

    def _as_waiting(self, job: Job, joined_at: float) -> Waiting:
        request = job.request
        return Waiting(
            id=job.id,
            kind="callback",
            on_offer=self._offered,
            on_leave=partial(self._left, job),
            on_queue=job.joins_queue,
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
            site=request.site,
            context=request.context,
            known_agent=request.known_agent,
            centre=request.centre,
            ring_s=request.ring_s if request.queue is None else None,
        )

    def _not_accepted(self, job: Job, error: EngineError) -> Decision:
        """What becomes of a job that its queue refused: it waits where the queue may take it."""
        opens_at = error.data.get("opens_at")
        now = self._clock()
        if error.data.get("reason") == "full" and now < waits_until(job, self._services.dial):
            return Postpone(now + FULL_RETRY_S, error.message, is_waiting=True)
        if error.data.get("schedule") and opens_at is not None:
            return Postpone(opens_at, error.message, is_date=True)
        return End(Outcome("failed", error.kind, error.message))

    def leave(self, job: Job, reason: str = "withdrawn") -> None:
        """Take the job out of its queue, and give back an offer that no attempt has taken."""
        self._outside.pop(job.id, None)
        self._queues.release_place(job.id)
        is_in = self._waiting.pop(job.id, None) is not None
        offer = self._offers.pop(job.id, None)
        if is_in:
            self._queues.leave(job.id, reason)
        if offer is not None:
            self.free(offer)

    def reprioritise(self, job: Job) -> None:
        """Give the job the place of its priority, which has changed."""
        with contextlib.suppress(EngineError):  # it waits nowhere
            self._queues.reprioritise(job.id, job.request.priority)

    def _left(self, job: Job, leave: Leave) -> None:
        """The queue has sent the job away."""
        if self._waiting.pop(job.id, None) is not None:
            self._on_decision(job, self._after_leave(job, leave))

    def _after_leave(self, job: Job, leave: Leave) -> Decision:
        if leave.target is not None:
            self._outside[job.id] = leave.target
            return Ready()
        if leave.reason == "withdrawn":
            cause = "removed from the queue by command"
            return End(Outcome("cancelled", "cancelled", cause))
        if leave.reason == "closed":
            try:
                queue = self._queues.matcher.queues.require(job.request.queue or "")
                queue.check(self._clock(), "callback")
            except EngineError as error:
                return self._not_accepted(job, error)
        cause = f"sent away by the queue: {leave.reason}"
        return End(Outcome("failed", "unavailable", cause))

    # -- offers -----------------------------------------------------------------------------

    def reserve(self, job: Job) -> Offer | None:
        """Reserve the agent whom the job names; None where they are not free now."""
        request = job.request
        if request.agent is None or not self._agents.reserve(request.agent, job.id):
            return None
        return Offer(
            waiting=self._as_waiting(job, self._clock()),
            queue=None,
            agents=(request.agent,),
            ring_s=request.ring_s,
        )

    def pop_offer(self, job: Job) -> Offer | None:
        """Take out the offer that the job has, for the attempt that rings its agents."""
        return self._offers.pop(job.id, None)

    def pop_outside(self, job: Job) -> str | None:
        """Take out the outside number to which its queue sent the job, for the attempt."""
        outside = self._outside.pop(job.id, None)
        if outside is not None:
            job.outside_tried = job.outside_tried | {outside: self._clock()}
        return outside

    def unanswered(self, job: Job, offer: Offer) -> bool:
        """No agent answered the offer. Returns whether the job has its old place again."""
        if not self._queues.unanswered(offer):
            self._waiting.pop(job.id, None)
            return False
        self._waiting.setdefault(job.id, job)
        return True

    def free(self, offer: Offer | None) -> None:
        """Give back the agents whom nobody rang. The others have left the offer already."""
        if offer is not None:
            for name in offer.agents:
                self._agents.release(name, offer.waiting.id)

    def _offered(self, offer: Offer) -> None:
        job = self._waiting.get(offer.waiting.id)
        if job is None:
            self.free(offer)
            return
        self._offers[job.id] = offer
        self._on_decision(job, Ready())
