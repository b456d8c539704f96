"""Agents that take several calls at once: each further call is an agent of its own.

An agent `bot` with `capacity = 3` is three: `bot`, `bot.2` and `bot.3`. So each of the calls has
its own place in queues, states and reports.
"""

from collections.abc import Iterable, Mapping, Sequence

from .agents import Agent
from .queues import Queue


def names_of(agent: Agent) -> tuple[str, ...]:
    """The names of the agents that one entry of [[agents]] makes."""
    more = (f"{agent.name}.{number}" for number in range(2, agent.capacity + 1))
    return (agent.name, *more)


def with_capacity(
    agents: Sequence[Agent], queues: Sequence[Queue]
) -> tuple[list[Agent], list[Queue]]:
    """All agents, and the queues with all of them wherever one of several is named."""
    several = {agent.name: names_of(agent) for agent in agents if agent.capacity > 1}
    if not several:
        return list(agents), list(queues)
    made = [
        agent if name == agent.name else agent.model_copy(update={"name": name})
        for agent in agents
        for name in several.get(agent.name, (agent.name,))
    ]
    return made, [_named(queue, several) for queue in queues]


def _named(queue: Queue, several: Mapping[str, tuple[str, ...]]) -> Queue:
    def all_of(names: Iterable[str]) -> list[str]:
        return [one for name in names for one in several.get(name, (name,))]

    tiers = [tier.model_copy(update={"agents": all_of(tier.agents)}) for tier in queue.tiers]
    vip = [one.model_copy(update={"agents": all_of(one.agents)}) for one in queue.vip]
    agents = all_of(queue.agents)
    return queue.model_copy(update={"agents": agents, "tiers": tiers, "vip": vip})
