"""The sections on what may be called, when, and at what cost."""

import datetime
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from .calendars import Hours as HoursText
from .calendars import TimeZone, known_subdivisions
from .errors import wrong
from .section import Section, first_duplicate
from .sounds import FILE
from .values import Name, NumberPrefix, Printable, Region, Seconds

LineType = Literal[
    "fixed_line",
    "mobile",
    "fixed_line_or_mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
    "short_code",
    "unknown",
]

_YEARLY = re.compile(r"\d\d-\d\d")
_LEAP_YEAR = 2000
_AMOUNT_DIGITS, _AMOUNT_DECIMALS = 12, 6


def _check_readable(text: str) -> str:
    try:
        Path(text).open("rb").close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise wrong("", f"{text!r} cannot be read: {reason}") from None
    return text


ReadableFile = Annotated[str, AfterValidator(_check_readable)]


def _check_date(text: str) -> str:
    full = f"{_LEAP_YEAR}-{text}" if _YEARLY.fullmatch(text) else text
    try:
        if datetime.date.fromisoformat(full).isoformat() == full:
            return text
    except ValueError:
        pass
    raise wrong("", f'{text!r} is no day; it is "2026-12-24", or "12-24" for every year')


def _check_full_prefix(text: str) -> str:
    if not text.startswith("+"):
        raise wrong("", f"{text!r} must begin with '+': numbers are compared as written in full")
    return text


def _check_currency(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise wrong("", f"{text!r} is not a currency; it is three capital letters such as EUR")
    return text


def _as_amount(value: object) -> object:
    """Amounts are decimal, whether written as number or as text: 0.1 is one tenth exactly."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise wrong("", "must be an amount such as 0.015")
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise wrong("", f"{value!r} is not an amount") from None
    if not amount.is_finite() or amount < 0:
        raise wrong("", "must be an amount of 0 or more")
    if amount >= 10**_AMOUNT_DIGITS or amount != round(amount, _AMOUNT_DECIMALS):
        raise wrong("", f"has more than {_AMOUNT_DECIMALS} decimals, or is too large")
    return amount


Day = Annotated[str, AfterValidator(_check_date)]
FullPrefix = Annotated[NumberPrefix, AfterValidator(_check_full_prefix)]
Currency = Annotated[str, AfterValidator(_check_currency)]
Amount = Annotated[Decimal, BeforeValidator(_as_amount)]


class RegionHours(Section):
    """[hours.regions.XX]: what is otherwise there; what is not given is as in [hours]."""

    hours: list[HoursText] | None = None
    holiday_hours: list[HoursText] | None = None
    closed: list[Day] = Field(default=[])
    subdivision: str = ""
    zones: list[TimeZone] = Field(default=[])


class Hours(Section):
    """[hours]: when customers may be called, by the clock of the place that is called."""

    enforce: bool = False
    hours: list[HoursText] = Field(default=["mon-fri 08:00-21:00", "sat 09:00-18:00"])
    holiday_hours: list[HoursText] = Field(default=[])
    closed: list[Day] = Field(default=[])
    unknown_zone: TimeZone = "Europe/London"
    regions: dict[Region, RegionHours] = Field(default={})

    @field_validator("regions")
    @classmethod
    def _check_subdivisions(cls, regions: dict[str, RegionHours]) -> dict[str, RegionHours]:
        parts = {region: own for region, own in regions.items() if own.subdivision}
        known = known_subdivisions() if parts else {}
        for region, own in parts.items():
            if own.subdivision not in known.get(region, ()):
                raise wrong(
                    f"{region}.subdivision", f"no holidays are known of {own.subdivision!r} there"
                )
        return regions


class Limit(Section):
    """How many requests are accepted of one, and what they may cost. 0: as many as come."""

    per_minute: int = Field(default=0, ge=0)
    per_hour: int = Field(default=0, ge=0)
    per_day: int = Field(default=0, ge=0)
    cost_per_day: Amount = Decimal(0)


class DoNotCall(Section):
    """[do_not_call]: files of numbers that are not to be called, and the keys that ask for it."""

    files: list[ReadableFile] = Field(default=[])
    key: Annotated[str, Field(pattern=r"^([0-9*#]{1,4})?$")] = ""
    key_announcement: Printable = Field(default="", max_length=1000)
    key_for: Literal["sites", "all"] = "sites"

    def sounds(self) -> Iterator[tuple[str, str]]:
        """Every sound file that it names, with the key."""
        if self.key_announcement.startswith(FILE):
            yield "do_not_call.key_announcement", self.key_announcement.removeprefix(FILE)


class Limits(Section):
    """[limits]: for each number called, each site, each source address, and all together.

    `site_number` is for each number that visitors of sites ask for, who may be strangers to it.
    """

    number: Limit = Limit()
    site_number: Limit = Limit(per_day=5)
    site: Limit = Limit()
    source: Limit = Limit()
    total: Limit = Limit()


class Destinations(Section):
    """[destinations]: which numbers may be called. The longest prefix that fits decides."""

    allow: list[FullPrefix] = Field(default=["+"])
    refuse: list[FullPrefix] = Field(default=[])
    refuse_line_types: list[LineType] = Field(default=["premium_rate", "shared_cost"])
    refuse_visitors: list[FullPrefix] = Field(
        default=["+870", "+878", "+881", "+882", "+883", "+888", "+979"]
    )
    """Not for visitors of sites besides, unless a prefix of `allow` is as long: satellites, and
    networks of no country."""
    allow_visitors_of: dict[Name, list[FullPrefix]] = Field(default={})
    """What visitors of a site may have called all the same."""
    emergency: bool = False

    @model_validator(mode="after")
    def _check_prefixes(self) -> "Destinations":
        twice = first_duplicate([*dict.fromkeys(self.allow), *dict.fromkeys(self.refuse)])
        if twice is not None:
            raise wrong("refuse", f"the prefix {twice!r} is both allowed and refused")
        return self


class Costs(Section):
    """[costs]: the currency of all amounts, and what a call is taken to cost beforehand."""

    currency: Currency = "EUR"
    expected_talk_s: Seconds = 180.0


class Rate(Section):
    """[[rates]]: what calls to the numbers that begin with `prefix` cost."""

    prefix: FullPrefix
    per_minute: Amount
    connection: Amount = Decimal(0)
    increment_s: int = Field(default=1, ge=1, le=3600)
    minimum_s: int = Field(default=0, ge=0, le=3600)

    @field_validator("prefix")
    @classmethod
    def _check_digits(cls, prefix: str) -> str:
        if not prefix[1:].isdigit() and prefix != "+":
            raise wrong("", f"{prefix!r} must be '+' and digits")
        return prefix
