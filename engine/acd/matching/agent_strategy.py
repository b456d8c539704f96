"""Strategies: which of several free agents is asked first.

Each is a function from an agent to something that sorts; the smallest is taken. Ties go to the one
who has been idle longest, then by name, so that a choice can be explained afterwards.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from config.queues import Queue, StrategyName

from ..agent_pool import PooledAgent

Chooser = Callable[[PooledAgent], Any]


def _idle(agent: PooledAgent) -> tuple[float, str]:
    return (agent.idle_since or 0.0, agent.name)


class AgentStrategy:
    """The strategy of one queue, with what it remembers between two choices."""

    def __init__(
        self, queue: Queue, rng: random.Random, before: "AgentStrategy | None" = None
    ) -> None:
        self.name: StrategyName = queue.strategy
        self.at_once = queue.ring_at_once if self.name == "ring_several" else 1
        self._rank = {name: number for number, name in enumerate(queue.agents)}
        self._rng = rng
        self._last: tuple[int, str] = (-1, "")
        if before is not None and before._rank == self._rank:
            self._last = before._last  # a reload does not restart the round

    def choose(self, agents: Sequence[PooledAgent], skills: Mapping[str, int]) -> PooledAgent:
        """The one of `agents` (at least one) who is asked for an entry that needs `skills`."""
        if len(agents) == 1:
            return agents[0]
        if self.name == "random":
            return self._rng.choice(agents)
        return min(agents, key=self._chooser(skills))

    def taken(self, agent: PooledAgent) -> None:
        """`agent` was chosen and is reserved."""
        self._last = self._order(agent)

    def _chooser(self, skills: Mapping[str, int]) -> Chooser:
        if self.name == "fewest_calls":
            return lambda agent: (agent.calls, _idle(agent))
        if self.name == "least_talk_time":
            return lambda agent: (agent.talk_s, _idle(agent))
        if self.name == "ordered":
            return self._order
        if self.name == "round_robin":
            return self._next_in_turn
        if self.name == "best_skill" and skills:
            return lambda agent: (
                -sum(agent.skills.get(skill, 0) for skill in skills),
                _idle(agent),
            )
        return _idle

    def _order(self, agent: PooledAgent) -> tuple[int, str]:
        """The place in the queue's own list of agents; those not in it come after, by name."""
        return (self._rank.get(agent.name, len(self._rank)), agent.name)

    def _next_in_turn(self, agent: PooledAgent) -> tuple[bool, tuple[int, str]]:
        order = self._order(agent)
        return (order <= self._last, order)
