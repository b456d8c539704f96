"""Spellings: the digits that a phone, a PBX or a gateway may read out of a text.

The same digits can be written in other scripts, with separators, percent-encoded, or hidden in a
name. What is refused has to be found in all of these.
"""

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

OUTSIDE_LINE = "09"
"""The digits that a PBX commonly takes for an outside line."""

_INTERNATIONAL_PREFIXES = ("00", "011", "0011", "810", "900", "9011")
_FEWEST_NUMBER_DIGITS = 7
_PUNCTUATION = {"Pd", "Ps", "Pe", "Po", "Zs", "Cf"}
_NO_DIGIT = re.compile(r"[^0-9+]")
_DIGIT_RUN = re.compile(r"\+?\d{7,}")
_MOST_ESCAPES = 4  # how often a text may be escaped over and over


def ascii_digits(text: str) -> str:
    """`text` with digits of any script, and every plus sign, in ASCII."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(
        str(unicodedata.digit(character)) if character.isdigit() else character
        for character in plain
    )


def digits_of(text: str) -> str | None:
    """The digits of a text as a phone dials them, with a leading +; None where it has others.

    Digits of any script count, and what people write between them is left out.
    """
    text = ascii_digits(text).strip()
    text = re.sub(r"(?i)^tel:", "", text).partition(";")[0]
    bare = "".join(
        character
        for character in text
        if not (character.isspace() or unicodedata.category(character) in _PUNCTUATION)
        or character == "+"
    )
    return bare if re.fullmatch(r"\+?[0-9]+", bare) else None


def readings_of_user(user: str) -> Iterator[str]:
    """The texts that a gateway could read out of the user part of a URI."""
    for _ in range(_MOST_ESCAPES):
        yield user
        stripped = _NO_DIGIT.sub("", ascii_digits(user))
        if stripped and not any(character.isalpha() for character in user):
            yield stripped
        if "%" not in user:
            return
        user = unquote(user)


def digits_among_letters(user: str) -> str:
    """The digits of a user part with fewer letters than digits: `x112`; "" for any other."""
    plain = ascii_digits(user)
    digits = _NO_DIGIT.sub("", plain).replace("+", "")
    letters = sum(character.isalpha() for character in plain)
    return digits if 0 < letters < len(digits) else ""


def numbers_in(user: str) -> Iterator[str]:
    """The digits of numbers that a gateway could find in a user part that is more than a number."""
    plain = ascii_digits(user)
    letters = sum(character.isalpha() for character in user)
    stripped = _NO_DIGIT.sub("", plain)
    if len(stripped) > 2 * letters:
        yield from dialled_forms(stripped)
    for digits in _DIGIT_RUN.findall(plain):
        yield from dialled_forms(digits)


def dialled_forms(digits: str) -> Iterator[str]:
    """What a PBX or gateway may dial for these digits: as they stand, and behind its prefixes."""
    plain = digits.lstrip("+")
    if len(plain) < _FEWEST_NUMBER_DIGITS:
        return
    yield digits
    yield plain
    for prefix in _INTERNATIONAL_PREFIXES:
        if plain.startswith(prefix):
            yield f"+{plain.removeprefix(prefix)}"
    if plain[0] in OUTSIDE_LINE:
        yield plain[1:]
