"""Intervals of a report: quarters, hours, days or the whole span, in a place's own time.

Days and hours are those of the clock on the wall, so that a day has 23 or 25 hours when the clock
is set forward or back, and each moment still falls into exactly one interval.
"""

from bisect import bisect_right
from datetime import datetime, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from ..errors import BadParams

Interval = Literal["15min", "hour", "day", "total"]
# What the callbacks and the calls of a report are grouped by.
GroupBy = Literal[
    "all", "site", "queue", "agent", "result", "outcome", "trunk", "answered_by"
]  # fmt: skip
GroupCallsBy = Literal[
    "all", "site", "queue", "agent", "result", "outcome", "rating", "route", "trunk", "attestation"
]

# Clocks are set by multiples of this.
QUARTER_S = 900
# What the machine's own time zone is called.
LOCAL = "local"
_STEP_S: dict[Interval, int] = {"15min": QUARTER_S, "hour": 3600, "day": 86400}


class TooManyIntervals(ValueError):
    """The span has more intervals than a report may have."""


def zone_of(name: str) -> tzinfo | None:
    """The time zone of this name; "" and LOCAL are the machine's own. Raises BadParams."""
    if name in ("", LOCAL):
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise BadParams("time_zone", f"{name!r} is not a time zone such as Europe/Paris") from None


def start_of(moment: float, interval: Interval, zone: tzinfo | None) -> float:
    """When the quarter, hour or day that holds `moment` began. `zone` None: the machine's own."""
    local = datetime.fromtimestamp(moment, zone)
    if interval == "15min":
        local = local.replace(minute=local.minute // 15 * 15, second=0, microsecond=0)
    elif interval == "hour":
        local = local.replace(minute=0, second=0, microsecond=0)
    else:
        local = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return local.timestamp()


def next_after(start: float, interval: Interval, zone: tzinfo | None) -> float:
    """When the interval after the one that began at `start` begins."""
    candidate = start + _STEP_S[interval]
    while (found := start_of(candidate, interval, zone)) <= start:
        candidate += QUARTER_S
    return found


class Intervals:
    """The span from `begin` to before `end`, cut. The first and last may be cut short.

    Raises TooManyIntervals.
    """

    def __init__(
        self, begin: float, end: float, interval: Interval, zone: tzinfo | None, *, most: int
    ) -> None:
        self.begin = begin
        self.end = end
        self.starts = [begin]
        if interval == "total":
            return
        following = next_after(start_of(begin, interval, zone), interval, zone)
        while following < end:
            if len(self.starts) >= most:
                raise TooManyIntervals(f"more than {most} intervals of {interval}")
            self.starts.append(following)
            following = next_after(following, interval, zone)

    def index(self, moment: float) -> int:
        """Which interval holds `moment`, one of the span."""
        return bisect_right(self.starts, moment) - 1

    def bounds(self, index: int) -> tuple[float, float]:
        """When interval `index` begins and ends."""
        last = index + 1 == len(self.starts)
        return self.starts[index], self.end if last else self.starts[index + 1]
