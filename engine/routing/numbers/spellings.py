"""Spellings: the digits that a phone, a PBX or a gateway may read out of a text.

The same digits can be written in other scripts, with separators, percent-encoded, or hidden in a
name. What is refused has to be found in all of these.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from urllib.parse import unquote

OUTSIDE_LINE = "09"
"""The digits that a PBX commonly takes for an outside line."""

_INTERNATIONAL_PREFIXES = ("00", "011", "0011", "810", "900", "9011")
FEWEST_NUMBER_DIGITS = 7
_PUNCTUATION = {"Pd", "Ps", "Pe", "Po", "Zs", "Cf"}
# What people write between digits, of the characters of ASCII.
_BETWEEN = {
    ord(character): None
    for character in map(chr, range(128))
    if character.isspace() or unicodedata.category(character) in _PUNCTUATION
}
_SEPARATORS = re.compile(r"[-.() ]")  # RFC 3966 section 3: visual separators
_TEL = re.compile(r"tel:", re.IGNORECASE)
_DIGITS = re.compile(r"\+?[0-9]+")
_NO_DIGIT = re.compile(r"[^0-9+]")
_SERVICE_CODE = re.compile(r"[*#]")
_DIGIT_RUN = re.compile(r"\+?\d{7,}")
_MOST_ESCAPES = 4  # how often a text may be escaped over and over
_MOST_DIGITS_AFTER = 4
_WORDS = re.compile(r"(?i)\btel:|ext")  # RFC 3966; how people write an extension
_APART = re.compile(r"\+[^0-9]+")  # a plus sign before its number
_RUN = re.compile(r"\+?[0-9]+")
_MOST_RUNS = 16
_MOST_RUNS_IN_PAIRS = 6
_MOST_DIAL_DIGITS = 24  # E.164 has 15, and a prefix before them
_MOST_LETTERS_IN_A_NUMBER = 3


def ascii_digits(text: str) -> str:
    """`text` with digits of any script, and every plus sign, in ASCII."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKC", text)
    return "".join(
        str(unicodedata.digit(character)) if character.isdigit() else character
        for character in plain
    )


def without_separators(text: str) -> str:
    """`text` without what people write between the digits of a number in a URI."""
    return _SEPARATORS.sub("", text)


def digits_of(text: str) -> str | None:
    """The digits of a text as a phone dials them, with a leading +; None where it has others.

    Digits of any script count, and what people write between them is left out.
    """
    text = ascii_digits(text).strip()
    scheme = _TEL.match(text)
    text = text[scheme.end() if scheme else 0 :].partition(";")[0]
    if text.isascii():
        bare = text.translate(_BETWEEN)
    else:
        bare = "".join(
            character
            for character in text
            if not (character.isspace() or unicodedata.category(character) in _PUNCTUATION)
        )
    return bare if _DIGITS.fullmatch(bare) else None


def readings_of_user(user: str) -> Iterator[str]:
    """The texts that a gateway could read out of the user part of a URI."""
    for text in _unescaped(user):
        yield text
        stripped = _NO_DIGIT.sub("", ascii_digits(text))
        if stripped and not any(character.isalpha() for character in text):
            yield stripped
        # A network acts on a service code (`*31#`) and dials what stands behind it.
        yield from _SERVICE_CODE.split(ascii_digits(text))[1:]


def _unescaped(user: str) -> Sequence[str]:
    """A text as it stands, and unescaped as often as it is escaped."""
    found = [user]
    while "%" in user and len(found) < _MOST_ESCAPES:
        user = unquote(user)
        found.append(user)
    return found


def digits_among_letters(user: str) -> str:
    """The digits of a user part with fewer letters than digits: `x112`; "" for any other."""
    plain = ascii_digits(user)
    digits = _NO_DIGIT.sub("", plain).replace("+", "")
    letters = sum(map(str.isalpha, plain))
    return digits if 0 < letters < len(digits) else ""


@lru_cache(maxsize=64)
def dial_strings(user: str) -> tuple[str, ...]:
    """The digits that a gateway could dial of a user part that is rather a number than a name.

    It may begin to read behind a service code (`*31#`) or a letter, stop at one, or read past it.
    A text is looked at several times in a row, each time for another reason to refuse it.
    """
    return tuple(dict.fromkeys(_dialled_parts(user)))


def _dialled_parts(user: str) -> Iterator[str]:
    for text in dict.fromkeys(_unescaped(user)):
        plain = _WORDS.sub(" ", ascii_digits(text))
        if not _is_rather_a_number(plain):
            continue
        runs = _RUN.findall(_APART.sub("+", plain))
        bare = [run.lstrip("+") for run in runs]
        pairs = [(0, end) for end in range(1, len(runs) + 1)]
        pairs += [(begin, len(runs)) for begin in range(1, len(runs))]
        if len(runs) <= _MOST_RUNS_IN_PAIRS:
            pairs += [(a, b) for a in range(1, len(runs)) for b in range(a + 1, len(runs))]
        for begin, end in pairs:
            found = runs[begin] + "".join(bare[begin + 1 : end])
            if len(found) <= _MOST_DIAL_DIGITS:
                yield found


def is_scattered(user: str) -> bool:
    """Whether digits stand in more places than in any number that somebody writes."""
    return any(
        len(_RUN.findall(plain)) > _MOST_RUNS and _is_rather_a_number(plain)
        for plain in map(ascii_digits, _unescaped(user))
    )


def _is_rather_a_number(plain: str) -> bool:
    letters = sum(map(str.isalpha, plain))
    digits = sum(map(str.isdigit, plain))
    return digits > letters and (
        letters <= _MOST_LETTERS_IN_A_NUMBER or digits > _MOST_LETTERS_IN_A_NUMBER * letters
    )


def numbers_in(user: str) -> Iterator[str]:
    """The digits of numbers that a gateway could find in a user part that is more than a number."""
    for text in dict.fromkeys(_unescaped(user)):
        plain = ascii_digits(text)
        letters = sum(map(str.isalpha, text))
        stripped = _NO_DIGIT.sub("", plain)
        if len(stripped) > 2 * letters:
            yield stripped
        yield from _DIGIT_RUN.findall(plain)


def dialled_forms(digits: str) -> Iterator[str]:
    """What a PBX or gateway may dial for these digits: as they stand, and behind its prefixes."""
    plain = digits.lstrip("+")
    if len(plain) < FEWEST_NUMBER_DIGITS:
        return
    forms = [digits, plain, plain.lstrip("0")]
    forms += [f"+{plain[len(one) :]}" for one in _INTERNATIONAL_PREFIXES if plain.startswith(one)]
    if plain[0] in OUTSIDE_LINE:
        forms.append(plain[1:])
    yield from dict.fromkeys(forms)


def beginnings(digits: str) -> Iterator[str]:
    """The digits without some at their end: an exchange waits for no more than it needs."""
    shortest = max(FEWEST_NUMBER_DIGITS, len(digits) - _MOST_DIGITS_AFTER)
    for length in range(len(digits) - 1, shortest - 1, -1):
        yield digits[:length]


def short_forms(digits: str) -> set[str]:
    """Digits as they stand, and as a PBX may dial them: without zeros or an outside line."""
    forms = {digits, digits.lstrip("0"), digits[1:] if digits[:1] in OUTSIDE_LINE else digits}
    return forms - {""}
