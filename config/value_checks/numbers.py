"""Telephone numbers, their prefixes, and countries, as they may be written."""

import re

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS

from ..errors import reject

_NUMBER_PREFIX = re.compile(r"\+?[0-9*#]{0,32}")


def check_prefix(text: str) -> str:
    """The first digits of a number; empty: of every number."""
    if not _NUMBER_PREFIX.fullmatch(text):
        raise reject(f"{text!r} must be the start of a number: '+' (or none), then digits")
    digits = text[1:]
    if text.startswith("+") and digits.isdigit() and not _may_be_country(digits):
        raise reject(f"{text!r} is the beginning of no number: there is no such country code")
    return text


def _may_be_country(digits: str) -> bool:
    """Whether a country code begins with these digits, or they with one."""
    codes = map(str, COUNTRY_CODE_TO_REGION_CODE)
    return any(code.startswith(digits) or digits.startswith(code) for code in codes)


def check_route_prefix(text: str) -> str:
    """As `check_prefix`, of a number that is written in full."""
    check_prefix(text)
    if text.startswith("00"):
        raise reject(f"{text!r} must begin with '+': numbers are routed as written in full")
    return text


def check_region(text: str) -> str:
    """A country as two capital letters."""
    if text not in SUPPORTED_REGIONS:
        raise reject(f"{text!r} is not a region; it is two capital letters such as GB")
    return text


def check_country(text: str) -> str:
    """A country as two letters, large or small."""
    if text.upper() not in SUPPORTED_REGIONS:
        hint = "; Great Britain is GB" if text.upper() == "UK" else ""
        raise reject(f"{text!r} is not a country; it is two letters such as DE{hint}")
    return text
