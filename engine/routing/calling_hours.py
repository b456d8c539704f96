"""Calling hours: whether the place that is called may be called now, and if not, when.

Hours are read off the wall clock of the called place, day by day. A span belongs to the day on
which it begins, also where it ends on the next. Where a number may be in several time zones, the
hours must hold in all of them at once.
"""

import datetime
import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from config.calendars import read_hours
from config.policy import Hours, RegionHours

from .phone_number import CalledNumber

# Longer than any closing time that is meant; what is closed longer is closed for good.
HORIZON_DAYS = 60
DAY_S = 86400

_ONE_DAY = datetime.timedelta(days=1)

DaySpans = tuple[tuple[int, int], ...]  # seconds after midnight; an end may be on the next day


@dataclass(frozen=True, slots=True)
class Calendar:
    """The hours of one country: by weekday (Monday first), on holidays, and days without any."""

    weekdays: tuple[DaySpans, ...]
    on_holidays: tuple[DaySpans, ...]
    holidays: str | None
    closed: frozenset[str]

    def spans(self, day: datetime.date) -> DaySpans:
        """The spans that begin on `day`."""
        if self.closed and (f"{day}" in self.closed or f"{day:%m-%d}" in self.closed):
            return ()
        if self.holidays is not None and holiday_name(self.holidays, day) is not None:
            return self.on_holidays[day.weekday()]
        return self.weekdays[day.weekday()]

    @property
    def never_opens(self) -> bool:
        """Whether there are no hours on any day."""
        return not any((*self.weekdays, *self.on_holidays))


@dataclass(frozen=True, slots=True)
class Place:
    """One time zone with the hours that hold there."""

    zone: ZoneInfo
    calendar: Calendar

    def local(self, moment: float) -> datetime.datetime:
        """The wall clock at `moment`."""
        return datetime.datetime.fromtimestamp(moment, self.zone)

    def is_open(self, moment: float) -> bool:
        """Whether the wall clock stands inside a span."""
        wall = self.local(moment)
        second = wall.hour * 3600 + wall.minute * 60 + wall.second
        today = self.calendar.spans(wall.date())
        if any(start <= second < end for start, end in today):
            return True
        yesterday = self.calendar.spans(wall.date() - _ONE_DAY)
        return any(start <= second + DAY_S < end for start, end in yesterday)

    def may_open_after(self, moment: float) -> Iterator[float]:
        """Every later instant at which the place could open, in order, up to the horizon.

        These are the starts of spans and the jumps of the clock, which can land inside one.
        """
        day = self.local(moment).date() - _ONE_DAY
        pending: list[float] = []
        for _ in range(HORIZON_DAYS):
            begin = datetime.datetime.combine(day, datetime.time(), self.zone).timestamp()
            # What is left over is of a clock that was set back at midnight.
            yield from sorted(one for one in pending if moment < one < begin)
            pending = [one for one in pending if one >= begin] + self._instants(day)
            day += _ONE_DAY
        yield from sorted(one for one in pending if one > moment)

    def _instants(self, day: datetime.date) -> list[float]:
        midnight = datetime.datetime.combine(day, datetime.time(), self.zone)
        jump = self._jump(midnight.timestamp(), (midnight + _ONE_DAY).timestamp())
        instants = [] if jump is None else [jump]
        for start, _end in self.calendar.spans(day):
            wall = midnight + datetime.timedelta(seconds=start)
            # A wall time happens twice when the clock is set back, and not when it leaps over it.
            for instant in (wall.timestamp(), wall.replace(fold=1).timestamp()):
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


def next_open(places: tuple[Place, ...], moment: float) -> float | None:
    """`moment` if every place is open then, or the first instant after at which all are.

    None where there is none within the horizon.
    """
    if all(place.is_open(moment) for place in places):
        return moment
    if any(place.calendar.never_opens for place in places):
        return None
    for instant in heapq.merge(*(place.may_open_after(moment) for place in places)):
        if all(place.is_open(instant) for place in places):
            return instant
    return None


class CallingHours:
    """The configured hours, for any number."""

    def __init__(self, settings: Hours) -> None:
        self.enforced = settings.enforce
        self._settings = settings
        self._places = lru_cache(maxsize=1024)(self._find_places)

    def places(self, number: CalledNumber) -> tuple[Place, ...]:
        """Every place the number may be in, with its hours."""
        return self._places(number.region, number.zones)

    def opens(self, number: CalledNumber, moment: float) -> float | None:
        """When the number may be called, not before `moment`; None: never."""
        return next_open(self.places(number), moment) if self.enforced else moment

    def describe(self, number: CalledNumber, moment: float) -> str:
        """What the clocks of the called place show, for a person."""
        places = self.places(number)
        local = f"{places[0].local(moment):%A %Y-%m-%d %H:%M} in {places[0].zone.key}"
        return local if len(places) == 1 else f"{local}, one of {len(places)} time zones"

    def _find_places(self, region: str | None, zones: tuple[str, ...]) -> tuple[Place, ...]:
        settings = self._settings
        own = settings.regions.get(region or "", RegionHours())
        calendar = _calendar(settings, own, region)
        keys = tuple(own.zones) or zones or (settings.unknown_zone,)
        return tuple(Place(ZoneInfo(key), calendar) for key in keys)


def _calendar(general: Hours, own: RegionHours, region: str | None) -> Calendar:
    hours = general.hours if own.hours is None else own.hours
    on_holidays = general.holiday_hours if own.holiday_hours is None else own.holiday_hours
    holidays = f"{region}-{own.subdivision}" if own.subdivision else region
    return Calendar(
        weekdays=tuple(_spans(hours, weekday) for weekday in range(7)),
        on_holidays=tuple(_spans(on_holidays, weekday) for weekday in range(7)),
        holidays=holidays,
        closed=frozenset((*general.closed, *own.closed)),
    )


def _spans(hours: list[str], weekday: int) -> DaySpans:
    found = (read_hours(text) for text in hours)
    return tuple((begin * 60, end * 60) for days, (begin, end) in found if weekday in days)


def holiday_name(calendar: str, day: datetime.date) -> str | None:
    """What holiday `day` is in `calendar` ("DE", or "DE-BY" for a part of it); None: an ordinary
    day, or a calendar that nobody keeps."""
    return _holidays(calendar, day.year).get(day)


@lru_cache(maxsize=256)
def _holidays(calendar: str, year: int) -> Mapping[datetime.date, str]:
    country, _, subdivision = calendar.partition("-")
    try:
        days = holidays.country_holidays(country, subdiv=subdivision or None, years=year)
    except NotImplementedError:
        return {}
    return dict(days)
