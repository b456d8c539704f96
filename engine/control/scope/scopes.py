"""The part of the engine that a client may see, where that is not the whole."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ...callbacks.intake import Owner
from ...store.kept_events import Event
from ..rights import Principal
from .agent_scope import AgentScope
from .job_scope import JobScope
from .own_work import OwnWork

if TYPE_CHECKING:
    from ...calls.call import Call
    from .job_scope import TracedCalls


class Scope(Protocol):
    """What one client may ask for and see."""

    def amend(self, method: str, params: Any) -> Any:
        """The parameters with what follows from who asks."""

    def check(self, method: str, params: Any) -> None:
        """Raise NoRight where it may not ask for this with these parameters."""

    def narrowed(self, method: str, result: Any) -> Any:
        """A result with nothing in it that does not concern it."""

    def sees(self, event: Event) -> bool:
        """Whether an event concerns it."""

    def sees_view(self, source: str, view: Mapping[str, Any]) -> bool:
        """Whether a view of a snapshot concerns it."""


class Scopes:
    """Gives each client its scope. `owner_of` says whose a job is, `traced` which call is meant."""

    def __init__(
        self,
        agents: OwnWork | None = None,
        owner_of: Callable[[str], Owner | None] = lambda _id: None,
        calls: "Mapping[str, Call] | None" = None,
        traced: "TracedCalls" = lambda _params: None,
    ) -> None:
        self._traced = traced
        self._agents = agents or OwnWork()
        self._owner_of = owner_of
        self._calls = calls

    def of(self, principal: Principal) -> Scope | None:
        """The scope of a client; None where it may see everything."""
        if principal.agent is not None:
            return AgentScope(self._agents, principal.agent, principal)
        if principal.is_limited:
            return JobScope(principal, self._owner_of, self._calls, self._traced)
        return None
