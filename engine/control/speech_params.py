"""What clients say of the words that are listened for."""

from typing import Annotated

from msgspec import Meta, field

from media.recognition.vocabulary import MAX_PHRASE_CHARACTERS, MOST_PHRASES, words_of

from ..calls.recognition.speech import MIN_CONFIDENCE, WantedSpeech
from ..errors import BadParams
from ..request import Params

Phrase = Annotated[str, Meta(min_length=1, max_length=MAX_PHRASE_CHARACTERS)]


class SpeechRequest(Params):
    """What is listened for: `words` that may be said, with `digits` rows of digits; else anything.

    `language` is a tag, such as "en" or "de-AT"; "": that of the configuration.
    """

    words: Annotated[list[Phrase], Meta(max_length=MOST_PHRASES)] = field(default_factory=list)
    digits: bool = False
    language: Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9-]*$")] = ""
    min_confidence: Annotated[float, Meta(ge=0, le=1)] = MIN_CONFIDENCE

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for index, phrase in enumerate(self.words):
            words = " ".join(words_of(phrase))
            if not words or not phrase.isprintable():
                raise BadParams(f"words[{index}]", "must be words")
            if words in seen:
                raise BadParams(f"words[{index}]", "is there twice")
            seen.add(words)

    def wanted(self) -> WantedSpeech:
        """It, as gathers and recognitions take it."""
        return WantedSpeech(tuple(self.words), self.digits, self.language, self.min_confidence)
