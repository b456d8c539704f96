"""[[calendars]]: weekly opening hours in a time zone, public holidays, exceptions by date."""

import datetime
import re
from dataclasses import dataclass
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from .errors import wrong
from .section import Section, first_duplicate
from .values import Name

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
def known_subdivisions() -> dict[str, list[str]]:
    """The subdivisions of each country whose public holidays are known.

    The library is loaded where holidays are asked for: it takes memory, and a twelfth of a second.
    """
    import holidays

    return holidays.list_supported_countries(include_aliases=True)


# "2026-12-24", "12-25" of each year, "2026-12-24..2027-01-02", "12-24..01-02"
_DATES = re.compile(r"(?P<first>(?:\d{4}-)?\d{2}-\d{2})(?:\.\.(?P<last>(?:\d{4}-)?\d{2}-\d{2}))?")
_LEAP_YEAR = "2000-"
_NO_YEAR = len("12-25")


@dataclass(frozen=True, slots=True)
class Dates:
    """Days in a row: of one year ("2026-12-24"), or of each year ("12-24"). `last` is one too."""

    first: str
    last: str

    def has(self, day: datetime.date) -> bool:
        """Whether `day` is one of them."""
        text = f"{day:%m-%d}" if len(self.first) == _NO_YEAR else f"{day}"
        if self.first <= self.last:
            return self.first <= text <= self.last
        return text >= self.first or text <= self.last  # over the end of the year


def read_dates(text: str) -> Dates:
    """The days of "2026-12-24", "12-25", or two of them with ".." between.

    Raises ValueError with a reason.
    """
    found = _DATES.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r} must look like "2026-12-24", "12-25" or "12-24..01-02"')
    first, last = found["first"], found["last"] or found["first"]
    for one in (first, last):
        try:
            datetime.date.fromisoformat(_LEAP_YEAR + one if len(one) == _NO_YEAR else one)
        except ValueError as error:
            raise ValueError(f"{one!r} is not a date") from error
    if len(first) != len(last):
        raise ValueError(f"{text!r}: give the year of both dates or of neither")
    if len(first) > _NO_YEAR and last < first:
        raise ValueError(f"{text!r} ends before it begins")
    return Dates(first, last)


def _check_dates(text: str) -> str:
    try:
        read_dates(text)
    except ValueError as error:
        raise wrong("", str(error)) from error
    return text


def _date_as_text(value: object) -> object:
    return str(value) if isinstance(value, datetime.date) else value


Hours = Annotated[str, AfterValidator(_check_hours)]
DatesText = Annotated[str, BeforeValidator(_date_as_text), AfterValidator(_check_dates)]
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
        known = known_subdivisions() if self.holidays or self.subdivision else {}
        if self.holidays and self.holidays not in known:
            raise wrong("holidays", f"no holidays are known of {self.holidays!r}")
        if self.subdivision and self.subdivision not in known.get(self.holidays, ()):
            reason = f"no holidays are known of {self.subdivision!r} in {self.holidays!r}"
            raise wrong("subdivision", reason)
        twice = first_duplicate([str(exception.date) for exception in self.exceptions])
        if twice is not None:
            raise wrong("exceptions", f"{twice} stands twice")
        return self
