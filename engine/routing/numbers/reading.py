"""What a text is read as that somebody wants dialled, and why it is not dialled."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from config.policy import LineType

from ...errors import EngineError
from .phone_number import CalledNumber

Kind = Literal["number", "extension", "short_code", "person", "agent"]

_SIP = re.compile(r"sips?:", re.IGNORECASE)


class ReadingView(TypedDict):
    """What a party is read as."""

    kind: Kind
    """What it is."""
    digits: str | None
    """What is dialled: a number in full, an extension, a short code; else null."""
    trunks: list[str]
    """The trunks that have the extension; empty where the routes say."""
    line_type: LineType | None
    """The kind of line, where it is a number or a short code."""
    words: str
    """The same for a person."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text was read as. `digits` are dialled: E.164, an extension, or a short code.

    `also` are further numbers that a PBX or gateway could find in it: each has to be allowed.
    """

    kind: Kind
    digits: str = ""
    number: CalledNumber | None = None
    trunks: tuple[str, ...] = ()  # where an extension belongs; (): the routes say
    also: tuple[CalledNumber, ...] = ()

    @property
    def numbers(self) -> tuple[CalledNumber, ...]:
        """Every number that dialling it could reach."""
        return self.also if self.number is None else (self.number, *self.also)

    def describe(self) -> str:
        """The reading in words, for a person."""
        if self.kind == "number":
            return f"the number {self.digits}"
        if self.kind == "extension":
            return f"the extension {self.digits} of {', '.join(self.trunks) or 'a route'}"
        if self.kind == "short_code":
            return f"the short code {self.digits}"
        if self.kind == "agent":
            return "an agent"
        return "a person" if self.number is None else f"a person at the number {self.digits}"

    def view(self) -> "ReadingView":
        """The reading as replies have it."""
        return {
            "kind": self.kind,
            "digits": self.digits or None,
            "trunks": list(self.trunks),
            "line_type": None if self.number is None else self.number.line_type,
            "words": self.describe(),
        }


def is_uri(text: str) -> bool:
    """Whether `text` is written as a sip: or sips: URI."""
    return _SIP.match(text) is not None


class NotDialable(Exception):
    """A text that is not dialled. `reason` is a sentence; `data` names a policy that refuses."""

    def __init__(self, reason: str, /, **data: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.data = data

    def naming(self, field: str) -> EngineError:
        """The error `refused` that names the parameter `field`."""
        return EngineError("refused", self.reason, field, self.data)


class NoNumber(NotDialable):
    """What was written is no number that can be dialled, and nothing else to dial either."""

    def naming(self, field: str) -> EngineError:
        """The error `refused`; its data says that this is why."""
        return EngineError("refused", self.reason, field, {"reason": "no_number"})


@contextmanager
def refused(field: str) -> Iterator[None]:
    """Raise what is NotDialable inside as EngineError `refused`, naming the parameter `field`."""
    try:
        yield
    except NotDialable as refusal:
        raise refusal.naming(field) from refusal
