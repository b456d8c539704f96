"""What an agent may ask for and see: their own state, and the calls and callbacks that are theirs.

A call or callback is an agent's while they are on it, after they talked on it, and where the
request names them. An offer that they left unanswered is theirs no longer, except for the moment
in which its last events are published.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from ...job import Job
from ...store.event_log import Event
from ..roles import NoRight, needed

if TYPE_CHECKING:
    from ...acd.agent import AgentState
    from ...acd.agents import AgentRegistry
    from ...calls.call import Call

# Each of these is checked below. The methods of the first set name the agent in `agent`.
_OWN_STATE = frozenset(
    {"agent.address", "agent.get", "agent.login", "agent.logout", "agent.pause", "agent.ready"}
)
_OWN_WORK = frozenset({"callback.annotate", "callback.get", "record.get"})
_OWN_CALLS = frozenset({"call.get", "call.hangup"})
AGENT_METHODS = (
    _OWN_STATE | _OWN_WORK | _OWN_CALLS | {"agent.list", "call.list", "events.subscribe"}
)

AFTERWARDS_S = 2.0
MOST_REMEMBERED = 20_000


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


class _EventOf(msgspec.Struct):
    """Whom an event is about."""

    job: str | None = None
    call: str | None = None
    agent: str | None = None
    agents: list[str] | None = None


class _Notification(msgspec.Struct):
    params: _EventOf


_decoder = msgspec.json.Decoder(_Notification)


# Events that concern the agent whom they name and nobody else, whatever the work.
_OF_ONE_AGENT = ("agent.", "line.")


class AgentScope:
    """Knows which jobs and calls are whose, from the states of `agents`.

    `open_job` gives an open job by its id, `find_job` an ended one too. `calls` are those that are
    up, by id.
    """

    def __init__(
        self,
        open_job: Callable[[str], Job | None] = lambda _id: None,
        find_job: Callable[[str], Job | None] = lambda _id: None,
        calls: Mapping[str, "Call"] = MappingProxyType({}),
        *,
        agents: "AgentRegistry | None" = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_job = open_job
        self._find_job = find_job
        self._calls = calls
        self._clock = clock
        self._on: dict[str, str] = {}  # the present work of each agent
        # Until when a work is an agent's; those of long ago are forgotten first.
        self._until: OrderedDict[tuple[str, str], float] = OrderedDict()
        # One event is asked about for every agent who listens.
        self._asked: tuple[int, _EventOf] = (0, _EventOf())
        if agents is not None:
            agents.subscribe(on_change=self.on_change)

    def on_change(self, agent: Worker, previous: "AgentState") -> None:
        """An agent has left the state `previous`."""
        if agent.work is not None:
            self._on[agent.name] = agent.work
            self._remember(agent.name, agent.work, float("inf"))
            return
        work = self._on.pop(agent.name, None)
        if work is not None and previous != "talking":
            self._remember(agent.name, work, self._clock() + AFTERWARDS_S)

    def _remember(self, agent: str, work: str, until: float) -> None:
        self._until[agent, work] = until
        self._until.move_to_end((agent, work))
        if len(self._until) > MOST_REMEMBERED:
            self._until.popitem(last=False)

    # -- what an agent asks for -------------------------------------------------------------

    def check(self, agent: str, method: str, params: Any) -> None:
        """Raise NoRight where `agent` may not call the method with these parameters."""
        if method in _OWN_STATE:
            allowed, field = params.agent == agent, "agent"
        elif method in _OWN_WORK:
            job = self._find_job(params.id)
            allowed = self._is_theirs(agent, params.id) or _is_named(agent, job)
            field = "id"
        elif method in _OWN_CALLS:
            field = "call" if params.call is not None else "leg"
            call = self._call(params.call, params.leg)
            allowed = call is not None and self._is_their_call(agent, call)
        else:
            return
        if not allowed:
            # The same for what there is not, so that nothing is learnt from it.
            reason = f"agent {agent} may do that for themselves and their calls only"
            raise NoRight(reason, field=field, role=needed(method), had="agent")

    def narrowed(self, agent: str, method: str, result: Any) -> Any:
        """The result without what does not concern the agent."""
        if method == "call.list":
            mine = [view for view in result["calls"] if self._is_their_view(agent, view)]
            return result | {"calls": mine}
        if method == "agent.list":
            mine = [view for view in result["agents"] if view["agent"] == agent]
            return {"agents": mine, "cursor": result["cursor"]}
        return result

    # -- what an agent sees -----------------------------------------------------------------

    def sees(self, agent: str, event: Event) -> bool:
        """Whether an event concerns the agent."""
        if self._asked[0] != event.seq:
            self._asked = event.seq, _decoder.decode(event.line).params
        about = self._asked[1]
        if agent == about.agent or agent in (about.agents or ()):
            return True
        if event.type.startswith(_OF_ONE_AGENT) and about.agent is not None:
            return False
        return any(self._is_theirs(agent, work) for work in (about.job, about.call) if work)

    def sees_view(self, agent: str, source: str, view: Mapping[str, Any]) -> bool:
        """Whether a view of a snapshot concerns the agent."""
        if source == "agent":
            return bool(view["agent"] == agent)
        if source == "job":
            return self._is_theirs(agent, view["id"])
        return source == "call" and self._is_their_view(agent, view)

    # -- what is theirs ---------------------------------------------------------------------

    def _is_theirs(self, agent: str, work: str) -> bool:
        """Whether a callback job or a call is the agent's, as far as memory knows."""
        if self._on.get(agent) == work or self._until.get((agent, work), 0.0) > self._clock():
            return True
        return _is_named(agent, self._open_job(work))

    def _is_their_call(self, agent: str, call: "Call") -> bool:
        return self._is_their_view(agent, {"call": call.id, "job": call.job_id, **call.about})

    def _is_their_view(self, agent: str, view: Mapping[str, Any]) -> bool:
        if view.get("agent") == agent:
            return True
        return any(self._is_theirs(agent, work) for work in (view["job"], view["call"]) if work)

    def _call(self, call_id: str | None, leg_id: str | None) -> "Call | None":
        if call_id is not None:
            return self._calls.get(call_id)
        for call in self._calls.values():
            if any(leg.id == leg_id for leg in call.legs):
                return call
        return None


def _is_named(agent: str, job: Job | None) -> bool:
    if job is None:
        return False
    if job.request.agent == agent:
        return True
    return any(one.agent == agent and one.answered is not None for one in job.offers)
