"""Candidates: the free agents for an entry, and the first of a queue that one may take."""

from collections.abc import Iterator

from ..agent_pool import AgentPool, PooledAgent
from ..queue import CallQueue
from ..queue_entry import Entry
from ..staffing import Staffing
from .waiting_index import Profile


class FreeAgents:
    """The free agents. One who is no longer available stays until that is noticed."""

    def __init__(self, staffing: Staffing) -> None:
        self._staffing = staffing
        self.by_name: dict[str, Profile] = {}
        self._by_queue: dict[str, dict[str, Profile]] = {}

    def clear(self) -> None:
        """Forget everybody: the staffing has changed."""
        self.by_name.clear()
        self._by_queue.clear()

    def mark_free(self, agent: PooledAgent) -> Profile:
        """`agent` is free."""
        self.mark_busy(agent.name)
        profile = self.profile(agent)
        self.by_name[agent.name] = profile
        for queue in profile.serves:
            self._by_queue.setdefault(queue, {})[agent.name] = profile
        return profile

    def profile(self, agent: PooledAgent) -> Profile:
        """The profile of an agent, whether they are free or not."""
        return Profile(
            agent=agent,
            name=agent.name,
            centre=agent.centre,
            skills=agent.skills,
            skill_names=frozenset(agent.skills),
            serves=self._staffing.services(agent),
        )

    def mark_busy(self, name: str) -> None:
        """The agent is not free, or will be found out not to be."""
        profile = self.by_name.pop(name, None)
        if profile is not None:
            for queue in profile.serves:
                del self._by_queue[queue][name]

    def of(self, queue: str | None, only: tuple[str, ...] | None) -> Iterator[Profile]:
        """The free agents who may serve the queue, or those of `only`."""
        if only is not None:
            for name in only:
                if name in self.by_name:
                    yield self.by_name[name]
        elif queue is not None:
            yield from self._by_queue.get(queue, {}).values()


# How many from the head of a queue are tried one by one before each agent is asked.
HEADS = 8


def candidates(
    entry: Entry, queue: CallQueue, free: FreeAgents, now: float
) -> Iterator[PooledAgent]:
    """The free agents who may take `entry`."""
    scope, missed, name = entry.scope, entry.missed, queue.name or ""
    for profile in free.of(queue.name, scope.only):
        agent = profile.agent
        if (
            agent.state == "available"
            and profile.may_take(scope, profile.serves.get(name))
            and (not missed or missed.get(profile.name, now) <= now)
        ):
            yield agent


def reserve(
    entry: Entry, queue: CallQueue, free: FreeAgents, pool: AgentPool, now: float
) -> tuple[str, ...]:
    """Reserve those free agents for `entry` whom the queue's strategy chooses; none: ()."""
    agents = list(candidates(entry, queue, free, now))
    chosen: list[str] = []
    while agents and len(chosen) < queue.strategy.at_once:
        agent = queue.strategy.choose(_first_of(agents, queue), entry.skills)
        agents.remove(agent)
        free.mark_busy(agent.name)
        if pool.reserve(agent.name, entry.id, now):
            queue.strategy.taken(agent)
            chosen.append(agent.name)
    return tuple(chosen)


def _first_of(agents: list[PooledAgent], queue: CallQueue) -> list[PooledAgent]:
    """Those of `agents` whose own priority in the queue is the highest."""
    name = queue.name or ""
    highest = max(agent.queue_priority.get(name, 0) for agent in agents)
    return [agent for agent in agents if agent.queue_priority.get(name, 0) == highest]


def first_servable(queue: CallQueue, free: FreeAgents, now: float) -> Entry | None:
    """The first entry of a queue that any free agent may take."""
    if not queue.waiting_index:
        return None
    for entry in queue.waiting_index.first(queue.order, HEADS):
        if next(candidates(entry, queue, free, now), None) is not None:
            return entry
    heads = (
        queue.waiting_index.best(profile, profile.serves.get(queue.name or ""), now)
        for profile in tuple(free.by_name.values())
        if profile.agent.state == "available"
    )
    return min((e for e in heads if e is not None), key=lambda e: e.key, default=None)
