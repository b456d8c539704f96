"""Outcomes of talks: which may be written back, and which agents wait until one is."""

from typing import TYPE_CHECKING

from ..errors import EngineError
from ..job import MACHINE
from .agents import AgentRegistry

if TYPE_CHECKING:
    from .queues import Queues


class Outcomes:
    """Goes by the lists of the queues, and by that of [agent_defaults] where a queue has none."""

    def __init__(self, agents: AgentRegistry, queues: "Queues") -> None:
        self._agents = agents
        self._queues = queues

    def allowed(self, queue: str | None) -> list[str]:
        """The outcomes that a call of this queue may have; empty: any."""
        own = self._queues.outcomes_of(queue)
        return self._agents.outcomes if own is None else own

    def check(self, outcome: str, queue: str | None) -> None:
        """Raise EngineError `refused` for one that a call of this queue may not have."""
        allowed = self.allowed(queue)
        if allowed and outcome not in (*allowed, MACHINE):
            reason = f"the outcome must be one of {', '.join(allowed)}"
            raise EngineError("refused", reason, "outcome", {"outcomes": allowed})

    def written(self, work: str) -> None:
        """The outcome of a job or call was written back: whoever had to do that is free."""
        self._agents.outcome_written(work)
