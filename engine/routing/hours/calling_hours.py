"""Calling hours: whether the hours allow a call to a number now, and if not, when they do.

Hours are those of the place that is called. Where a number may be in several time zones, the hours
must hold in all of them at once.
"""

import heapq
from functools import lru_cache
from zoneinfo import ZoneInfo

from config.policy import Hours, RegionHours

from ..numbers.phone_number import CalledNumber
from .weekly_hours import LocalHours, WeeklyHours, spans_by_weekday

# Longer than any planned closure. A place that is closed for longer never opens.
HORIZON_DAYS = 60


def next_open(places: tuple[LocalHours, ...], moment: float) -> float | None:
    """`moment` if every place is open then, or the first instant after it at which all are.

    None if there is none within the horizon.
    """
    if all(place.is_open(moment) for place in places):
        return moment
    if any(place.hours.never_opens for place in places):
        return None
    instants = (place.may_change_after(moment, HORIZON_DAYS) for place in places)
    for instant in heapq.merge(*instants):
        if all(place.is_open(instant) for place in places):
            return instant
    return None


class CallingHours:
    """The configured hours, for any number."""

    def __init__(self, settings: Hours) -> None:
        self.enforced = settings.enforce
        self._settings = settings
        self._places = lru_cache(maxsize=1024)(self._find_places)

    def places(self, number: CalledNumber) -> tuple[LocalHours, ...]:
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

    def _find_places(self, region: str | None, zones: tuple[str, ...]) -> tuple[LocalHours, ...]:
        settings = self._settings
        own = settings.regions.get(region or "", RegionHours())
        hours = _hours_of(settings, own, region)
        keys = tuple(own.zones) or zones or (settings.unknown_zone,)
        return tuple(LocalHours(ZoneInfo(key), hours) for key in keys)


def _hours_of(general: Hours, own: RegionHours, region: str | None) -> WeeklyHours:
    hours = general.hours if own.hours is None else own.hours
    on_holidays = general.holiday_hours if own.holiday_hours is None else own.holiday_hours
    holidays = f"{region}-{own.subdivision}" if own.subdivision else region
    return WeeklyHours(
        weekdays=spans_by_weekday(hours),
        on_holidays=spans_by_weekday(on_holidays),
        holidays=holidays,
        dates={str(day): () for day in (*general.closed, *own.closed)},
    )
