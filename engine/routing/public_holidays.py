"""Public holidays: which days are, in a country or a part of one."""

import datetime
from collections.abc import Mapping
from functools import lru_cache

import holidays


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
