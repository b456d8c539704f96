"""An entry of a queue: the states it passes through, and who may take it now."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypedDict

from config.queues import EntryKind

from .waiting import Leave, Offer, Waiting

EntryState = Literal[
    "held", "waiting", "offered", "answered", "abandoned", "overflowed", "expired", "withdrawn"
]
"""`held`: nobody waits yet, and the place is kept for a callback that a caller has just chosen."""

Turned = Literal["full", "closed"]
"""Why a queue does not keep an entry."""

ENDED: frozenset[EntryState] = frozenset(
    {"answered", "abandoned", "overflowed", "expired", "withdrawn"}
)

_CALL: dict[EntryState, frozenset[EntryState]] = {
    "waiting": frozenset({"offered", "abandoned", "overflowed", "expired", "withdrawn"}),
    "offered": frozenset({"answered", "waiting", "abandoned", "withdrawn"}),
}
# In a callback nobody hangs up on a queue: who is not reached in it is called another time.
ENTRY_TRANSITIONS: dict[EntryKind, dict[EntryState, frozenset[EntryState]]] = {
    "call": _CALL,
    "callback": {state: leads_to - {"abandoned"} for state, leads_to in _CALL.items()},
}


class IllegalEntryTransition(Exception):
    """An entry was asked to go to a state that its present state does not lead to."""


Key = tuple[int, float, int]
"""The order in a queue: priority (negative), then place, then who came first."""


class Scope(NamedTuple):
    """Who may take an entry at the moment.

    Either `only` these agents, whatever their skills; or whose own queue it is, in `centre` where
    one is given; or who helps from `tier` on or before; or who is in one of the centres that `also`
    help. All but the first need `levels` of the skills `names`.
    """

    only: tuple[str, ...] | None = None
    tier: int = 0
    centre: str | None = None
    also: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    levels: tuple[int, ...] = ()


EVERYBODY = Scope()


class EntryView(TypedDict):
    """A job or a call that waits in a queue."""

    id: str
    """The id of the job or call."""
    kind: EntryKind
    """Which of the two it is."""
    queue: str | None
    """The queue that it waits in."""
    agent: str | None
    """The agent it waits for, where it waits in no queue."""
    state: EntryState
    """What it does now."""
    place: int
    """Its position, from 1."""
    joined_at: float
    """Since when it waits: its position counts from here."""
    entered_at: float
    """When it came into this queue: tiers and overflow count from here."""
    waited_s: float
    """How long it has waited, in all queues."""
    expected_wait_s: float | None
    """How long it still waits, by estimate."""
    priority: int
    """The higher, the sooner its turn."""
    skills: dict[str, int]
    """The level of each skill that an agent must have."""
    number: str | None
    """The customer's number in E.164."""
    known_agent: str | None
    """The agent for whom the queue keeps it at first."""
    centre: str | None
    """The centre whose turn it is."""
    offered_to: tuple[str, ...]
    """The agents who are offered it now."""


@dataclass(slots=True, eq=False)
class Entry:
    """A job or caller that waits, as the matcher keeps it. Times are Unix seconds.

    `arrived_at` is when this wait began: an entry that is back has joined long before. `entered_at`
    is when they came into the present queue; tiers and overflow count from there.
    `missed` says of agents who did not answer until when they are not to be asked again.
    """

    waiting: Waiting
    seq: int
    arrived_at: float
    entered_at: float
    priority: int
    queue: str | None
    skills: dict[str, int]
    state: EntryState = "waiting"
    scope: Scope = EVERYBODY
    key: Key = (0, 0.0, 0)
    centre: str | None = None
    also: frozenset[str] = frozenset()
    vip_agents: tuple[str, ...] = ()
    vip_until: float = -math.inf
    vip_raise: int = 0
    steps_done: set[int] = field(default_factory=set)
    turned: Turned | None = None
    """Why the queue does not admit it: it has only come to go on to another one."""
    retry_overflow_at: float = math.inf
    visited: set[str] = field(default_factory=set)
    missed: dict[str, float] = field(default_factory=dict)
    offer: Offer | None = None
    is_delivered: bool = False
    """Whether `on_offer` was called with `offer`: then the call flow releases its agents."""
    next_at: float = math.inf

    @classmethod
    def of(cls, waiting: Waiting, seq: int, now: float) -> "Entry":
        """Return the entry of a party that begins to wait."""
        entered_at = waiting.joined_at if waiting.since is None else waiting.since
        return cls(
            waiting=waiting,
            seq=seq,
            arrived_at=entered_at if waiting.outside_tried else now,  # this wait goes on
            entered_at=entered_at,
            priority=waiting.priority,
            queue=waiting.queue,
            skills=dict(waiting.skills),
        )

    @property
    def id(self) -> str:
        """The id of the job or call that waits."""
        return self.waiting.id

    @property
    def is_over(self) -> bool:
        """Whether it has left for good."""
        return self.state in ENDED

    def view(self, now: float, place: int, expected_wait_s: float | None) -> EntryView:
        """The entry as it is shown, but for the context, which its job or call has."""
        waiting = self.waiting
        return {
            "id": self.id,
            "kind": waiting.kind,
            "queue": self.queue,
            "agent": waiting.agent,
            "state": self.state,
            "place": place,
            "joined_at": waiting.joined_at,
            "entered_at": self.entered_at,
            "waited_s": self.waited_s(now),
            "expected_wait_s": expected_wait_s,
            "priority": self.priority,
            "skills": self.skills,
            "number": waiting.number,
            "known_agent": waiting.known_agent,
            "centre": self.centre,
            "offered_to": self.offer.agents if self.offer is not None else (),
        }

    def enter(self, state: EntryState) -> None:
        """Move to `state`. Raises IllegalEntryTransition where the table does not allow it."""
        allowed = ENTRY_TRANSITIONS[self.waiting.kind].get(self.state, frozenset())
        if state not in allowed:
            raise IllegalEntryTransition(f"{self.id}: {self.state} does not lead to {state}")
        self.state = state

    def set_key(self) -> None:
        """Take the place in the order that priority and joining time give."""
        self.key = (-self.priority, self.waiting.joined_at, self.seq)

    def shift(self, by_s: float) -> None:
        """The clock was stepped: it has waited as long as before, at the same place."""
        self.waiting.shift(by_s)
        self.arrived_at += by_s
        self.entered_at += by_s
        self.vip_until += by_s
        self.retry_overflow_at += by_s
        self.missed = {name: until + by_s for name, until in self.missed.items()}
        self.set_key()

    def waited_s(self, now: float) -> float:
        """How long it has waited, in all queues; never below 0."""
        return max(0.0, now - self.waiting.joined_at)


@dataclass(frozen=True, slots=True)
class QueueEvent:
    """`kind` is the last word of its event's type. An offer or a leave goes to who waits."""

    kind: str
    entry: Entry
    queue: str | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    offer: Offer | None = None
    leave: Leave | None = None
