"""The number plan: what a text is that somebody wants dialled, and whether it may be dialled.

A text is a telephone number, an extension, a short code, or a person at a host (`sip:`). A text
that is none of these is refused, and so is an emergency number, however it is spelled. Every part
of the engine that dials, or that says what would be dialled, reads texts here.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import phonenumbers
import re2
from phonenumbers import shortnumberinfo

from config.numbering import Numbering
from config.policy import Destinations, LineType
from config.settings import Settings
from sip.errors import ParseError
from sip.message.uri import SipUri, parse_uri

from ..errors import EngineError
from .phone_number import CalledNumber, parse_written

Kind = Literal["number", "extension", "short_code", "person"]

_DIGIT_RUN = re.compile(r"\+?\d{7,}")
_NO_DIGIT = re.compile(r"[^0-9+]")
# RFC 3966 section 3: visual separators
_SEPARATORS = re.compile(r"[-.() ]")
_MOST_EXTENSION_DIGITS = 6
_LONGEST_SHARED_DIGITS = 4
# The North American plan keeps these for films and books; phonenumbers calls them valid.
_FICTION = re.compile(r"\+1\d{3}55501\d{2}")
_FEWEST_NUMBER_DIGITS = 7
_INTERNATIONAL_PREFIXES = ("00", "011", "0011", "810", "900", "9011")
_OUTSIDE_LINE = "09"  # what a PBX commonly takes for an outside line


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text was read as. `digits` are dialled: E.164, an extension, or a short code."""

    kind: Kind
    digits: str = ""
    number: CalledNumber | None = None
    trunks: tuple[str, ...] = ()  # where an extension belongs; (): the routes say

    def describe(self) -> str:
        """The reading in words, for a person."""
        if self.kind == "number":
            return f"the number {self.digits}"
        if self.kind == "extension":
            return f"the extension {self.digits} of {', '.join(self.trunks) or 'a route'}"
        if self.kind == "short_code":
            return f"the short code {self.digits}"
        return "a person, no number"


def is_uri(text: str) -> bool:
    """Whether `text` is written as a sip: or sips: URI."""
    return text[:5].lower().startswith(("sip:", "sips:"))


