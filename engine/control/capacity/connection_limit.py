"""How many connections the control socket holds, and which one closes when there is no room.

Each kind of client has as many places as the others. On the Unix socket these are the local users;
some places more are kept for root and the engine's own user. On TCP, clients that have shown a
token and clients that have not are two kinds, so that the second cannot keep out the first.

Where all places of a kind are taken, an idle connection is closed for the next. It is one of the
owner (a user, an address) that has most of them: first one that never sent a request, then the one
that is idle longest.
"""

import resource
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from ...errors import EngineError

Kind = Literal["local", "unknown", "known"]
"""`unknown`: on TCP, and has shown no token yet."""

KEPT_PLACES: Final = 16
"""For root and the engine's own user, besides those that all local users have."""
IDLE_S: Final = 1.0
"""A connection that has sent a request may be closed for another once it is idle for this long."""


_SHARE: Final = 8
_FEWEST: Final = 8


def most_connections(configured: int) -> int:
    """The places of each kind: as configured, within an eighth of the process's descriptors.

    The rest is for calls: a process without descriptors can neither dial nor speak.
    """
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(configured, max(_FEWEST, descriptors // _SHARE))


class Tenant(Protocol):
    """A connection, which holds a place."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way for it."""

    @property
    def asked_at(self) -> float | None:
        """When it asked for something last; None: never."""

    def give_way(self) -> None:
        """Close, because another needs the place."""


@dataclass(slots=True, eq=False)
class Place:
    """The place of one connection. `owner` is the user or the address behind it."""

    kind: Kind
    owner: str
    is_privileged: bool
    opened_at: float
    tenant: Tenant

    def may_give_way(self, now: float) -> bool:
        """Whether it loses nothing but its place."""
        if self.kind == "unknown":
            return True
        asked_at = self.tenant.asked_at
        return self.tenant.is_idle and (asked_at is None or now - asked_at >= IDLE_S)

    def age(self) -> tuple[bool, float]:
        """The connection with the smallest is closed first."""
        asked_at = self.tenant.asked_at
        if self.kind == "unknown" or asked_at is None:
            return False, self.opened_at
        return True, asked_at


class ConnectionLimit:
    """The connections that are up, each with its place. `most` is how many each kind may have."""

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._taken: dict[Place, None] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def enter(self, place: Place, now: float) -> EngineError | None:
        """Take a place, and close another connection if needed. Returns why there is no place."""
        refusal = self._make_room(place, now)
        if refusal is None:
            self._taken[place] = None
        return refusal

    def leave(self, place: Place) -> None:
        """Give a place back. Does nothing where it has none."""
        self._taken.pop(place, None)

    def become_known(self, place: Place, now: float) -> EngineError | None:
        """A token was shown: it needs a place among the known. Returns why there is none."""
        if place.kind != "unknown":
            return None
        self._taken.pop(place, None)
        place.kind = "known"
        return self.enter(place, now)

    def _make_room(self, place: Place, now: float) -> EngineError | None:
        most = self._most()
        same = [one for one in self._taken if one.kind == place.kind]
        others = [one for one in same if not (place.kind == "local" and one.is_privileged)]
        if len(others) < most and not place.is_privileged:
            return None
        if place.is_privileged and len(same) < most + KEPT_PLACES:
            return None
        candidates = same if place.is_privileged else others
        victim = first_to_go([one for one in candidates if one.may_give_way(now)])
        if victim is None:
            return EngineError("unavailable", f"there are {len(candidates)} connections already")
        self.leave(victim)
        victim.tenant.give_way()
        return None


def first_to_go(idle: Iterable[Place]) -> Place | None:
    """The place whose connection is closed first; None where there is none."""
    idle = list(idle)
    if not idle:
        return None
    by_owner = Counter(one.owner for one in idle)
    most = max(by_owner.values())
    return min((one for one in idle if by_owner[one.owner] == most), key=Place.age)
