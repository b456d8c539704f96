"""The number plan: what a text is that somebody wants dialled, and whether it may be dialled.

A text is a telephone number, an extension, a short code, or a person at a host (`sip:`). A text
that is none of these is refused, and so is an emergency number, however it is spelled. Every part
of the engine that dials, or that says what would be dialled, reads texts here.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import re2

from config.all_sections import AllSections
from config.numbering import Numbering
from config.policy import Destinations, LineType
from sip.errors import ParseError
from sip.message.uri import SipUri, parse_uri

from .emergency_numbers import Abroad, hides_emergency, is_emergency
from .phone_number import (
    CalledNumber,
    costly_line_type,
    is_valid,
    is_written,
    lacks_area_code,
    parse_written,
)
from .reading import NoNumber, NotDialable, Reading, is_uri
from .short_number import line_type_of, short_number
from .spellings import (
    FEWEST_NUMBER_DIGITS,
    beginnings,
    dial_strings,
    dialled_forms,
    digits_among_letters,
    digits_of,
    is_scattered,
    numbers_in,
    readings_of_user,
    short_forms,
    without_separators,
)

_CLEAN = re.compile(r"\+?[0-9]+")
_compiled = lru_cache(maxsize=256)(re2.compile)
# An ISDN subaddress is for the one who is called. All other parameters of a number (a context, a
# ported number, a carrier, a trunk group, digits to follow) have a gateway dial something else.
_HARMLESS = re.compile(r"(?i)(isub=.*)?")
_MOST_EXTENSION_DIGITS = 6
_LONGEST_SHARED_DIGITS = 4


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
            allowed = _longest(rules.allow, number)
            refused = _longest(rules.refuse, number)
            if len(refused) >= len(allowed):
                why = f"destinations.refuse has {refused}" if refused else "it is not allowed"
                raise NotDialable(
                    f"{number.e164} is not called: {why}",
                    policy="destination",
                    prefix=refused or None,
                )
        if number.line_type in rules.refuse_line_types:
            raise NotDialable(
                f"{number.e164} is not called: {_words(number.line_type)}",
                policy="line_type",
                line_type=number.line_type,
            )

    def check_for_visitors(self, number: CalledNumber, site: str) -> None:
        """Raise NotDialable where [destinations] does not allow this number for a visitor of a
        site, who may be anybody."""
        rules = self.destinations
        own = rules.allow_visitors_of.get(site, [])
        allowed = _longest((*rules.allow, *own), number)
        refused = _longest(rules.refuse_visitors, number)
        if len(refused) > len(allowed):
            raise NotDialable(
                f"{number.e164} is not called for visitors of sites: "
                f"destinations.refuse_visitors has {refused}",
                policy="destination",
                prefix=refused,
            )

    def read(
        self, text: str, region: str | None = None, *, needs_area_code: bool = True
    ) -> Reading:
        """What `text`, which is no sip: URI, is. Raises NotDialable.

        `region` is the country in which it is written, where it is not the configured one. People
        leave area codes away; trunks, which say who calls, do not (`needs_area_code`).
        """
        region = region or self.region
        bare = digits_of(text)
        is_configured = bare is not None and self._is_configured(bare)
        self._refuse_emergency(text, region, "none" if is_configured else "all")
        if bare is not None and is_written(text):
            internal = self._internal(bare)
            if internal is not None:
                return internal
        number = parse_written(text, region)
        if number is None:
            raise NoNumber(
                f"{text!r} is neither a telephone number, a sip: URI nor a configured agent"
            )
        if not self._is_dialable(number):
            raise NoNumber(
                f"{text!r} is read as {number.e164}, and that is not a valid number "
                f"{_of_country(number)}; numbering.valid_except has the exceptions"
            )
        if self.numbering.valid_only and needs_area_code and lacks_area_code(text, region):
            raise NoNumber(
                f"{text!r} may lack its area code; as {number.e164} it is written with 0 or +"
            )
        if number.line_type == "unknown":
            costly = costly_line_type(number.e164)
            number = number if costly is None else replace(number, line_type=costly)
        return Reading("number", number.e164, number)

    @classmethod
    def of(cls, settings: AllSections) -> "NumberPlan":
        """That of an engine's settings."""
        return cls(settings.dial.default_region, settings.numbering, settings.destinations)

    def number_of(self, text: str) -> CalledNumber | None:
        """The number that dialling `text`, a number or a sip: URI, reaches; None for any other."""
        try:
            if not is_uri(text):
                return self.read(text, needs_area_code=False).number
            uri = parse_uri(text)
            return self.read_user(uri).number if isinstance(uri, SipUri) else None
        except (NotDialable, ParseError):
            return None

    def read_user(self, uri: SipUri, *, trunk: str = "", users: str = "") -> Reading:
        """What the user part of a sip: URI is. Raises NotDialable.

        A gateway dials what it finds in there. At a trunk it is a number, a short code, an
        extension of that trunk, or a name that fits the pattern `users`; else it is refused.
        Elsewhere it is a person. A number that hides in a name counts as that number; for
        emergency numbers in names see `check_name`.
        """
        user, _, parameters = (uri.user or "").partition(";")
        if not user.isprintable():  # bytes that are no UTF-8 are not, either
            raise NotDialable("the URI has a user part that cannot be printed")
        if is_scattered(user):
            raise NotDialable("the URI has digits in too many places of its user part")
        bare = without_separators(user)
        readings = tuple(readings_of_user(user))
        for text in readings:
            self._refuse_emergency(text, self.region, self._abroad_of(bare, trunk))
        steers = [one for one in parameters.split(";") if not _HARMLESS.fullmatch(one)]
        if steers or uri.password is not None:
            what = f"{steers[0]!r} in its user part" if steers else "a password"
            raise NotDialable(f"the URI has {what}, which could change who is dialled")
        is_clean = _CLEAN.fullmatch(bare) is not None
        if trunk:
            if not is_clean and not _compiled(users).fullmatch(user):
                raise NotDialable(
                    f"{user!r} at trunk {trunk} is no number, and trunks.users does not allow it"
                )
            hidden = digits_among_letters(user)
            if len(hidden) >= FEWEST_NUMBER_DIGITS or self._public_line(hidden):
                raise NotDialable(f"{user!r} at trunk {trunk} has a number among letters")
            extension = self._trunk_extension(user, trunk, users)
            if extension is not None:
                return extension
            if is_clean:
                return self._as_sent(bare)
        elif is_clean:
            try:
                return self._as_sent(bare)
            except NotDialable as refusal:
                says_number = (uri.params.get("user") or "").lower() == "phone"
                is_short = len(bare) <= _LONGEST_SHARED_DIGITS
                if says_number or bare.startswith("+") or (refusal.data and not is_short):
                    raise
        hidden_digits = dial_strings(user)
        for text in (*readings, *hidden_digits):
            bare = text.lstrip("+")
            if len(bare) > _LONGEST_SHARED_DIGITS and bare.isdigit():
                self.check_short(bare)
        number, also = self._valid((*numbers_in(user), *hidden_digits))
        return Reading("person", number.e164 if number else "", number, (), also)

    def _as_sent(self, digits: str) -> Reading:
        """The reading of digits that are sent as they stand, and not in full."""
        reading = self.read(digits)
        if reading.kind != "number" or digits.startswith("+"):
            return reading
        _number, also = self._valid([digits])
        return replace(reading, also=also)

    def _trunk_extension(self, user: str, trunk: str, users: str) -> Reading | None:
        """A short number that is no public one, and that the trunk's pattern allows."""
        if self._is_configured(user, trunk):
            is_code = user in self.numbering.short_codes
            return None if is_code else Reading("extension", user, None, (trunk,))
        is_short = re.fullmatch(rf"[0-9]{{2,{_MOST_EXTENSION_DIGITS}}}", user) is not None
        if not is_short or not _compiled(users).fullmatch(user):
            return None
        return None if self._public_line(user) else Reading("extension", user, None, (trunk,))

    def is_extension(self, text: str) -> bool:
        """Whether `text` is an extension or a short code, and no telephone number."""
        bare = digits_of(text)
        try:
            return bare is not None and self._internal(bare) is not None
        except NotDialable:
            return False

    def check_name(self, uri: SipUri) -> None:
        """Raise NotDialable for a name such as `x112`: a gateway could dial the digits in it."""
        user = (uri.user or "").partition(";")[0]
        if self.destinations.emergency or _CLEAN.fullmatch(without_separators(user)):
            return
        regions = frozenset((self.region,))
        for digits in dial_strings(user):
            if any(hides_emergency(form, regions) for form in short_forms(digits.lstrip("+"))):
                raise _emergency(user)

    # -- extensions and short codes -----------------------------------------------------------

    def _internal(self, digits: str) -> Reading | None:
        """What digits are inside: a short code, an extension; None where they are neither.

        Raises NotDialable for a public short number that the configuration does not have.
        """
        numbering = self.numbering
        if digits.startswith("+"):
            return None
        if digits in numbering.short_codes:
            return Reading("short_code", digits, short_number(digits, self.region))
        if numbering.extension and _compiled(numbering.extension).fullmatch(digits):
            return Reading("extension", digits, None, tuple(numbering.extension_trunks))
        self.check_short(digits)
        if any(digits.startswith(prefix) for prefix in self.route_prefixes):
            number, also = self._valid([digits])
            if number is None and len(digits) > _MOST_EXTENSION_DIGITS:
                raise NoNumber(
                    f"{digits} reaches no valid number, and has too many digits for an extension "
                    "of a route; where it is one, numbering.extension must say so"
                )
            return Reading("extension", digits, number, (), also)
        return None

    def _is_configured(self, digits: str, trunk: str = "") -> bool:
        """Whether [numbering] says that digits are a short code, or an extension (of `trunk`)."""
        numbering = self.numbering
        if digits in numbering.short_codes:
            return True
        if not numbering.extension or not _compiled(numbering.extension).fullmatch(digits):
            return False
        return not trunk or not numbering.extension_trunks or trunk in numbering.extension_trunks

    def _public_line(self, digits: str) -> LineType | None:
        """The line type of a public short number; None where digits are rather an extension.

        Extensions of up to four digits are common: they are public only where that is dear.
        """
        for form in short_forms(digits):
            line_type = line_type_of(form, self.region)
            is_long = len(form) > _LONGEST_SHARED_DIGITS
            if line_type == "premium_rate" or (line_type is not None and is_long):
                return line_type
        return None

    def check_short(self, digits: str) -> None:
        """Raise NotDialable for a public short number."""
        line_type = self._public_line(digits)
        if line_type is not None:
            policy = {"policy": "line_type"} if line_type == "premium_rate" else {}
            raise NotDialable(
                f"{digits} is a public short number ({_words(line_type)}), and "
                "numbering.short_codes does not have it",
                **policy,
                line_type=line_type,
            )

    # -- numbers ------------------------------------------------------------------------------

    def _is_dialable(self, number: CalledNumber) -> bool:
        if not self.numbering.valid_only or is_valid(number.e164):
            return True
        return number.e164.startswith(tuple(self.numbering.valid_except))

    def _valid(self, found: Iterable[str]) -> tuple[CalledNumber | None, tuple[CalledNumber, ...]]:
        """The valid numbers that a PBX or gateway could dial for these digits: one, and others.

        Of digits that are too many for a number, those at the beginning count.
        """
        forms = dict.fromkeys(form for digits in found for form in dialled_forms(digits))
        whole = {form: self._valid_number(form) for form in forms}
        numbers = [number for number in whole.values() if number is not None]
        for form in (form for form, number in whole.items() if number is None):
            shorter = (self._valid_number(one) for one in beginnings(form))
            numbers += [one for one in shorter if one is not None][:1]
        first, *others = dict.fromkeys(numbers) or (None,)
        return first, tuple(one for one in others if one is not None)

    def _valid_number(self, text: str) -> CalledNumber | None:
        number = parse_written(text, self.region)
        return number if number is not None and is_valid(number.e164) else None

    # -- emergency numbers --------------------------------------------------------------------

    def _abroad_of(self, digits: str, trunk: str) -> Abroad:
        """Which emergency numbers of other countries count in the user part of a URI."""
        if self._is_configured(digits, trunk):
            return "none"
        return "all" if trunk else "well_known"

    def _refuse_emergency(self, text: str, region: str, abroad: Abroad) -> None:
        if self.destinations.emergency:
            return
        if is_emergency(text, frozenset((region, self.region)), abroad):
            raise _emergency(text)


def _emergency(text: str) -> NotDialable:
    return NotDialable(
        f"{text.strip()} is an emergency number, and destinations.emergency is off; where it is "
        "an extension, numbering.extension must say so",
        policy="destination",
        emergency=True,
    )


def _longest(prefixes: Iterable[str], number: CalledNumber) -> str:
    """The longest of the prefixes with which the number begins; "" where it begins with none."""
    return max((one for one in prefixes if number.e164.startswith(one)), key=len, default="")


def _words(line_type: str | None) -> str:
    return (line_type or "unknown").replace("_", " ")


def _of_country(number: CalledNumber) -> str:
    return f"of {number.region}" if number.region else "of any country"
