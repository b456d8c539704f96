"""What an agent may ask for and see: their own state, their calls and callbacks, their queues.

Where their right says so, they may also request callbacks that they talk on themselves.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ...request import CallbackRequest
from ...store.kept_events import Event
from ..method_roles import NoRight, needed
from ..rights import Principal
from .own_work import OwnWork, view_of

# Each of these is checked below. The methods of the first set name the agent in `agent`.
_OWN_STATE = frozenset(
    {"agent.address", "agent.get", "agent.login", "agent.logout", "agent.pause", "agent.ready"}
)
_OWN_WORK = frozenset({"callback.annotate", "callback.get", "record.get"})
_OWN_CALLS = frozenset(
    {"call.get", "call.hangup", "call.transfer", "recording.pause", "recording.resume"}
)
_OWN_REQUESTS = frozenset({"callback.cancel", "callback.reschedule"})

# What an agent whose request joined the job of another learns of that job.
_OUTLINE = ("id", "state", "replayed", "joined_to", "reading", "would_be_due")

SUPERVISOR = "supervisor"

# Events that concern the agent whom they name and nobody else, whatever the work.
_OF_ONE_AGENT = ("agent.", "line.")


class AgentScope:
    """The scope of one agent, whose right `who` is. `work` knows what is theirs."""

    def __init__(self, work: OwnWork, agent: str, who: Principal) -> None:
        self._work = work
        self._agent = agent
        self._who = who

    # -- what the agent asks for ------------------------------------------------------------

    def amend(self, method: str, params: Any) -> Any:
        """The parameters as the agent means them: for themselves."""
        if method == "callback.request" and isinstance(params, CallbackRequest):
            if params.agent is None and params.queue is None:
                return msgspec.structs.replace(params, agent=self._agent)
        elif method == "report.agent" and params.agent is None:
            return msgspec.structs.replace(params, agent=self._agent)
        return params

    def check(self, method: str, params: Any) -> None:
        """Raise NoRight where the agent may not call the method with these parameters."""
        field = "id"
        if method in _OWN_STATE or method == "report.agent":
            allowed, field = params.agent == self._agent, "agent"
        elif method == "callback.request":
            field = "agent" if params.queue is None else "queue"
            allowed = params.queue is None and params.agent == self._agent
        elif method in _OWN_REQUESTS:
            job = self._work.find_job(params.id)
            allowed = job is not None and job.requested_by == self._who.name
        elif method in _OWN_WORK:
            allowed = self._work.was_theirs(self._agent, params.id, self._who.own_s)
        elif method in _OWN_CALLS:
            field = "call" if params.call is not None else "leg"
            call = self._work.call_of(params.call, params.leg)
            allowed = call is not None and self._is_their_view(view_of(call))
        elif method == "queue.get":
            allowed, field = params.queue in self._work.serves(self._agent), "queue"
        else:
            return
        if not allowed:
            # The same for what there is not, so that nothing is learnt from it.
            reason = f"agent {self._agent} may do that for themselves and their calls only"
            raise NoRight(reason, field=field, role=needed(method), had="agent")

    def narrowed(self, method: str, result: Any) -> Any:
        """The result without what does not concern the agent."""
        if method == "call.list":
            mine = [view for view in result["calls"] if self._is_their_view(view)]
            return result | {"calls": [without_supervisors(view) for view in mine]}
        if method in ("call.get", "call.hangup", "call.transfer"):
            return without_supervisors(result)
        if method == "agent.list":
            mine = [view for view in result["agents"] if view["agent"] == self._agent]
            return result | {"agents": mine}
        if method == "queue.list":
            serves = self._work.serves(self._agent)
            mine = [view for view in result["queues"] if view["queue"] in serves]
            return result | {"queues": mine}
        if method == "callback.request":
            is_its = result["requested_by"] == self._who.name or self._is_theirs(result["id"])
            return result if is_its else {one: result[one] for one in _OUTLINE if one in result}
        return result

    # -- what the agent sees ----------------------------------------------------------------

    def sees(self, event: Event) -> bool:
        """Whether an event concerns the agent."""
        about = self._work.about(event)
        if about.supervisor is not None or about.role == SUPERVISOR:
            return about.supervisor == self._agent
        if self._agent == about.agent or self._agent in (about.agents or ()):
            return True
        if event.type.startswith(_OF_ONE_AGENT) and about.agent is not None:
            return False
        return any(self._is_theirs(work) for work in (about.job, about.call) if work)

    def sees_view(self, source: str, view: Mapping[str, Any]) -> bool:
        """Whether a view of a snapshot concerns the agent."""
        if source == "agent":
            return bool(view["agent"] == self._agent)
        if source == "job":
            return self._is_theirs(view["id"])
        return source == "call" and self._is_their_view(view)

    def _is_theirs(self, work: str) -> bool:
        return self._work.is_theirs(self._agent, work, self._who.own_s)

    def _is_their_view(self, view: Mapping[str, Any]) -> bool:
        if view.get("agent") == self._agent:
            return True
        return any(self._is_theirs(work) for work in (view["job"], view["call"]) if work)


def without_supervisors(view: Mapping[str, Any]) -> dict[str, Any]:
    """A call as an agent sees it, who does not learn while it is up that somebody listens."""
    legs = [leg for leg in view["legs"] if leg.role != SUPERVISOR]
    return {name: value for name, value in view.items() if name != "supervisors"} | {"legs": legs}
