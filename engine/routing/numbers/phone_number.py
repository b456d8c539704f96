"""A telephone number: how it is written in full, where it is, and what kind of line it reaches.

What cannot be known stays open: a number no list has yet is of line type `unknown`, one of no
country (+800) has no region, and a number whose place is unknown has no time zones.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from itertools import product

import phonenumbers
from phonenumbers import timezone

from config.policy import LineType

from ...errors import EngineError

_LINE_TYPES: dict[int, LineType] = {
    phonenumbers.PhoneNumberType.FIXED_LINE: "fixed_line",
    phonenumbers.PhoneNumberType.MOBILE: "mobile",
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_line_or_mobile",
    phonenumbers.PhoneNumberType.TOLL_FREE: "toll_free",
    phonenumbers.PhoneNumberType.PREMIUM_RATE: "premium_rate",
    phonenumbers.PhoneNumberType.SHARED_COST: "shared_cost",
    phonenumbers.PhoneNumberType.VOIP: "voip",
    phonenumbers.PhoneNumberType.PERSONAL_NUMBER: "personal_number",
    phonenumbers.PhoneNumberType.PAGER: "pager",
    phonenumbers.PhoneNumberType.UAN: "uan",
    phonenumbers.PhoneNumberType.VOICEMAIL: "voicemail",
}

_FIXED = (
    phonenumbers.PhoneNumberType.FIXED_LINE,
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
)
_MOST_MISSING_DIGITS = 3
_OPEN = 3  # a plan whose fixed lines have this many lengths is open

# How people write numbers: digits of any script and what they put between them. phonenumbers finds
# digits in any text; an address, or a letter for a digit, would have somebody else called.
_BETWEEN = r"\s()\[\]/.~\u00b7\u2010-\u2015\u2212\uff0d\uff0e-"
_WRITTEN = re.compile(rf"(?:tel:)?[\s(\[]*[+\uff0b]?[\d{_BETWEEN}]*", re.IGNORECASE)
_NO_COUNTRY = ("001", "ZZ")
# The North American plan keeps these for films and books; phonenumbers calls them valid.
_FICTION = re.compile(r"\+1\d{3}55501\d{2}")


def check_region(region: str) -> None:
    """Raise EngineError `refused` where `region` is no country, such as GB."""
    if region not in phonenumbers.SUPPORTED_REGIONS:
        reason = f"{region!r} is not a region; it is two capital letters such as GB"
        raise EngineError("refused", reason, field="region")


@dataclass(frozen=True, slots=True)
class CalledNumber:
    """A number in E.164, its country, every time zone it may be in, and its kind of line."""

    e164: str
    region: str | None
    zones: tuple[str, ...]
    line_type: LineType


def is_written(text: str) -> bool:
    """Whether `text` has nothing but digits and what people put between those of a number."""
    return _WRITTEN.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def parse_written(text: str, region: str) -> CalledNumber | None:
    """`text` as a number in full, as somebody in `region` means it; None where it cannot be one.

    A possible number is not yet a valid one: `number_plan` decides what is dialled.
    """
    if not is_written(text):
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    return CalledNumber(
        e164=phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        region=(country := _country(number)),
        zones=_zones(number, country),
        line_type=_LINE_TYPES.get(phonenumbers.number_type(number), "unknown"),
    )


@lru_cache(maxsize=4096)
def is_valid(e164: str) -> bool:
    """Whether somebody may have the number: its plan has it, and it is not kept for fiction."""
    if _FICTION.fullmatch(e164):
        return False
    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(e164)))
    except phonenumbers.NumberParseException:
        return False


@lru_cache(maxsize=4096)
def costly_line_type(e164: str) -> LineType | None:
    """`premium_rate` or `shared_cost` where a number that is not valid has more digits than one of
    these, or up to three fewer: networks cut off what is too much, and callers may dial on.
    """
    number = phonenumbers.parse(e164)
    code = number.country_code or 0
    forms = tuple(_longer_and_shorter(phonenumbers.national_significant_number(number)))
    is_shared = False
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ()):
        plan = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
        if plan is not None and _has_one_of(plan.premium_rate, forms):
            return "premium_rate"
        if plan is not None and _has_one_of(plan.shared_cost, forms):
            is_shared = True
    return "shared_cost" if is_shared else None


def _has_one_of(kind: phonenumbers.PhoneNumberDesc | None, forms: tuple[str, ...]) -> bool:
    if kind is None or not kind.national_number_pattern:
        return False
    pattern = re.compile(kind.national_number_pattern)
    return any(pattern.fullmatch(form) for form in forms)


def _longer_and_shorter(digits: str) -> Iterator[str]:
    for size in range(len(digits), 0, -1):
        yield digits[:size]
    for missing in range(1, _MOST_MISSING_DIGITS + 1):
        for more in product("0123456789", repeat=missing):
            yield digits + "".join(more)


def example_number(region: str) -> str:
    """A number of a fixed line of a country, in full."""
    number = phonenumbers.example_number(region)
    assert number is not None, region
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@lru_cache(maxsize=4096)
def lacks_area_code(text: str, region: str) -> bool:
    """Whether `text` may be what is dialled inside one town: a number of fixed lines without the
    prefix of its country, where their length does not tell. `2345678` is one in every German town.
    """
    plan = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if plan is None or plan.fixed_line is None or not plan.national_prefix:
        return False
    if len(plan.fixed_line.possible_length) < _OPEN:
        return False
    try:
        number = phonenumbers.parse(text, region, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return False
    if number.country_code_source != phonenumbers.CountryCodeSource.FROM_DEFAULT_COUNTRY:
        return False
    if phonenumbers.number_type(number) not in _FIXED:
        return False
    written = phonenumbers.normalize_digits_only(text)
    return not written.startswith(plan.national_prefix)


def _country(number: phonenumbers.PhoneNumber) -> str | None:
    region = phonenumbers.region_code_for_number(number)
    if region is None:  # not in use as far as is known; the country code still says where
        region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return None if region in _NO_COUNTRY else region


def _zones(number: phonenumbers.PhoneNumber, region: str | None) -> tuple[str, ...]:
    found = timezone.time_zones_for_number(number)
    if found == (timezone.UNKNOWN_TIMEZONE,):
        found = timezone.time_zones_for_geographical_number(number)
    if found == (timezone.UNKNOWN_TIMEZONE,):
        return ()
    # A country code may serve several countries; the number's own is known better.
    own = tuple(zone for zone in found if zone in _zones_of_countries().get(region or "", ()))
    return own or tuple(found)


@cache
def _zones_of_countries() -> dict[str, frozenset[str]]:
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    zones: dict[str, set[str]] = {}
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, _coordinates, zone = line.split("\t")[:3]
            zones.setdefault(country, set()).add(zone)
    return {country: frozenset(names) for country, names in zones.items()}
