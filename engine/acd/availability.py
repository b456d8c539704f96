"""What somebody who would like to be called back is told of a queue: who is there, and when."""

from typing import TypedDict

from ..routing.hours.opening_hours import OpeningHours
from .queue import CallQueue

DAY_S = 86400.0


class Span(TypedDict):
    """A time in which a queue is open."""

    opens: float
    """When it begins."""
    closes: float
    """When it ends, or where what is shown ends."""


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
    expected_wait_s: float | None
    """How long the next to come would wait; null: not known."""
    hours: list[Span] | None
    """When it is open in the days asked for; null: it has no calendar, and is always open."""


def availability(
    queue: CallQueue, agents: dict[str, int], accepts: bool, days: int, now: float
) -> Availability:
    """The availability of a queue with so many `agents` in each state, at `now` (Unix seconds)."""
    view, hours = queue.view(now), queue.hours
    is_open = hours is None or hours.is_open(now)
    absent = agents.get("logged_out", 0) + agents.get("paused", 0)
    return {
        "queue": queue.name or "",
        "open": is_open and accepts and not queue.paused,
        "opens_at": None if hours is None or is_open else hours.opens_at(now),
        "agents_free": agents.get("available", 0),
        "agents_present": sum(agents.values()) - absent,
        "waiting": view["waiting"],
        "expected_wait_s": view["expected_wait_s"],
        "hours": None if hours is None else _spans(hours, now, days),
    }


def _spans(hours: OpeningHours, now: float, days: int) -> list[Span]:
    found = hours.spans(now, now + days * DAY_S)
    return [{"opens": opens, "closes": closes} for opens, closes in found]
