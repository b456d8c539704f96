"""What a detector finds out."""

from dataclasses import dataclass
from typing import TypeAlias

from ..detection_limits import Label, Reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who or what has answered. Times are ms since the answer.

    `greeting_ms` is from the first word to the last one, `phrases` how many there were with a
    pause between them, `beep_ms` when the beep of a mailbox ended.
    """

    label: Label
    after_ms: int
    reason: Reason
    initial_silence_ms: int = 0
    greeting_ms: int = 0
    phrases: int = 0
    beep_ms: int | None = None


@dataclass(frozen=True, slots=True)
class MachineHeard:
    """It is no person; which machine it is will be known later."""

    after_ms: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Beep:
    """A single tone that has ended, of a length and a frequency as the beeps of mailboxes."""

    after_ms: int
    duration_ms: int
    hz: int


Finding: TypeAlias = Verdict | MachineHeard | Beep
