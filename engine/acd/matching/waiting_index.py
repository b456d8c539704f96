"""The waiting index: the entries of one queue that wait, sorted for a fast look-up by agent.

Entries that the same agents may take are in one bucket, in their order. Buckets are grouped by the
names of the skills they need, so that an agent looks only at the heads of buckets that they can
serve. An entry that is kept for certain agents is in a bucket of each of them instead.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from ..agent_pool import PooledAgent
from ..queue_entry import Entry, Key, Scope
from ..staffing import Service

Bucket = list[Key]


@dataclass(frozen=True, slots=True)
class Profile:
    """An agent as matching sees them: their skills, and the queues they serve."""

    agent: PooledAgent
    name: str
    centre: str | None
    skills: Mapping[str, int]
    skill_names: frozenset[str]
    serves: Mapping[str, Service]

    def may_take(self, scope: Scope, service: Service | None) -> bool:
        """Whether they may take entries of `scope` in a queue that they serve in this way."""
        if scope.only is not None:
            return self.name in scope.only
        if service is None or not self.is_within(scope, service):
            return False
        return not scope.names or self.has(scope.names, scope.levels)

    def is_within(self, scope: Scope, service: Service) -> bool:
        """The same without the skills, for a scope that is not kept for certain agents."""
        is_own, tier = service
        if is_own and (scope.centre is None or scope.centre == self.centre):
            return True
        return tier <= scope.tier or (self.centre is not None and self.centre in scope.also)

    def has(self, names: tuple[str, ...], levels: tuple[int, ...]) -> bool:
        """Whether they have each skill at the level."""
        skills = self.skills
        if len(names) == 1:
            return skills.get(names[0], 0) >= levels[0]
        return all(skills.get(name, 0) >= level for name, level in zip(names, levels, strict=True))


@dataclass(slots=True)
class BucketGroup:
    """Buckets that differ only in the levels they need; `scope` is that of any of them."""

    scope: Scope
    names: frozenset[str]
    buckets: dict[tuple[int, ...], Bucket] = field(default_factory=dict)


class WaitingIndex:
    """The entries of one queue that wait to be offered."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._groups: dict[Scope, BucketGroup] = {}
        self._kept: dict[str, Bucket] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, entry: Entry) -> bool:
        return entry.seq in self._entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def index_entry(self, entry: Entry) -> None:
        """Add `entry`, by its key and scope."""
        self._entries[entry.seq] = entry
        for bucket in self._buckets_for(entry):
            insort(bucket, entry.key)

    def unindex_entry(self, entry: Entry) -> None:
        """Remove `entry`. Its key and scope must be as they were when it was added."""
        del self._entries[entry.seq]
        scope, key = entry.scope, entry.key
        if scope.only is not None:
            for name in scope.only:
                bucket = self._kept[name]
                del bucket[bisect_left(bucket, key)]
                if not bucket:
                    del self._kept[name]
            return
        group_key = scope._replace(levels=())
        group = self._groups[group_key]
        bucket = group.buckets[scope.levels]
        del bucket[bisect_left(bucket, key)]
        if not bucket:
            del group.buckets[scope.levels]
            if not group.buckets:
                del self._groups[group_key]

    def first(self, order: Iterable[Key], count: int) -> Iterator[Entry]:
        """The first `count` of the entries here, in the given order of all in the queue."""
        here = (self._entries[key[2]] for key in order if key[2] in self._entries)
        return islice(here, count)

    def of_centre(self, centre: str) -> Iterator[tuple[Scope, Iterator[Entry]]]:
        """The entries that are kept for a centre, by the scope that they have in common."""
        for group in self._groups.values():
            if group.scope.centre == centre:
                for levels, bucket in group.buckets.items():
                    entries = (self._entries[key[2]] for key in bucket)
                    yield group.scope._replace(levels=levels), entries

    def keeps_for(self, agent: str) -> bool:
        """Whether an entry is kept for this agent."""
        return agent in self._kept

    def kept_for(self, agent: str) -> list[Entry]:
        """The entries that are kept for this agent, alone or with others."""
        return [self._entries[key[2]] for key in self._kept.get(agent, ())]

    def wished_for(self, agent: str) -> list[Entry]:
        """The entries that are to be kept for this agent for a while, should they be there."""
        waiting = self._entries.values()
        return [
            one for one in waiting if one.waiting.known_agent == agent or agent in one.vip_agents
        ]

    def best(self, profile: Profile, service: Service | None, now: float) -> Entry | None:
        """The first entry that this agent may take; `service` None: they do not serve it."""
        best: Key | None = None
        kept = self._kept.get(profile.name)
        if kept is not None:
            best = self._first(kept, None, profile.name, now)
        if service is not None:
            for group in self._groups.values():
                if not group.names <= profile.skill_names:
                    continue
                if not profile.is_within(group.scope, service):
                    continue
                names = group.scope.names
                level = profile.skills[names[0]] if len(names) == 1 else 0
                for levels, bucket in group.buckets.items():
                    if best is not None and bucket[0] >= best:
                        continue
                    if level >= levels[0] if level else profile.has(names, levels):
                        best = self._first(bucket, best, profile.name, now)
        return None if best is None else self._entries[best[2]]

    def _first(self, bucket: Bucket, best: Key | None, agent: str, now: float) -> Key | None:
        """The first of `bucket` that is not withheld from `agent`, if it comes before `best`."""
        for key in bucket:
            if best is not None and key >= best:
                break
            missed = self._entries[key[2]].missed
            if not missed or missed.get(agent, now) <= now:
                return key
        return best

    def _buckets_for(self, entry: Entry) -> Iterator[Bucket]:
        scope = entry.scope
        if scope.only is not None:
            for name in scope.only:
                yield self._kept.setdefault(name, [])
            return
        group_key = scope._replace(levels=())
        group = self._groups.get(group_key)
        if group is None:
            group = self._groups[group_key] = BucketGroup(group_key, frozenset(scope.names))
        yield group.buckets.setdefault(scope.levels, [])
