"""Who waits for an operator, what he is offered, and how he leaves otherwise.

These three are what call flows and queues say to each other. A callback job that nobody has been
called for yet, a customer on hold and an inbound caller wait alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol


@dataclass(slots=True, kw_only=True)
class Waiting:
    """One who waits, in `queue` or for `agent` alone; exactly one of them is given.

    `joined_at` (Unix seconds) is his place: one who comes back keeps it. `since` is when he came
    back, where he was away for a while: tiers and overflow count from then. `on_offer` is called
    each time operators are reserved for him, `on_leave` once if the queue sends him away. `call` is
    that of a job's customer who is on the line: `id` is then the job's, and `kind` "call". One who
    `is_back` had an operator and lost him, or was sent outside and not taken there: his queue takes
    him even if it is full or closed by now. `outside_tried` has these numbers, and when that was.
    One who `has_place` has stood in the queue before: it takes him even if it is full.
    `known_agent_s` is how long he is kept for `known_agent`, where it is not the queue's to say.
    """

    id: str
    kind: Literal["callback", "call"]
    on_offer: "Callable[[Offer], None]"
    on_leave: "Callable[[Leave], None]"
    call: str | None = None
    is_back: bool = False
    has_place: bool = False
    queue: str | None = None
    agent: str | None = None
    joined_at: float
    since: float | None = None
    outside_tried: Mapping[str, float] = field(default_factory=dict)
    priority: int = 0
    skills: Mapping[str, int] = field(default_factory=dict)
    number: str | None = None
    region: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    known_agent: str | None = None
    known_agent_s: float | None = None
    centre: str | None = None
    ring_s: float | None = None


class Reservations(Protocol):
    """The agents, as far as a reservation is taken back."""

    def release(self, name: str, work: str, /) -> object:
        """Release the agent `name`, if the reservation is for `work`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Operators for one who waits: `agents` are reserved for `waiting.id` already.

    They are to be rung at once, all of them, for `ring_s` at most. `wrap_up_s` is the queue's, for
    after the call: None where the agent's own holds, 0 for none, -1 until he is ready.
    """

    waiting: Waiting
    queue: str | None
    agents: tuple[str, ...]
    ring_s: float
    wrap_up_s: float | None = None

    def release(self, agents: Reservations) -> None:
        """Release the agents who are still reserved for this offer, or ring for it."""
        for name in self.agents:
            agents.release(name, self.waiting.id)


LeaveReason = Literal["overflow", "timeout", "full", "closed", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """The queue sends one who waits away: to `target`, an outside number, or to nobody."""

    reason: LeaveReason
    target: str | None = None
