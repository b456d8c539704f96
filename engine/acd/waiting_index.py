"""The shelf: the waiting entries of one queue, sorted so that an agent's next is found at once.

Entries that the same agents may take lie in one row, in their order. Rows are grouped by the names
of the skills they need, so that an agent looks only at the heads of rows that he can serve. An
entry kept for certain agents lies in a row of each of them instead.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from .agent_pool import PooledAgent
from .queue_entry import Entry, Key, Scope
from .staffing import Service

Row = list[Key]


@dataclass(frozen=True, slots=True)
class Profile:
    """An agent as matching sees him: what he can, and which queues he serves."""

    operator: PooledAgent
    name: str
    centre: str | None
    skills: Mapping[str, int]
    skill_names: frozenset[str]
    serves: Mapping[str, Service]

    def may_take(self, scope: Scope, service: Service | None) -> bool:
        """Whether he may take entries of `scope` in a queue that he serves in this way."""
        if scope.only is not None:
            return self.name in scope.only
        if service is None or not self.is_within(scope, service):
            return False
        return not scope.names or self.has(scope.names, scope.levels)

    def is_within(self, scope: Scope, service: Service) -> bool:
        """The same, but for the skills, of a scope that is not kept for certain agents."""
        is_own, tier = service
        if is_own and (scope.centre is None or scope.centre == self.centre):
            return True
        return tier <= scope.tier or (self.centre is not None and self.centre in scope.also)

    def has(self, names: tuple[str, ...], levels: tuple[int, ...]) -> bool:
        """Whether he has each skill at the level."""
        skills = self.skills
        if len(names) == 1:
            return skills.get(names[0], 0) >= levels[0]
        return all(skills.get(name, 0) >= level for name, level in zip(names, levels, strict=True))


@dataclass(slots=True)
class _Group:
    """Rows that differ only in the levels they need; `scope` is that of any of them."""

    scope: Scope
    names: frozenset[str]
    rows: dict[tuple[int, ...], Row] = field(default_factory=dict)


class WaitingIndex:
    """The entries of one queue that wait to be offered."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._groups: dict[Scope, _Group] = {}
        self._kept: dict[str, Row] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, entry: Entry) -> bool:
        return entry.seq in self._entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def put(self, entry: Entry) -> None:
        """Take `entry` in, by its key and scope."""
        self._entries[entry.seq] = entry
        for row in self._rows_for(entry):
            insort(row, entry.key)

    def take(self, entry: Entry) -> None:
        """Take `entry` out; its key and scope are as they were when it was put in."""
        del self._entries[entry.seq]
        scope, key = entry.scope, entry.key
        if scope.only is not None:
            for name in scope.only:
                row = self._kept[name]
                del row[bisect_left(row, key)]
                if not row:
                    del self._kept[name]
            return
        group_key = scope._replace(levels=())
        group = self._groups[group_key]
        row = group.rows[scope.levels]
        del row[bisect_left(row, key)]
        if not row:
            del group.rows[scope.levels]
            if not group.rows:
                del self._groups[group_key]

    def first(self, order: Iterable[Key], count: int) -> Iterator[Entry]:
        """The first `count` of the entries here, in the given order of all in the queue."""
        here = (self._entries[key[2]] for key in order if key[2] in self._entries)
        return islice(here, count)

    def keeps_for(self, agent: str) -> bool:
        """Whether an entry is kept for this agent."""
        return agent in self._kept

    def kept_for(self, agent: str) -> list[Entry]:
        """The entries that are kept for this agent, alone or with others."""
        return [self._entries[key[2]] for key in self._kept.get(agent, ())]

    def best(self, profile: Profile, service: Service | None, now: float) -> Entry | None:
        """The first entry that this agent may take; `service` None: he does not serve it."""
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
                for levels, row in group.rows.items():
                    if best is not None and row[0] >= best:
                        continue
                    if level >= levels[0] if level else profile.has(names, levels):
                        best = self._first(row, best, profile.name, now)
        return None if best is None else self._entries[best[2]]

    def _first(self, row: Row, best: Key | None, agent: str, now: float) -> Key | None:
        """The first of `row` that is not to be withheld from `agent`, if it comes before `best`."""
        for key in row:
            if best is not None and key >= best:
                break
            missed = self._entries[key[2]].missed
            if not missed or missed.get(agent, now) <= now:
                return key
        return best

    def _rows_for(self, entry: Entry) -> Iterator[Row]:
        scope = entry.scope
        if scope.only is not None:
            for name in scope.only:
                yield self._kept.setdefault(name, [])
            return
        group_key = scope._replace(levels=())
        group = self._groups.get(group_key)
        if group is None:
            group = self._groups[group_key] = _Group(group_key, frozenset(scope.names))
        yield group.rows.setdefault(scope.levels, [])
