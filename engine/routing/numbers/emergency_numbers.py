"""Emergency numbers: whether a text, dialled somewhere, could reach an emergency service.

The numbers of the countries at hand are looked for in every form that an exchange there connects:
behind an outside line, behind a country code, and at the beginning of longer digits that are no
number. Those of every other country count as they stand: a trunk may lead anywhere.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import phonenumbers
from phonenumbers import shortnumberinfo

from .phone_number import is_valid, parse_written
from .spellings import OUTSIDE_LINE, digits_of

# 3GPP TS 22.101 section 10.1.1: what a telephone calls an emergency wherever it is. "000" and "08"
# are left out here: behind an outside line they are extensions such as 9000.
_EVERYWHERE = frozenset({"110", "112", "118", "119", "911", "999"})
# RFC 5031 section 4.2, as IP PBXs and emergency gateways also read it in a user part.
_SERVICE = re.compile(r"(?:urn:service:)?sos(?:\.[a-z0-9-]+)*", re.IGNORECASE)
# Longer ones are extensions elsewhere: each is known in one country.
_LONGEST_ABROAD = 3


Abroad = Literal["none", "well_known", "all"]
"""Which emergency numbers of other countries count. `none`: the configuration says that these
digits are an extension; then those of the own country count only in full."""


def is_emergency(text: str, regions: frozenset[str], abroad: Abroad = "all") -> bool:
    """Whether dialling `text` in one of `regions` could reach an emergency service."""
    if _SERVICE.fullmatch(text.strip()):
        return True
    bare = digits_of(text)
    if bare is None:
        return False
    for digits, region in _as_dialled(bare, regions):
        if _is_exactly(digits, region):
            return True
        if abroad != "none" and (digits in _EVERYWHERE or _begins_like_one(digits, region)):
            return True
    if abroad == "none":
        return False
    forms = tuple(_forms_abroad(bare))
    if any(form in _EVERYWHERE for form in forms):
        return True
    return abroad == "all" and any(_is_one_abroad(form) for form in forms)


def hides_emergency(digits: str, regions: frozenset[str]) -> bool:
    """Whether digits that stand among letters are a well-known emergency number, or one here."""
    return digits in _EVERYWHERE or any(_is_exactly(digits, region) for region in regions)


def _as_dialled(bare: str, regions: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The digits that may reach a local exchange, and the country of that exchange."""
    if not bare.startswith("+"):
        forms = {bare, bare.lstrip("0"), bare[1:] if bare[0] in OUTSIDE_LINE else bare}
        yield from ((digits, region) for digits in forms - {""} for region in regions)
    full = bare if bare.startswith("+") else f"+{bare[2:]}" if bare.startswith("00") else ""
    for length in (1, 2, 3):
        code = full[1 : 1 + length]
        if code.isdigit() and int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            rest = full[1 + length :]
            for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)]:
                for digits in (rest, rest[1:] if rest.startswith("0") else ""):
                    if digits:
                        yield digits, region


def _forms_abroad(bare: str) -> Iterator[str]:
    plain = bare.lstrip("+")
    yield plain
    yield plain.lstrip("0")
    if plain[:1] == "9" and plain[1:] in _EVERYWHERE:
        yield plain[1:]


@lru_cache(maxsize=4096)
def _is_exactly(digits: str, region: str) -> bool:
    return bool(shortnumberinfo.is_emergency_number(digits, region))


@lru_cache(maxsize=4096)
def _begins_like_one(digits: str, region: str) -> bool:
    """An exchange may connect a call after the first digits that are a number for it."""
    if not shortnumberinfo.connects_to_emergency_number(digits, region):
        return False
    number = parse_written(digits, region)
    return number is None or not is_valid(number.e164)


@lru_cache(maxsize=4096)
def _is_one_abroad(digits: str) -> bool:
    return 1 < len(digits) <= _LONGEST_ABROAD and any(
        shortnumberinfo.is_emergency_number(digits, region)
        for region in phonenumbers.SUPPORTED_SHORT_REGIONS
    )
