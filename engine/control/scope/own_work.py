"""Which jobs and calls are whose.

A call or callback is an agent's while they are on it, after they talked on it, and where the
request names them. An offer that they left unanswered is theirs no longer, except for the moment
in which its last events are published. What is over stays theirs for so long as their right says.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from ...job import Job
from ...store.kept_events import Event

if TYPE_CHECKING:
    from ...acd.agent import Agent, AgentState
    from ...calls.call import Call

AFTERWARDS_S = 2.0
MOST_REMEMBERED = 20_000


class AboutWhom(msgspec.Struct):
    """Whom an event is about."""

    job: str | None = None
    call: str | None = None
    agent: str | None = None
    agents: list[str] | None = None
    role: str | None = None
    supervisor: str | None = None


class _Notification(msgspec.Struct):
    params: AboutWhom


_decoder = msgspec.json.Decoder(_Notification)


class Worker(Protocol):
    """What is read of an agent."""

    @property
    def name(self) -> str:
        """Their name."""

    @property
    def state(self) -> "AgentState":
        """What they do now."""

    @property
    def work(self) -> str | None:
        """The job or call that they are on."""


class Agents(Protocol):
    """What is read of the registry of agents."""

    def get(self, name: str) -> "Agent | None":
        """The agent of this name."""

    def serves(self, agent: "Agent", /) -> Sequence[str]:
        """The queues that an agent serves."""

    def subscribe(self, *, on_change: "Callable[[Agent, AgentState], None]") -> object:
        """Call this with each agent who changes, and the state they leave."""


class _Nobody:
    """No agents at all."""

    def get(self, _name: str) -> None:
        """See Agents."""

    def serves(self, _agent: "Agent", /) -> Sequence[str]:
        """See Agents."""
        return ()

    def subscribe(self, *, on_change: object) -> None:
        """See Agents."""


_NOBODY: Final = _Nobody()


class OwnWork:
    """Knows which jobs and calls are whose, from the states of `agents`.

    `open_job` gives an open job by its id, `find_job` an ended one too. `calls` are those that are
    up, by id. `talked_at` says when an agent last talked on a work, as far as the store knows.
    """

    def __init__(
        self,
        open_job: Callable[[str], Job | None] = lambda _id: None,
        find_job: Callable[[str], Job | None] = lambda _id: None,
        calls: Mapping[str, "Call"] = MappingProxyType({}),
        *,
        talked_at: Callable[[str, str], float | None] = lambda _agent, _work: None,
        agents: Agents = _NOBODY,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._open_job = open_job
        self.find_job = find_job
        self._calls = calls
        self._talked_at = talked_at
        self._agents = agents
        self._clock = clock
        self._now = now
        self._on: dict[str, str] = {}  # the present work of each agent
        # When a work was last an agent's; those of long ago are forgotten first.
        self._left: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._missed: OrderedDict[tuple[str, str], float] = OrderedDict()
        # One event is asked about for every agent who listens.
        self._asked: tuple[int, AboutWhom] = (0, AboutWhom())
        agents.subscribe(on_change=self.on_change)

    def on_change(self, agent: Worker, previous: "AgentState") -> None:
        """An agent has left the state `previous`."""
        if agent.work is not None:
            self._on[agent.name] = agent.work
            if agent.state == "talking":
                self._remember(self._left, agent.name, agent.work)
            return
        work = self._on.pop(agent.name, None)
        if work is not None:
            talked = (agent.name, work) in self._left and previous in ("talking", "wrap_up")
            self._remember(self._left if talked else self._missed, agent.name, work)

    def _remember(self, where: OrderedDict[tuple[str, str], float], agent: str, work: str) -> None:
        where[agent, work] = self._clock()
        where.move_to_end((agent, work))
        if len(where) > MOST_REMEMBERED:
            where.popitem(last=False)

    # -- what is theirs ---------------------------------------------------------------------

    def is_theirs(self, agent: str, work: str, own_s: float) -> bool:
        """Whether a callback job or a call is the agent's, as far as memory knows."""
        if self._on.get(agent) == work or self._owes_outcome(agent, work):
            return True
        now = self._clock()
        left, missed = self._left.get((agent, work)), self._missed.get((agent, work))
        if left is not None and now < left + max(own_s, AFTERWARDS_S):
            return True
        if missed is not None and now < missed + AFTERWARDS_S:
            return True
        return self._is_named(agent, self._open_job(work), own_s)

    def was_theirs(self, agent: str, work: str, own_s: float) -> bool:
        """Whether it is, by what the store knows as well."""
        if self.is_theirs(agent, work, own_s):
            return True
        if self._is_named(agent, self.find_job(work), own_s):
            return True
        talked_at = self._talked_at(agent, work)
        return talked_at is not None and self._now() < talked_at + own_s

    def _is_named(self, agent: str, job: Job | None, own_s: float) -> bool:
        if job is None or (job.ended_at is not None and self._now() >= job.ended_at + own_s):
            return False
        if job.request.agent == agent:
            return True
        return any(one.agent == agent and one.answered is not None for one in job.offers)

    def _owes_outcome(self, agent: str, work: str) -> bool:
        known = self._agents.get(agent)
        return known is not None and known.outcome_due == work

    def about(self, event: Event) -> AboutWhom:
        """Whom an event is about."""
        if self._asked[0] != event.seq:
            self._asked = event.seq, _decoder.decode(event.line).params
        return self._asked[1]

    def serves(self, agent: str) -> tuple[str, ...]:
        """The queues that an agent serves."""
        known = self._agents.get(agent)
        return () if known is None else tuple(self._agents.serves(known))

    def call_of(self, call_id: str | None, leg_id: str | None) -> "Call | None":
        """The call of an id, or of a leg."""
        if call_id is not None:
            return self._calls.get(call_id)
        for call in self._calls.values():
            if any(leg.id == leg_id for leg in call.legs):
                return call
        return None


def view_of(call: "Call") -> Mapping[str, Any]:
    """What says whose a call is."""
    return {"call": call.id, "job": call.job_id, **call.about}
