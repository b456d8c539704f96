"""What a script asks for, and what it is told of it.

A machine gives one action at a time, and goes on with the answer to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from config.scripts import StepKind
from config.streams import Fallback, shown_url

EndWord: TypeAlias = Literal[
    "connect", "transfer", "hangup", "callback", "voicemail", "no_input", "no_match", "failed",
    "refused", "max_steps", "max_s", "hung_up", "stopped",
]  # fmt: skip
"""How a script ended, in one word."""
_NO_FALLBACK: Final = Fallback()


# -- what it asks for -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """Let the party hear a text, or "file:PATH". The answer is Done."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Let the party hear the texts, and gather keys. The answer is Keys, or Spoken.

    `key_names` are the single keys that mean something, "" where digits are entered. One of `words`
    may be said in their place, with `spoken` the digits. With `secret` nobody else may know them.
    `is_again`: the answer before did not fit.
    """

    texts: tuple[str, ...]
    key_names: str = ""
    words: tuple[str, ...] = ()
    spoken: bool = False
    min_digits: int = 1
    max_digits: int = 1
    terminator: str = ""
    first_digit_s: float = 6.0
    between_digits_s: float = 3.0
    barge_in: bool = True
    secret: bool = False
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class FindSlots:
    """Find `most` times from now on at which a callback may be made. The answer is Slots, or
    Failed. `number` "": that of the party."""

    queue: str
    number: str
    most: int
    slot_s: float


@dataclass(frozen=True, slots=True)
class CallBack:
    """Have the party called back. The answer is Done, or Failed.

    `number` is what they have keyed in, "": their own. `not_before` None: as soon as it may be;
    else in the slot of `slot_s` seconds that begins then.
    """

    number: str
    queue: str
    not_before: float | None
    slot_s: float = 0.0

    def __repr__(self) -> str:
        """Without the number, which may be secret."""
        return f"CallBack(queue={self.queue!r}, not_before={self.not_before})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Record a message of the party, after a tone. The answer is Done, or Failed."""

    queue: str
    max_s: float
    terminator: str
    calls_back: bool


@dataclass(frozen=True, slots=True)
class Rate:
    """Keep the rating. The answer is Done, or Failed."""

    rating: int


@dataclass(frozen=True, slots=True)
class Connect:
    """The script is over, and what it was put before goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Connect the party with one of these. The script is over, unless the answer is Failed."""

    queue: str = ""
    agent: str = ""
    number: str = ""
    stream: str = ""
    fallback: Fallback = _NO_FALLBACK
    max_wait_s: float = 30.0

    @property
    def target(self) -> str:
        """Whom, for people: a service without the query of its URL."""
        return self.queue or self.agent or self.number or shown_url(self.stream)


@dataclass(frozen=True, slots=True)
class HangUp:
    """The script is over, and the party is hung up: one word and a sentence why."""

    word: EndWord
    cause: str


Action: TypeAlias = Say | Ask | FindSlots | CallBack | Record | Rate | Connect | Transfer | HangUp
Ending: TypeAlias = Connect | Transfer | HangUp
"""What no step follows, except where a transfer fails."""


# -- what it is told ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Done:
    """It was done, or heard."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It was not: why, for a person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Keys:
    """The party has pressed these, without the terminator. `is_too_few`: less than were wanted."""

    digits: str
    is_too_few: bool = False

    def __repr__(self) -> str:
        """Without the digits, so that no log can have them."""
        return f"Keys({len(self.digits)} digits)"


@dataclass(frozen=True, slots=True)
class Spoken:
    """The party has said one of the words."""

    word: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A time that is offered: its beginning (Unix seconds), and the words for it."""

    at: float
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Slots:
    """The times that there are; none: there are none."""

    slots: tuple[Slot, ...]


Answer: TypeAlias = Done | Failed | Keys | Spoken | Slots


@dataclass(frozen=True, slots=True)
class Entered:
    """A step that was entered."""

    step: str
    kind: StepKind
