"""What somebody who would like to be called back is told of a queue: who is there, and when."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import NamedTuple, NotRequired, TypedDict

from ..routing.hours.opening_hours import OpeningHours
from .agent_pool import PooledAgent
from .queue import CallQueue

DAY_S = 86400.0
MOST_SLOTS = 1000


class Span(TypedDict):
    """A time in which a queue is open."""

    opens: float
    """When it begins."""
    closes: float
    """When it ends, or where what is shown ends."""


class OpenDay(NamedTuple):
    """A time in which slots are offered, counted from when it `opened`."""

    begins: float
    ends: float
    opened: float


class FreeSlot(TypedDict):
    """A time at which a callback may be requested for later."""

    start: float
    """When it begins."""
    end: float
    """When it ends."""
    left: int
    """How many more callbacks it has room for."""


class SlotQuery(NamedTuple):
    """Which slots are asked for: their length in seconds, and how many callbacks each has room for.

    `most` is None for as many as the queue has agents, and for one of an agent. `due_times` gives
    when the callbacks of a queue, or of an agent, are due.
    """

    length_s: float
    most: int | None
    due_times: Callable[[str], Iterable[float]]


class Availability(TypedDict):
    """What outsiders may know of a queue: nobody's name, nobody's number."""

    queue: str
    """The name."""
    open: bool
    """Whether a callback that is requested now is made now: the queue is open, not paused and not
    full."""
    opens_at: float | None
    """When its calendar opens, where it is closed; null: it is open, or never opens."""
    agents_free: int
    """How many agents could take a call now."""
    agents_present: int
    """How many agents are logged in and not paused."""
    waiting: int
    """How many wait."""
    waiting_since: float | None
    """Since when the next one waits; null: nobody waits."""
    expected_wait_s: float | None
    """How long the next to come would wait; null: not known."""
    hours: list[Span] | None
    """When it is open in the days asked for; null: it has no calendar, and is always open."""
    slots: NotRequired[list[FreeSlot]]
    """The slots that are not full, where they were asked for."""


class AgentAvailability(TypedDict):
    """What outsiders may know of an agent: whether they can be had, and when."""

    agent: str
    """The name."""
    open: bool
    """Whether it is one of their hours, so that a callback that is requested now is made as soon
    as they are free."""
    opens_at: float | None
    """When their hours begin, out of them; null: it is one of them, or they have no more."""
    free: bool
    """Whether they could take a call now."""
    present: bool
    """Whether they are logged in and not paused."""
    hours: list[Span] | None
    """Their hours in the days asked for; null: they have no calendar, and any hour is theirs."""
    slots: NotRequired[list[FreeSlot]]
    """The slots that are not full, where they were asked for."""


ABSENT = frozenset({"logged_out", "paused"})


def agent_availability(
    agent: PooledAgent,
    hours: OpeningHours | None,
    days: int,
    now: float,
    slots: SlotQuery | None = None,
) -> AgentAvailability:
    """The availability of an agent with these hours, at `now` (Unix seconds)."""
    is_open = hours is None or hours.is_open(now)
    spans = None if hours is None else _spans(hours, now, days)
    found: AgentAvailability = {
        "agent": agent.name,
        "open": is_open,
        "opens_at": None if hours is None or is_open else hours.opens_at(now),
        "free": agent.state == "available",
        "present": agent.state not in ABSENT,
        "hours": spans,
    }
    if slots is not None:
        found["slots"] = _slots(hours, slots, 1, agent.name, days, now)
    return found


def availability(
    queue: CallQueue,
    agents: dict[str, int],
    accepts: bool,
    days: int,
    now: float,
    slots: SlotQuery | None = None,
    taken: int = 0,
) -> Availability:
    """The availability of a queue at `now` (Unix seconds); `agents`: how many in each state.

    `taken` are places in it of which the engine does not know.
    """
    view, hours = queue.view(now, taken), queue.hours
    is_open = hours is None or hours.is_open(now)
    absent = sum(agents.get(state, 0) for state in ABSENT)
    spans = None if hours is None else _spans(hours, now, days)
    first = next(queue.waiting_index.first(queue.order, 1), None)
    found: Availability = {
        "queue": queue.name or "",
        "open": is_open and accepts and not queue.paused,
        "opens_at": None if hours is None or is_open else hours.opens_at(now),
        "agents_free": agents.get("available", 0),
        "agents_present": sum(agents.values()) - absent,
        "waiting": view["waiting"],
        "waiting_since": None if first is None else first.waiting.joined_at,
        "expected_wait_s": view["expected_wait_s"],
        "hours": spans,
    }
    if slots is not None:
        most = sum(agents.values()) or 1
        found["slots"] = _slots(hours, slots, most, queue.name or "", days, now)
    return found


def _slots(
    hours: OpeningHours | None, asked: SlotQuery, most: int, name: str, days: int, now: float
) -> list[FreeSlot]:
    """The slots of these hours, or of all `days`, with room for `most` unless asked otherwise."""
    until = now + days * DAY_S
    within = [OpenDay(now, until, 0.0)]
    if hours is not None:
        within = [OpenDay(*one) for one in hours.days(now, until)]
    due = asked.due_times(name)
    return free_slots(within, asked.length_s, asked.most or most, due)


def _spans(hours: OpeningHours, now: float, days: int) -> list[Span]:
    found = hours.spans(now, now + days * DAY_S)
    return [{"opens": opens, "closes": closes} for opens, closes in found]


def free_slots(
    days: Iterable[OpenDay], length_s: float, most: int, due_times: Iterable[float]
) -> list[FreeSlot]:
    """The whole slots of `length_s` within these times that have room for one more.

    A slot begins a multiple of `length_s` after the opening, whatever the clocks do, and has room
    for `most` callbacks. There are at most MOST_SLOTS.
    """
    due = sorted(due_times)
    found: list[FreeSlot] = []
    for day in days:
        start = day.opened - (day.opened - day.begins) // length_s * length_s
        while (end := start + length_s) <= day.ends and len(found) < MOST_SLOTS:
            left = most - (bisect_left(due, end) - bisect_left(due, start))
            if left > 0:
                found.append({"start": start, "end": end, "left": left})
            start = end
    return found