class NotDialable(Exception):
    """A text that is not dialled. `reason` is a sentence; `data` names a policy that refuses."""

    def __init__(self, reason: str, **data: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.data = data


@contextmanager
def refused(field: str) -> Iterator[None]:
    """Raise what is NotDialable inside as EngineError `refused`, naming the parameter `field`."""
    try:
        yield
    except NotDialable as refusal:
        raise EngineError("refused", refusal.reason, field, refusal.data) from refusal


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """Reads texts by [numbering], the routes' extensions and a country.

    `route_prefixes` are the prefixes of routes without a leading +: digits that begin so are
    extensions as well. `destinations` says which of the numbers may be dialled.
    """

    region: str
    numbering: Numbering = field(default_factory=Numbering)
    destinations: Destinations = field(default_factory=Destinations)
    route_prefixes: Sequence[str] = ()

    def check_destination(self, number: CalledNumber) -> None:
        """Raise NotDialable where [destinations] does not allow this number."""
        rules = self.destinations
        if number.e164.startswith("+"):
            allowed = max(
                (p for p in rules.allow if number.e164.startswith(p)), key=len, default=""
            )
            refused = max(
                (p for p in rules.refuse if number.e164.startswith(p)), key=len, default=""
            )
            if len(refused) >= len(allowed):
                why = f"destinations.refuse has {refused}" if refused else "it is not allowed"
                raise NotDialable(
                    f"{number.e164} is not called: {why}",
                    policy="destination",
                    prefix=refused or None,
                )
        if number.line_type in rules.refuse_line_types:
            words = number.line_type.replace("_", " ")
            raise NotDialable(
                f"{number.e164} is not called: {words}",
                policy="line_type",
                line_type=number.line_type,
            )

    def read(self, text: str, region: str | None = None) -> Reading:
        """What `text`, which is no sip: URI, is. Raises NotDialable.

        `region` is the country in which it is written, where it is not the configured one.
        """
        region = region or self.region
        self._refuse_emergency(text, region)
        bare = digits_of(text)
        if bare is not None and not bare.startswith("+"):
            internal = self._internal(bare)
            if internal is not None:
                return internal
        number = parse_written(text, region)
        if number is None:
            raise NotDialable(
                f"{text!r} is neither a telephone number, a sip: URI nor a configured agent"
            )
        if not self._is_dialable(number):
            raise NotDialable(
                f"{text!r} is read as {number.e164}, and that is not a valid number "
                f"{_of_country(number)}; numbering.valid_except has the exceptions"
            )
        return Reading("number", number.e164, number)

    @classmethod
    def of(cls, settings: Settings) -> "NumberPlan":
        """That of an engine's settings."""
        return cls(settings.dial.default_region, settings.numbering, settings.destinations)

    def number_of(self, text: str) -> CalledNumber | None:
        """The number that dialling `text`, a number or a sip: URI, reaches; None for any other."""
        try:
            if not is_uri(text):
                return self.read(text).number
            uri = parse_uri(text)
            return self.read_user(uri).number if isinstance(uri, SipUri) else None
        except (NotDialable, ParseError):
            return None

    def read_user(self, uri: SipUri, *, trunk: str = "", users: str = "") -> Reading:
        """What the user part of a sip: URI is. Raises NotDialable.

        A gateway dials what it finds in there. At a trunk it is a number, a short code, an
        extension of that trunk, or a name that fits the pattern `users`; else it is refused.
        Elsewhere it is a person. A number that hides in a name counts as that number.
        """
        user = (uri.user or "").partition(";")[0]
        for emergency_text in _spellings(user):
            self._refuse_emergency(emergency_text, self.region)
        bare = _SEPARATORS.sub("", user)
        is_clean = re.fullmatch(r"\+?[0-9]+", bare) is not None
        if trunk:
            if not is_clean and not re2.fullmatch(users, user):
                raise NotDialable(
                    f"{user!r} at trunk {trunk} is no number, and trunks.users does not allow it"
                )
            extension = self._trunk_extension(user, trunk, users)
            if extension is not None:
                return extension
            if is_clean:
                return self.read(bare)
        elif is_clean:
            try:
                return self.read(bare)
            except NotDialable as refusal:
                says_number = (uri.params.get("user") or "").lower() == "phone"
                if says_number or bare.startswith("+") or refusal.data:
                    raise
        hidden = self._hidden_number(user)
        return Reading("person") if hidden is None else Reading("person", hidden.e164, hidden)

    def _trunk_extension(self, user: str, trunk: str, users: str) -> Reading | None:
        """A short number that is no public one, and that the trunk's pattern allows."""
        is_short = re.fullmatch(rf"[0-9]{{2,{_MOST_EXTENSION_DIGITS}}}", user) is not None
        if not is_short or not re2.fullmatch(users, user):
            return None
        if user in self.numbering.short_codes:
            return None
        # Extensions of three or four digits are common, and some are public short numbers as well.
        if len(user) > _LONGEST_SHARED_DIGITS and self._short_code_cost(user) is not None:
            return None
        return Reading("extension", user, None, (trunk,))

    def is_extension(self, text: str) -> bool:
        """Whether `text` is an extension or a short code, and no telephone number."""
        bare = digits_of(text)
        return bare is not None and not bare.startswith("+") and self._internal(bare) is not None

    # -- extensions and short codes -----------------------------------------------------------

    def _internal(self, digits: str) -> Reading | None:
        numbering = self.numbering
        if digits in numbering.short_codes:
            return Reading("short_code", digits, self._short_number(digits))
        if numbering.extension and re2.fullmatch(numbering.extension, digits):
            return Reading("extension", digits, None, tuple(numbering.extension_trunks))
        if any(digits.startswith(prefix) for prefix in self.route_prefixes):
            return Reading("extension", digits, self._behind_outside_line(digits))
        return None

    def _behind_outside_line(self, digits: str) -> CalledNumber | None:
        """The number that a PBX would dial for these digits, if it is one: 9 and a number."""
        for form in _dialled_forms(digits):
            number = parse_written(form, self.region)
            if number is not None and _is_valid(number.e164):
                return number
        return None

    def _short_number(self, digits: str) -> CalledNumber:
        premium = shortnumberinfo.ShortNumberCost.PREMIUM_RATE
        line_type: LineType = (
            "premium_rate" if self._short_code_cost(digits) == premium else "short_code"
        )
        return CalledNumber(digits, self.region, (), line_type)

    def _short_code_cost(self, digits: str) -> int | None:
        """What a public short number costs; None where these digits are none."""
        try:
            number = phonenumbers.parse(digits, self.region)
        except phonenumbers.NumberParseException:
            return None
        if not shortnumberinfo.is_valid_short_number_for_region(number, self.region):
            return None
        return int(shortnumberinfo.expected_cost_for_region(number, self.region))

    # -- numbers ------------------------------------------------------------------------------

    def _is_dialable(self, number: CalledNumber) -> bool:
        if not self.numbering.valid_only or _is_valid(number.e164):
            return True
        return number.e164.startswith(tuple(self.numbering.valid_except))

    def _hidden_number(self, user: str) -> CalledNumber | None:
        """The number that a gateway could find in a user part which is more than a number."""
        letters = sum(character.isalpha() for character in user)
        stripped = _NO_DIGIT.sub("", ascii_digits(user))
        found = [stripped] if len(stripped) > 2 * letters else []
        found += _DIGIT_RUN.findall(ascii_digits(user))
        for digits in found:
            for candidate in _dialled_forms(digits):
                number = parse_written(candidate, self.region)
                if number is not None and _is_valid(number.e164):
                    return number
        return None

    # -- emergency numbers --------------------------------------------------------------------

    def _refuse_emergency(self, text: str, region: str) -> None:
        if self.destinations.emergency:
            return
        if self._is_emergency(text, region):
            raise NotDialable(
                f"{text.strip()} is an emergency number, and destinations.emergency is off",
                policy="destination",
                emergency=True,
            )

    def _is_emergency(self, text: str, region: str) -> bool:
        bare = digits_of(text)
        return bare is not None and any(
            _reaches_emergency(digits, country)
            for digits, country in _as_dialled(bare, {region, self.region})
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


_PUNCTUATION = {"Pd", "Ps", "Pe", "Po", "Zs", "Cf"}


def ascii_digits(text: str) -> str:
    """`text` with digits of any script, and every plus sign, in ASCII."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(
        str(unicodedata.digit(character)) if character.isdigit() else character
        for character in plain
    )


def _spellings(user: str) -> Iterator[str]:
    """The texts that a gateway could read out of a user part."""
    yield user
    stripped = _NO_DIGIT.sub("", ascii_digits(user))
    if stripped and not any(character.isalpha() for character in user):
        yield stripped


def _dialled_forms(digits: str) -> Iterator[str]:
    """What a PBX or gateway may dial for these digits: as they stand, and behind its prefixes."""
    plain = digits.lstrip("+")
    if len(plain) < _FEWEST_NUMBER_DIGITS:
        return
    yield digits
    yield plain
    for prefix in _INTERNATIONAL_PREFIXES:
        if plain.startswith(prefix):
            yield f"+{plain.removeprefix(prefix)}"
    if plain[0] in _OUTSIDE_LINE:
        yield plain[1:]


def _as_dialled(bare: str, regions: set[str]) -> Iterator[tuple[str, str]]:
    """The digits that may reach a local exchange, and the country of that exchange."""
    if not bare.startswith("+"):
        for region in regions:
            yield bare, region
            if bare[0] in _OUTSIDE_LINE:
                yield bare[1:], region
    full = bare if bare.startswith("+") else f"+{bare[2:]}" if bare.startswith("00") else ""
    for length in (1, 2, 3):
        code = full[1 : 1 + length]
        if code.isdigit() and int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            rest = full[1 + length :]
            for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)]:
                for digits in (rest, rest[1:] if rest.startswith("0") else ""):
                    if digits:
                        yield digits, region


@lru_cache(maxsize=4096)
def _reaches_emergency(digits: str, region: str) -> bool:
    """Whether an exchange in `region` connects these digits to an emergency service.

    Longer digits that begin so count as well where they are no valid number there: an exchange may
    connect as soon as it has heard enough.
    """
    if shortnumberinfo.is_emergency_number(digits, region):
        return True
    if not shortnumberinfo.connects_to_emergency_number(digits, region):
        return False
    number = parse_written(digits, region)
    return number is None or not _is_valid(number.e164)


@lru_cache(maxsize=4096)
def _is_valid(e164: str) -> bool:
    """Whether somebody may have the number: its plan has it, and it is not kept for fiction."""
    if _FICTION.fullmatch(e164):
        return False
    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(e164)))
    except phonenumbers.NumberParseException:
        return False


def _of_country(number: CalledNumber) -> str:
    return f"of {number.region}" if number.region else "of any country"
