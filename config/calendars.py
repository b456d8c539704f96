"""[[calendars]]: weekly opening hours in a time zone, public holidays, exceptions by date."""

import datetime
import re
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from pydantic import AfterValidator, Field, model_validator

from .sections import Section, first_duplicate
from .values import Name, wrong

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN = 24 * 60

# "mon-fri 09:00-17:30", "sat,sun 10:00-14:00", "22:00-06:00"
_DAY = rf"(?:{'|'.join(DAYS)})"
_DAY_LIST = rf"{_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?)*"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_HOURS = re.compile(rf"(?:(?P<days>{_DAY_LIST}) )?(?P<open>{_TIME})-(?P<close>{_TIME}|24:00)")


def read_hours(text: str) -> tuple[frozenset[int], tuple[int, int]]:
    """The days (0 is Monday) and the minutes of the day from and to of "mon-fri 09:00-17:30".

    Hours that end before they begin end on the next day. Raises ValueError with a reason.
    """
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r} must look like "mon-fri 09:00-17:30" or "sat,sun 22:00-06:00"')
    begin, end = _minutes(found["open"]), _minutes(found["close"])
    if begin == end:
        raise ValueError(f"{text!r} is empty; the whole day is 00:00-24:00")
    days: set[int] = set()
    for part in (found["days"] or "mon-sun").split(","):
        first, _, last = part.partition("-")
        number, until = DAYS.index(first), DAYS.index(last or first)
        days.add(number)
        while number != until:
            number = (number + 1) % 7
            days.add(number)
    return frozenset(days), (begin, end if end > begin else end + DAY_MIN)


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _check_hours(text: str) -> str:
    try:
        read_hours(text)
    except ValueError as error:
        raise wrong("", str(error)) from error
    return text


def _check_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise wrong("", f"{text!r} is not a time zone such as Europe/London") from error
    return text


@cache
def _subdivisions() -> dict[str, list[str]]:
    return holidays.list_supported_countries(include_aliases=True)


Hours = Annotated[str, AfterValidator(_check_hours)]
TimeZone = Annotated[str, AfterValidator(_check_zone)]


class CalendarException(Section):
    """[[calendars.exceptions]]: a date that keeps other hours; none means closed."""

    date: datetime.date
    hours: list[Hours] = Field(default=[])


class Calendar(Section):
    """[[calendars]]: when something is open."""

    name: Name
    zone: TimeZone
    hours: list[Hours] = Field(min_length=1)
    holidays: str = ""
    subdivision: str = ""
    exceptions: list[CalendarException] = Field(default=[])

    @model_validator(mode="after")
    def _check_holidays(self) -> "Calendar":
        known = _subdivisions()
        if self.holidays and self.holidays not in known:
            raise wrong("holidays", f"no holidays are known of {self.holidays!r}")
        if self.subdivision and self.subdivision not in known.get(self.holidays, ()):
            reason = f"no holidays are known of {self.subdivision!r} in {self.holidays!r}"
            raise wrong("subdivision", reason)
        twice = first_duplicate([str(exception.date) for exception in self.exceptions])
        if twice is not None:
            raise wrong("exceptions", f"{twice} stands twice")
        return self
