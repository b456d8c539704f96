"""The messages about who or what has answered a leg. They are part of messages.py."""

from typing import TypeAlias

import msgspec

from ..detection_limits import DetectionLimits, Label, Reason
from ..detection_phrases import Phrases


class Detect(msgspec.Struct, array_like=True, tag=24):
    """Tell from now on who or what speaks on a leg, by these limits. Events follow.

    With `phrases` a recogniser listens, too: HearWords has what it hears.
    """

    leg: str
    limits: DetectionLimits
    phrases: Phrases | None = None


class StopDetecting(msgspec.Struct, array_like=True, tag=25):
    """It is of no interest any more."""

    leg: str


class HearWords(msgspec.Struct, array_like=True, tag=26):
    """A recogniser has heard this on a leg, or (not `is_final`) seems to. None: it has gone."""

    leg: str
    text: str | None
    is_final: bool = True

    def __repr__(self) -> str:
        """Without the words, so that no log can have them."""
        return f"HearWords({self.leg!r}, {len(self.text or '')} characters)"


class Detected(msgspec.Struct, array_like=True, tag=114):
    """The verdict, once for each Detect. Times are ms since then, as media/detection has them."""

    leg: str
    label: Label
    after_ms: int
    reason: Reason
    greeting_ms: int = 0
    phrases: int = 0


class MachineSuspected(msgspec.Struct, array_like=True, tag=115):
    """It is no person; Detected will say which machine it is."""

    leg: str
    after_ms: int
    reason: Reason


class BeepHeard(msgspec.Struct, array_like=True, tag=116):
    """The beep of a mailbox has ended."""

    leg: str
    after_ms: int
    duration_ms: int
    hz: int


DetectionCommand: TypeAlias = Detect | StopDetecting | HearWords
DetectionEvent: TypeAlias = Detected | MachineSuspected | BeepHeard
