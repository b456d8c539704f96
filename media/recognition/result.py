"""What a recogniser says of the sound that it gets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

MAX_TEXT_CHARACTERS: Final = 1000


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The party has begun to speak."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What the party has said, or (`is_final` False) seems to say so far.

    `confidence` is from 0 to 1; None where the recogniser says none. The times are in the sound
    that it was fed; None where it says none.
    """

    text: str
    is_final: bool = True
    confidence: float | None = None
    from_ms: int | None = None
    to_ms: int | None = None


Result: TypeAlias = SpeechStarted | Recognised
OnResult: TypeAlias = Callable[[Result], None]


class RecogniserFailed(Exception):
    """The recogniser cannot go on; the message is the reason, on one line."""


class Recogniser(Protocol):
    """Recognises the speech of one party: is fed frames, and calls its OnResult."""

    def feed(self, frame: bytes) -> None:
        """The next 20 ms: int16, little endian, one channel, at the rate that was agreed."""

    async def run(self) -> None:
        """Go on until it is over, or cancelled. Raises RecogniserFailed."""
