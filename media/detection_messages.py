"""The messages about who or what has answered a leg. They are part of messages.py."""

import msgspec

from .detection_limits import DetectionLimits, Label, Reason


class Detect(msgspec.Struct, array_like=True, tag=24):
    """Tell from now on who or what speaks on a leg, by these limits. Events follow."""

    leg: str
    limits: DetectionLimits


class StopDetecting(msgspec.Struct, array_like=True, tag=25):
    """It is of no interest any more."""

    leg: str


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
