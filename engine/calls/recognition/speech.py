"""What is listened for, what was heard, and who is told."""

from dataclasses import dataclass
from typing import Final, Protocol

from media.recognition.vocabulary import Vocabulary

MIN_CONFIDENCE: Final = 0.4


@dataclass(frozen=True, slots=True)
class WantedSpeech:
    """`words` are the phrases that may be said, and with `digits` any row of digits; without both,
    anything. `language` "": that of the configuration. What is heard with less than
    `min_confidence` counts as no word. Where words are `is_spotted`, anything may be said before
    and after each.
    """

    words: tuple[str, ...] = ()
    digits: bool = False
    language: str = ""
    min_confidence: float = MIN_CONFIDENCE
    is_spotted: bool = False

    @property
    def vocabulary(self) -> Vocabulary:
        """It, as recognisers take it."""
        return Vocabulary(self.words, self.digits, self.is_spotted)


@dataclass(frozen=True, slots=True)
class HeardSpeech:
    """What the party has said, or (`is_final` False) seems to say so far.

    `word` is what of the wanted words it is, or the digits in figures; None: none of them.
    `confidence` is from 0 to 1, None where the recogniser says none. The times are since the
    recognition began.
    """

    text: str
    word: str | None
    confidence: float | None
    is_final: bool
    from_ms: int
    to_ms: int

    def __repr__(self) -> str:
        """Without the words, so that no log can have them."""
        return f"HeardSpeech({len(self.text)} characters, {self.is_final=})"


class SpeechListener(Protocol):
    """Is told what a party says."""

    def speech_began(self) -> None:
        """The party has begun to speak: a prompt may be cut short."""

    def speech_heard(self, heard: HeardSpeech) -> None:
        """The party has said this, or seems to."""

    def recognition_over(self, reason: str, *, has_failed: bool) -> None:
        """Recognition has ended by itself, without a `stop` from whoever began it."""
