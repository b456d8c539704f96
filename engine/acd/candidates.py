"""The free agents, by the queues that each may serve."""

from collections.abc import Callable, Iterable, Iterator

from config.queues import Queue

from .agent_pool import PooledAgent
from .queue import CallQueue
from .queue_entry import Entry
from .waiting_index import NEVER, Profile, Service


class FreeAgents:
    """Who is free. One who is no longer available stays until it is noticed."""

    def __init__(self) -> None:
        self.by_name: dict[str, Profile] = {}
        self._by_queue: dict[str, dict[str, Profile]] = {}
        self._queues: set[str] = set()
        self._own: dict[str, list[str]] = {}
        self._tiers: dict[str, dict[str, int]] = {}
        self._helpers: dict[str, dict[str, int]] = {}
        self._centres: dict[str, list[str]] = {}

    def configure(self, queues: Iterable[Queue]) -> None:
        """Take who serves which queue, from which tier on; nobody is free afterwards."""
        self.__init__()  # type: ignore[misc]
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
            for overflow in queue.overflow:
                if overflow.centre:
                    self._centres.setdefault(overflow.centre, []).append(queue.name)

    def add(self, operator: PooledAgent) -> Profile:
        """`operator` is free."""
        self.drop(operator.name)
        profile = self.profile(operator)
        self.by_name[operator.name] = profile
        for queue in profile.serves:
            self._by_queue.setdefault(queue, {})[operator.name] = profile
        return profile

    def profile(self, operator: PooledAgent) -> Profile:
        """What an agent can, and where, whether he is free or not."""
        return Profile(
            operator=operator,
            name=operator.name,
            centre=operator.centre,
            skills=operator.skills,
            skill_names=frozenset(operator.skills),
            serves=self.serves(operator),
        )

    def drop(self, name: str) -> None:
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

    def serves(self, operator: PooledAgent) -> dict[str, Service]:
        """The queues that an agent serves, free or not, and how."""
        own = {*operator.queues, *self._own.get(operator.name, ())} & self._queues
        tiers = dict(self._tiers.get(operator.name, ()))
        for queue in own:
            for helped, tier in self._helpers.get(queue, {}).items():
                tiers[helped] = min(tier, tiers.get(helped, tier))
        if operator.centre is not None:
            for queue in self._centres.get(operator.centre, ()):
                tiers.setdefault(queue, NEVER)
        serves = {queue: (False, tier) for queue, tier in tiers.items()}
        for queue in own:
            serves[queue] = (True, tiers.get(queue, NEVER))
        return serves

    def own(self, operator: PooledAgent) -> list[str]:
        """The queues that are an agent's own, by name."""
        return sorted(queue for queue, (is_own, _tier) in self.serves(operator).items() if is_own)

    def staff(self, operators: Iterable[PooledAgent]) -> dict[str, dict[str, int]]:
        """How many of `operators` each queue has as its own in each state."""
        found: dict[str, dict[str, int]] = {}
        for operator in operators:
            for queue in self.own(operator):
                states = found.setdefault(queue, {})
                states[operator.state] = states.get(operator.state, 0) + 1
        return found


# How many from the head of a queue are tried one by one before each agent is asked.
HEADS = 8


def candidates(
    entry: Entry, line: CallQueue, free: FreeAgents, now: float
) -> Iterator[PooledAgent]:
    """The free agents who may take `entry`."""
    scope, missed, queue = entry.scope, entry.missed, line.name or ""
    for profile in free.of(line.name, scope.only):
        operator = profile.operator
        if (
            operator.state == "available"
            and profile.may_take(scope, profile.serves.get(queue))
            and (not missed or missed.get(profile.name, now) <= now)
        ):
            yield operator


def next_for(
    profile: Profile, lines: Iterable[CallQueue], now: float, on_held: Callable[[CallQueue], None]
) -> tuple[Entry, CallQueue] | None:
    """The first of all whom a free agent may take: by priority, then by the weighted wait.

    `on_held` is told of each line that may let nobody go now.
    """
    best: tuple[int, float, float, int] | None = None
    found: tuple[Entry, CallQueue] | None = None
    for line in lines:
        service = profile.serves.get(line.name or "")
        if not line.waiting_index or (
            service is None and not line.waiting_index.keeps_for(profile.name)
        ):
            continue
        if not line.may_release(now):
            on_held(line)
            continue
        entry = line.waiting_index.best(profile, service, now)
        if entry is None:
            continue
        aged_s = line.config.weight * entry.waited_s(now)
        rank = (-entry.priority, -aged_s, entry.waiting.joined_at, entry.seq)
        if best is None or rank < best:
            best, found = rank, (entry, line)
    return found


def first_servable(line: CallQueue, free: FreeAgents, now: float) -> Entry | None:
    """The first in a line whom any free agent may take."""
    if not line.waiting_index:
        return None
    for entry in line.waiting_index.first(line.order, HEADS):
        if next(candidates(entry, line, free, now), None) is not None:
            return entry
    heads = (
        line.waiting_index.best(profile, profile.serves.get(line.name or ""), now)
        for profile in tuple(free.by_name.values())
        if profile.operator.state == "available"
    )
    return min((e for e in heads if e is not None), key=lambda e: e.key, default=None)
