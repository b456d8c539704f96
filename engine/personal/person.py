"""A person, known by their number, and how the number is found in stored text."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import phonenumbers

from ..errors import EngineError

ERASED = "erased"
"""The text that replaces an erased number."""

SEPARATORS = " -./()\u00a0"
"""What people write between the digits of a number."""
_BETWEEN = f"[{re.escape(SEPARATORS)}]{{0,3}}"
# A national number shorter than this is not searched for in text: it would be found everywhere.
_SHORTEST_IN_TEXT = 6
_COUNTRY_BEFORE = re.compile(rf"(?:\+|00)[0-9]{{1,3}}{_BETWEEN}$")
_DIGITS = re.compile(r"\+?[0-9*#]{2,20}")


@dataclass(frozen=True)
class Person:
    """The person with the number `e164`; `country_code` and `national` are its two parts."""

    e164: str
    country_code: str
    national: str

    @cached_property
    def _spelled(self) -> re.Pattern[str]:
        digits = _BETWEEN.join(self.national)
        country = _BETWEEN.join(self.country_code)
        plus = rf"(?:\+|%2[Bb]|00{_BETWEEN}|011{_BETWEEN})?"
        before = rf"(?P<before>{plus}{country}{_BETWEEN}(?:\(0\)|0)?|0)?"
        return re.compile(rf"(?<![0-9])(?<![0-9]\+){before}{_BETWEEN}{digits}(?![0-9])")

    @classmethod
    def of(cls, text: str, region: str) -> "Person":
        """The person whose number is `text`, written in `region`. Raises EngineError `refused`.

        An extension, or another number that is none of a country, stands for itself.
        """
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            number = None
        if (
            number is None
            or not phonenumbers.is_possible_number(number)
            or len(phonenumbers.national_significant_number(number)) < _SHORTEST_IN_TEXT
        ):
            if _DIGITS.fullmatch(text) is None:
                raise EngineError("refused", f"{text!r} is not a number", field="number")
            return cls(text, "", text.removeprefix("+"))
        return cls(
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
            str(number.country_code),
            phonenumbers.national_significant_number(number),
        )

    @classmethod
    def unknown(cls) -> "Person":
        """A person without a number, such as the visitor of a page: found in no text."""
        return cls("", "", "")

    @property
    def is_in_texts(self) -> bool:
        """Whether the number is long enough to be looked for in text."""
        return len(self.national) >= _SHORTEST_IN_TEXT

    @property
    def search_text(self) -> str:
        """What every spelling of the number contains, once its SEPARATORS are left out."""
        return self.national or "no number"

    def is_in(self, text: str) -> bool:
        """Whether `text` contains the number, in any usual spelling."""
        return self.is_in_texts and any(
            not _is_of_another_country(found) for found in self._spelled.finditer(text)
        )

    def is_number(self, text: str | None) -> bool:
        """Whether `text` is the number, or a URI of it."""
        return text is not None and (text == self.e164 or self.is_in(text))

    def without(self, value: Any) -> Any:
        """`value`, anything that JSON can hold, with the number replaced wherever it stands."""
        if not self.is_in_texts:
            return value
        if isinstance(value, str):
            return self._spelled.sub(_erased, value)
        if isinstance(value, dict):
            return {self.without(key): self.without(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.without(one) for one in value]
        return value


def _is_of_another_country(found: re.Match[str]) -> bool:
    """Whether the digits before the match are the code of another country: +1 207..."""
    before = found.string[max(0, found.start() - 12) : found.start()]
    return not found["before"] and _COUNTRY_BEFORE.search(before) is not None


def _erased(found: re.Match[str]) -> str:
    return found[0] if _is_of_another_country(found) else ERASED
