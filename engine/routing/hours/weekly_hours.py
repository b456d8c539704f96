"""Weekly hours: which hours a place keeps by its own clock, and when that changes.

Hours are read off the wall clock of the place, day by day. A span belongs to the day on which it
begins, even if it ends on the next day. On a day when the clocks change, an hour that the clock
skips is not there, and an hour that comes twice counts twice.
"""

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from config.calendars import read_hours

DAY_S = 86400

_ONE_DAY = datetime.timedelta(days=1)

DaySpans = tuple[tuple[int, int], ...]
"""Seconds after midnight at which a day's spans begin and end; an end may be on the next day."""


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """The hours of each day: by weekday (Monday first), on holidays, and on certain dates.

    A date ("2026-11-24", or "11-24" for each year) wins over a holiday, a holiday over the weekday.
    """

    weekdays: tuple[DaySpans, ...]
    on_holidays: tuple[DaySpans, ...]
    holidays: str | None
    dates: Mapping[str, DaySpans]

    def spans(self, day: datetime.date) -> DaySpans:
        """The spans that begin on `day`."""
        if self.dates:
            for key in (f"{day}", f"{day:%m-%d}"):
                if key in self.dates:
                    return self.dates[key]
        if self.holidays is not None and holiday_name(self.holidays, day) is not None:
            return self.on_holidays[day.weekday()]
        return self.weekdays[day.weekday()]

    @property
    def never_opens(self) -> bool:
        """Whether there are no hours on any day."""
        return not any((*self.weekdays, *self.on_holidays, *self.dates.values()))


@dataclass(frozen=True, slots=True)
class LocalHours:
    """The hours of one place, by the clock of its time zone."""

    zone: ZoneInfo
    hours: WeeklyHours

    def local(self, moment: float) -> datetime.datetime:
        """The wall clock at `moment`."""
        return datetime.datetime.fromtimestamp(moment, self.zone)

    def is_open(self, moment: float) -> bool:
        """Whether the wall clock is inside a span."""
        wall = self.local(moment)
        second = wall.hour * 3600 + wall.minute * 60 + wall.second
        today = self.hours.spans(wall.date())
        if any(start <= second < end for start, end in today):
            return True
        yesterday = self.hours.spans(wall.date() - _ONE_DAY)
        return any(start <= second + DAY_S < end for start, end in yesterday)

    def may_change_after(self, moment: float, days: int) -> Iterator[float]:
        """Every later instant at which the place could open or close, in order.

        These are the starts and ends of spans, and the jumps of the clock, which can land inside or
        outside one. Between two of them nothing changes. They are those of `days` days, the first
        of which is the day before `moment`.
        """
        day = self.local(moment).date() - _ONE_DAY
        pending: list[float] = []
        for _ in range(days):
            begin = datetime.datetime.combine(day, datetime.time(), self.zone).timestamp()
            # Left over are ends on the next day, and a clock that is set back at midnight.
            yield from sorted(one for one in pending if moment < one < begin)
            pending = [one for one in pending if one >= begin] + self._instants(day)
            day += _ONE_DAY
        yield from sorted(one for one in pending if one > moment)

    def _instants(self, day: datetime.date) -> list[float]:
        midnight = datetime.datetime.combine(day, datetime.time(), self.zone)
        jump = self._jump(midnight.timestamp(), (midnight + _ONE_DAY).timestamp())
        instants = [] if jump is None else [jump]
        for second in {second for span in self.hours.spans(day) for second in span}:
            wall = midnight + datetime.timedelta(seconds=second)
            # A wall time happens twice when the clock is set back, and not when it leaps over it.
            for instant in {wall.timestamp(), wall.replace(fold=1).timestamp()}:
                if self.local(instant).replace(fold=0) == wall:
                    instants.append(instant)
        return instants

    def _jump(self, low: float, high: float) -> float | None:
        """The first instant of a new offset from UTC after `low`, up to `high`."""
        before = self.local(low).utcoffset()
        if self.local(high).utcoffset() == before:
            return None
        low_s, high_s = int(low), int(high)
        while high_s - low_s > 1:
            middle = (low_s + high_s) // 2
            if self.local(middle).utcoffset() == before:
                low_s = middle
            else:
                high_s = middle
        return float(high_s)


def spans_by_weekday(hours: Iterable[str]) -> tuple[DaySpans, ...]:
    """The spans of each weekday, Monday first, of hours such as "mon-fri 09:00-17:30"."""
    read = [read_hours(text) for text in hours]
    return tuple(
        tuple((begin * 60, end * 60) for days, (begin, end) in read if weekday in days)
        for weekday in range(7)
    )


def spans_of_date(hours: Iterable[str]) -> DaySpans:
    """The spans of one date, of hours such as "09:00-17:30"."""
    return tuple((begin * 60, end * 60) for _days, (begin, end) in map(read_hours, hours))


def holiday_name(calendar: str, day: datetime.date) -> str | None:
    """The name of the public holiday `day` in `calendar`: "DE", or "DE-BY" for a part of a country.

    None for an ordinary day, and where no holidays are known.
    """
    return _holidays(calendar, day.year).get(day)


@lru_cache(maxsize=256)
def _holidays(calendar: str, year: int) -> Mapping[datetime.date, str]:
    """Loads the library, which takes memory, where a configuration names public holidays."""
    import holidays

    country, _, subdivision = calendar.partition("-")
    try:
        days = holidays.country_holidays(country, subdiv=subdivision or None, years=year)
    except NotImplementedError:
        return {}
    return dict(days)
