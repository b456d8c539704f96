"""The places of jobs in queues: a job whose operator is not there yet waits like anybody else.

Nobody has been called for such a job. Its place is kept by the time at which it was due, so that
neither a retry nor a restart sends it to the end of the line.
"""

import contextlib
import time
from collections.abc import Callable
from functools import partial

from .job import Job
from .protocol import EngineError
from .switchboard import Switchboard
from .waiting import Leave, Offer, Waiting

OnOffer = Callable[[Job], None]
OnLeave = Callable[[Job, Leave], None]


class JobPlaces:
    """Lets jobs wait in queues and for agents, and keeps the offers they get until they are taken.

    `on_offer` is told of a job that has an offer, `on_leave` of one whom its queue sends away.
    """

    def __init__(
        self,
        board: Switchboard,
        *,
        on_offer: OnOffer,
        on_leave: OnLeave,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._board = board
        self._on_offer = on_offer
        self._on_leave = on_leave
        self._wall_clock = wall_clock
        self._waiting: dict[str, Job] = {}
        self._offers: dict[str, Offer] = {}

    def waits_for_operator(self, job: Job) -> bool:
        """Whether the job needs an operator of a queue, or an agent, before anybody is called."""
        request = job.request
        if request.order != "agent_first":
            return False
        return request.queue is not None or self.is_for_agent(job)

    def is_for_agent(self, job: Job) -> bool:
        """Whether the job is for one agent by name."""
        agents, name = self._board.agents, job.request.agent
        return agents is not None and name is not None and name in agents

    def is_agent_free(self, job: Job) -> bool:
        """Whether the agent whom the job names could be had at once."""
        agents = self._board.agents
        agent = None if agents is None else agents.get(job.request.agent or "")
        return agent is not None and agent.state == "available"

    def __contains__(self, job: object) -> bool:
        """Whether the job has a place."""
        return isinstance(job, Job) and job.id in self._waiting

    def has_offer(self, job: Job) -> bool:
        """Whether the job has an offer that is not taken yet."""
        return job.id in self._offers

    # -- waiting ----------------------------------------------------------------------------

    def join(self, job: Job, joined_at: float) -> None:
        """Let the job wait in its queue, or for its agent, in the place of `joined_at`.

        Raises EngineError where the queue takes nobody.
        """
        queues, request = self._board.queues, job.request
        assert queues is not None, "a place needs queues"
        queues.join(
            Waiting(
                id=job.id,
                kind="callback",
                on_offer=self._offered,
                on_leave=partial(self._left, job),
                queue=request.queue,
                agent=request.agent if request.queue is None else None,
                joined_at=joined_at,
                priority=request.priority,
                skills=request.skills,
                number=job.called,
                region=job.region,
                context=request.context,
                known_agent=request.known_agent,
                ring_s=request.ring_s if request.queue is None else None,
            )
        )
        self._waiting[job.id] = job

    def leave(self, job: Job, reason: str = "withdrawn") -> None:
        """The job waits no longer; an offer that it had not taken is given back."""
        is_in = self._waiting.pop(job.id, None) is not None
        offer = self._offers.pop(job.id, None)
        if (is_in or offer is not None) and self._board.queues is not None:
            self._board.queues.leave(job.id, reason)
        if offer is not None:
            self.free(offer)

    def reprioritise(self, job: Job) -> None:
        """The job's priority is another one: it has its place by that."""
        if job.id in self._waiting and self._board.queues is not None:
            with contextlib.suppress(EngineError):  # just sent away, and not told yet
                self._board.queues.reprioritise(job.id, job.request.priority)

    # -- offers -----------------------------------------------------------------------------

    def reserve(self, job: Job) -> Offer | None:
        """The agent whom the job names, if he is free now: nobody else waits for one who is."""
        agents, request = self._board.agents, job.request
        if agents is None or request.agent is None or not agents.reserve(request.agent, job.id):
            return None
        now = self._wall_clock()
        waiting = Waiting(
            id=job.id,
            kind="callback",
            on_offer=self._offered,
            on_leave=partial(self._left, job),
            agent=request.agent,
            joined_at=now,
        )
        return Offer(
            waiting=waiting,
            queue=None,
            agents=(request.agent,),
            ring_s=request.ring_s,
            offered_at=now,
        )

    def take_offer(self, job: Job) -> Offer | None:
        """The offer that the job has, for whoever rings its operators."""
        return self._offers.pop(job.id, None)

    def unanswered(self, job: Job, offer: Offer) -> bool:
        """Nobody took the offer. True: the job waits on, in its old place."""
        queues = self._board.queues
        if queues is None or not queues.unanswered(offer):
            return False
        self._waiting.setdefault(job.id, job)
        return True

    def free(self, offer: Offer) -> None:
        """Give back the agents whom nobody rang; the others are this job's no more."""
        if self._board.agents is not None:
            for name in offer.agents:
                self._board.agents.release(name, offer.waiting.id)

    def _offered(self, offer: Offer) -> None:
        job = self._waiting.get(offer.waiting.id)
        if job is None:
            self.free(offer)
            return
        self._offers[job.id] = offer
        self._on_offer(job)

    def _left(self, job: Job, leave: Leave) -> None:
        if self._waiting.pop(job.id, None) is not None:
            self._on_leave(job, leave)
