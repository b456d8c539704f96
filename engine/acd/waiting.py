"""The contract between call flows and queues: who waits, what they are offered, how they leave.

A callback job before its first call, a customer on hold and an inbound caller wait in the same way.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ..clock import shifted


@dataclass(slots=True, kw_only=True)
class Waiting:
    """A job or call that waits, in `queue` or for `agent` alone; exactly one of them is given.

    `joined_at` (Unix seconds) decides the position; one that is back keeps it. `since` is when they
    came back after a while away: tiers and overflow count from then. `on_offer` is called each time
    agents are reserved, `on_leave` once if the queue sends them away. `call` is the call of a job's
    customer who is on the line: `id` is then the job's, and `kind` is "call". One who `is_back` has
    lost their agent, or was sent outside and not answered there: the queue accepts them even if it
    is full or closed by now. `outside_tried` has these numbers, and when each was tried. One who
    `has_place` has waited in the queue before: it accepts them even if it is full. `known_agent_s`
    is how long they are kept for `known_agent`, if the queue's own time does not hold. `on_queue`
    is called with each queue that they join, also by overflow.
    """

    id: str
    kind: Literal["callback", "call"]
    on_offer: "Callable[[Offer], None]"
    on_leave: "Callable[[Leave], None]"
    on_queue: Callable[[str], None] = lambda _queue: None
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
    site: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    known_agent: str | None = None
    known_agent_s: float | None = None
    centre: str | None = None
    ring_s: float | None = None

    def shift(self, by_s: float) -> None:
        """The clock was stepped: they have waited as long as before."""
        self.joined_at += by_s
        self.since = shifted(self.since, by_s)
        self.outside_tried = {one: at + by_s for one, at in self.outside_tried.items()}


class Reservations(Protocol):
    """Releases reservations of agents."""

    def release(self, name: str, work: str, /) -> object:
        """Release the agent `name`, if the reservation is for `work`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Agents for a party that waits: `agents` are reserved for `waiting.id` already.

    Ring all of them at once, for at most `ring_s`. `wrap_up_s` is the queue's wrap-up time after
    the call: None means the agent's own, 0 none, -1 until the agent is ready. `needs_outcome` says
    whether its outcome has to be written back; None: as for every agent.
    """

    waiting: Waiting
    queue: str | None
    agents: tuple[str, ...]
    ring_s: float
    wrap_up_s: float | None = None
    needs_outcome: bool | None = None

    @property
    def only_agent(self) -> str | None:
        """The agent, where it is one alone."""
        return self.agents[0] if len(self.agents) == 1 else None

    def release(self, agents: Reservations) -> None:
        """Release the agents who are still reserved for this offer, or ring for it."""
        for name in self.agents:
            agents.release(name, self.waiting.id)


LeaveReason = Literal["overflow", "timeout", "full", "closed", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """The queue sends an entry away: to `target`, an outside number, or to nobody."""

    reason: LeaveReason
    target: str | None = None
