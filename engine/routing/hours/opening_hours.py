"""Opening hours: whether a calendar is open, and when that changes.

An exception by date wins over a holiday, a holiday over the weekly hours.
"""

import datetime
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from config.calendars import Calendar

from .weekly_hours import DAY_S, LocalHours, WeeklyHours, spans_by_weekday, spans_of_date

# A calendar that does not open within this time never does.
HORIZON_DAYS = 400


class OpeningHours:
    """One calendar. Times are Unix seconds."""

    def __init__(self, calendar: Calendar) -> None:
        self.name = calendar.name
        country, part = calendar.holidays, calendar.subdivision
        hours = WeeklyHours(
            weekdays=spans_by_weekday(calendar.hours),
            on_holidays=((),) * 7,
            holidays=(f"{country}-{part}" if part else country) or None,
            dates={str(one.date): spans_of_date(one.hours) for one in calendar.exceptions},
        )
        self._local = LocalHours(ZoneInfo(calendar.zone), hours)
        # Matching asks for the same state over and over: it holds from `since` until before
        # `until`. `changes_at` is None where it does not change within the horizon.
        self._is_open = False
        self._since = self._until = 0.0
        self._changes_at: float | None = None

    def is_open(self, at: float) -> bool:
        """Whether it is open."""
        if not self._since <= at < self._until:
            self._look_up(at)
        return self._is_open

    def opens_at(self, at: float) -> float | None:
        """`at` if it is open then, else when it next opens; None if it does not open again."""
        return at if self.is_open(at) else self._changes_at

    def closes_at(self, at: float) -> float | None:
        """When it next closes: `at` if it is closed then; None if it does not close again."""
        return self._changes_at if self.is_open(at) else at

    def spans(self, start: float, end: float) -> Iterator[tuple[float, float]]:
        """When it is open between `start` and `end`: from and to of each time, in order."""
        at = self.opens_at(start)
        while at is not None and at < end:
            closes = self.closes_at(at)
            until = end if closes is None else min(closes, end)
            yield at, until
            at = self.opens_at(until)

    def days(self, start: float, end: float) -> Iterator[tuple[float, float, float]]:
        """As `spans`, each with when it really opened: what slots are counted from.

        What stays open for a day or more opens again at each midnight.
        """
        for begin, until in self.spans(start, end):
            opened = self._opened_at(begin)
            closes = self.closes_at(begin)
            if opened is None or closes is None or closes - opened >= DAY_S:
                opened = max(opened or 0.0, self._midnight(begin))
                while (following := self._midnight(begin, days=1)) < until:
                    yield begin, following, opened
                    begin = opened = following
            yield begin, until, opened

    def _opened_at(self, at: float) -> float | None:
        """When the time began in which `at` is; None: a day before, or earlier."""
        opened = None
        was_open = self._local.is_open(at - DAY_S)
        for one in self._local.may_change_after(at - DAY_S, 3):
            if one > at:
                break
            is_open = self._local.is_open(one)
            if is_open is not was_open:
                opened = one if is_open else None
            was_open = is_open
        return opened

    def _midnight(self, at: float, days: int = 0) -> float:
        """The local midnight before `at`, or that of `days` later."""
        midnight = self._local.local(at).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        return (midnight + datetime.timedelta(days=days)).timestamp()

    def _look_up(self, at: float) -> None:
        self._since, self._is_open = at, self._local.is_open(at)
        instants = self._local.may_change_after(at, HORIZON_DAYS + 1)
        self._changes_at = next(
            (one for one in instants if self._local.is_open(one) is not self._is_open), None
        )
        self._until = at + DAY_S if self._changes_at is None else self._changes_at


def opening_hours(calendars: Sequence[Calendar]) -> dict[str, OpeningHours]:
    """All configured calendars by name."""
    return {calendar.name: OpeningHours(calendar) for calendar in calendars}
