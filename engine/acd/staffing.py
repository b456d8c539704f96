"""Staffing: which agents serve which queues, by the configuration.

An agent serves a queue as their own, or helps there from one of its tiers on, or when it overflows
to the centre where they work.
"""

from collections.abc import Iterable, Mapping

from config.queues import Queue

from .agent_pool import AgentPool, PooledAgent

NEVER = 1 << 30
Service = tuple[bool, int]
"""How an agent serves a queue: whether it is their own, and from which tier on they help."""


class Staffing:
    """Who serves which queue, whether they are free or not. Empty until it is configured."""

    def __init__(self) -> None:
        self.configure(())

    def configure(self, queues: Iterable[Queue]) -> None:
        """Use these queues from now on."""
        self._queues: set[str] = set()
        self._own: dict[str, list[str]] = {}
        self._tiers: dict[str, dict[str, int]] = {}
        self._helpers: dict[str, dict[str, int]] = {}
        self._centres: dict[str, list[str]] = {}
        for queue in queues:
            self._queues.add(queue.name)
            for name in queue.agents:
                self._own.setdefault(name, []).append(queue.name)
            for tier, step in enumerate(queue.tiers, start=1):
                for name in step.agents:
                    self._tiers.setdefault(name, {}).setdefault(queue.name, tier)
                for name in step.queues:
                    self._helpers.setdefault(name, {}).setdefault(queue.name, tier)
                for name in step.centres:
                    self._centres.setdefault(name, []).append(queue.name)
            for _where, overflow in queue.overflows:
                if overflow.centre:
                    self._centres.setdefault(overflow.centre, []).append(queue.name)

    def services(self, agent: PooledAgent) -> dict[str, Service]:
        """The queues that an agent serves, and how they serve each."""
        own = {*agent.queues, *self._own.get(agent.name, ())} & self._queues
        tiers = dict(self._tiers.get(agent.name, ()))
        for queue in own:
            for helped, tier in self._helpers.get(queue, {}).items():
                tiers[helped] = min(tier, tiers.get(helped, tier))
        if agent.centre is not None:
            for queue in self._centres.get(agent.centre, ()):
                tiers.setdefault(queue, NEVER)
        services = {queue: (False, tier) for queue, tier in tiers.items()}
        for queue in own:
            services[queue] = (True, tiers.get(queue, NEVER))
        return services

    def own_queues(self, agent: PooledAgent) -> list[str]:
        """The names of the queues that are an agent's own, sorted."""
        return sorted(queue for queue, (is_own, _) in self.services(agent).items() if is_own)

    def counts(self, agents: Iterable[PooledAgent]) -> dict[str, dict[str, int]]:
        """How many of `agents` each queue has as its own, by their state."""
        found: dict[str, dict[str, int]] = {}
        for agent in agents:
            for queue in self.own_queues(agent):
                states = found.setdefault(queue, {})
                states[agent.state] = states.get(agent.state, 0) + 1
        return found


# Agents in these states take no call now, and none when their present work is over.
OFF_DUTY = frozenset({"logged_out", "paused"})


class Presence:
    """Which agents are there, so that an entry is not kept for somebody who is not."""

    def __init__(self, pool: AgentPool, staffing: Staffing) -> None:
        self._pool = pool
        self._staffing = staffing

    def is_logged_in(self, name: str) -> bool:
        """Whether there is an agent of this name who is logged in."""
        agent = self._pool.get(name)
        return agent is not None and agent.state != "logged_out"

    def is_staffed(self, queue: str) -> bool:
        """Whether an agent is logged in who serves the queue as their own."""
        return any(
            agent.state != "logged_out" and self._serves(agent, queue) for agent in self._pool.all()
        )

    def can_take(self, centre: str, queue: str, skills: Mapping[str, int]) -> bool:
        """Whether a centre has an agent on duty, free or not, who serves `queue` with `skills`."""
        return any(
            agent.centre == centre
            and agent.state not in OFF_DUTY
            and self._serves(agent, queue)
            and all(agent.skills.get(name, 0) >= level for name, level in skills.items())
            for agent in self._pool.all()
        )

    def _serves(self, agent: PooledAgent, queue: str) -> bool:
        is_own, _tier = self._staffing.services(agent).get(queue, (False, NEVER))
        return is_own
