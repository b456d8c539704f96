"""How a trunk writes numbers, and how they are rewritten on their way to it and from it.

Inside, a number is always in full (`+442079460000`): the dial policy, the lists, the rates, events
and reports know this form alone. What a trunk is sent is written last of all; what it sends is
rewritten before anything reads it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import phonenumbers

from config.trunk_numbers import NumberFormat, NumberRewriting, OutgoingNumbers

from ..numbers.emergency_numbers import hides_emergency, is_emergency
from ..numbers.number_plan import NumberPlan
from ..numbers.phone_number import CalledNumber, is_valid, parse_written
from ..numbers.reading import NotDialable, Reading
from ..numbers.spellings import dialled_forms, digits_of, readings_of_user, without_separators

_SENT: Final = re.compile(r"\+?[0-9*#]+")
_RECEIVED: Final = re.compile(r"[0-9*#+]+")

Allow = Callable[[CalledNumber], None]
"""Raises NotDialable for a number that may not be dialled."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """How one kind of number is written: in this format of `region`, stripped, and prepended."""

    region: str
    format: NumberFormat | None = None
    strip: int | str = 0
    prepend: str = ""

    @property
    def changes_nothing(self) -> bool:
        """Whether numbers are left as they are."""
        return self.format is None and self.is_format_alone

    @property
    def is_format_alone(self) -> bool:
        """Whether it writes the same number, and nothing before it."""
        return not self.strip and not self.prepend

    def written(self, number: str) -> str:
        """What a trunk is sent for a number in full: formatted, then stripped, then prepended."""
        return self.affixed(formatted(number, self.format, self.region))

    def affixed(self, text: str) -> str:
        """The text without what is stripped, behind what is prepended."""
        if isinstance(self.strip, int):
            return self.prepend + text[self.strip :]
        return self.prepend + text.removeprefix(self.strip)

    def read(self, text: str) -> str:
        """What a trunk means by `text`: stripped, prepended, then read as the trunk writes numbers.

        A number is in full then. A text that is none, such as a name, is left as it is.
        """
        bare = without_separators(text)
        if self.changes_nothing or not _RECEIVED.fullmatch(bare):
            return text
        bare = self.affixed(bare)
        number: CalledNumber | None = None
        if self.format == "e164" and not bare.startswith("+"):
            number = parse_written(f"+{bare}", self.region)
        elif self.format == "national":
            number = parse_written(bare, self.region)
            if number is not None and not is_valid(number.e164):
                number = None
        return bare if number is None else number.e164


def formatted(number: str, form: NumberFormat | None, region: str) -> str:
    """A number in full (`+442079460000`) as a trunk in `region` wants it written.

    A national trunk gets the numbers of other countries behind the prefix for calls abroad.
    """
    if form == "e164":
        return number.removeprefix("+")
    if form != "national":
        return number
    parsed = phonenumbers.parse(number)
    if parsed.country_code == phonenumbers.country_code_for_region(region):
        text = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    else:
        text = phonenumbers.format_out_of_country_calling_number(parsed, region)
    return phonenumbers.normalize_digits_only(text)


@dataclass(frozen=True, slots=True)
class IncomingNumbers:
    """How the numbers that come in by one trunk are read: what was dialled, and who calls."""

    called: Rewriting
    caller: Rewriting

    @classmethod
    def of(cls, settings: NumberRewriting | None, region: str) -> "IncomingNumbers":
        """That of a trunk. `region` is that of trunks without one of their own."""
        settings = settings or NumberRewriting()
        return cls(_called(settings, region), _caller(settings, region))


@dataclass(frozen=True, slots=True)
class SentNumbers:
    """How the numbers that one trunk is sent are written: who is called, and the caller id."""

    trunk: str
    called: Rewriting
    caller: Rewriting
    extensions: bool

    @classmethod
    def of(cls, trunk: str, settings: OutgoingNumbers | None, region: str) -> "SentNumbers | None":
        """That of a trunk; None where it sets none."""
        if settings is None:
            return None
        called, caller = _called(settings, region), _caller(settings, region)
        return cls(trunk, called, caller, settings.extensions)

    def written(self, reading: Reading, plan: NumberPlan, allow: Allow) -> str:
        """What is dialled at the trunk for a reading that may be dialled.

        Raises NotDialable where the trunk could read something in it that may not be dialled:
        `allow` is asked about each number, and raises it as well.
        """
        if reading.kind == "number":
            sent = self.called.written(reading.digits)
        elif self.extensions:
            sent = self.called.affixed(reading.digits)
        else:
            sent = reading.digits
        if sent != reading.digits:
            try:
                self._check(sent, reading, plan, allow)
            except NotDialable as refusal:
                reason = f"trunk {self.trunk} would be sent {sent!r} for {reading.digits}: "
                raise NotDialable(reason + refusal.reason, **refusal.data) from refusal
        return sent

    def written_caller(self, caller_id: str) -> str:
        """The caller id as the trunk is told it; one that is no number is left as it is."""
        if self.caller.changes_nothing:
            return caller_id
        number = parse_written(caller_id, self.caller.region)
        if number is None or not (is_valid(number.e164) or caller_id.startswith("+")):
            return caller_id
        return self.caller.written(number.e164)

    def _check(self, sent: str, reading: Reading, plan: NumberPlan, allow: Allow) -> None:
        if not _SENT.fullmatch(sent):
            raise NotDialable("that cannot be dialled")
        regions = frozenset((plan.region, self.called.region))
        is_plain = self.called.is_format_alone and reading.kind == "number"
        for text in readings_of_user(sent):
            if not plan.destinations.emergency and _is_emergency(text, regions, plan, is_plain):
                reason = "that is an emergency number, or begins like one"
                raise NotDialable(reason, policy="destination", emergency=True)
            if is_plain:  # the same number, in the form that the trunk reads
                continue
            for region in sorted(regions):
                _check_short(text, reading, replace(plan, region=region))
                for number in _numbers_in(text, region):
                    if number.e164 != reading.digits:
                        allow(number)


def _is_emergency(text: str, regions: frozenset[str], plan: NumberPlan, is_plain: bool) -> bool:
    """Whether digits could reach an emergency service. A valid number in another form is looked at
    as a whole: it need not begin otherwise than an emergency number of some country."""
    if is_plain:
        bare = digits_of(text)
        return bare is not None and hides_emergency(bare, regions)
    return is_emergency(text, regions, "none" if plan.is_extension(text) else "all")


def _check_short(text: str, reading: Reading, plan: NumberPlan) -> None:
    """Raise NotDialable for a public short number that is not what was asked for."""
    bare = digits_of(text)
    if bare is not None and bare != reading.digits and not plan.is_extension(bare):
        plan.check_short(bare.lstrip("+"))


def _numbers_in(text: str, region: str) -> Iterator[CalledNumber]:
    """The valid numbers that digits may be read as."""
    for form in dialled_forms(text):
        number = parse_written(form, region)
        if number is not None and is_valid(number.e164):
            yield number


def _called(settings: NumberRewriting, region: str) -> Rewriting:
    region = settings.region or region
    return Rewriting(region, settings.format, settings.strip, settings.prepend)


def _caller(settings: NumberRewriting, region: str) -> Rewriting:
    form = settings.caller_format or settings.format
    region = settings.region or region
    return Rewriting(region, form, settings.caller_strip, settings.caller_prepend)
