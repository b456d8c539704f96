"""[detection]: whether it is told who or what has answered, and what follows."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from .errors import wrong
from .languages import Language
from .section import Section
from .sounds import FILE
from .values import Printable, Template

MOST_PHRASES = 200
"""Of one language, in all: as many as a recogniser takes."""
MAX_PHRASE_CHARACTERS = 100

Follow = Literal["join", "hangup", "message", "retry"]
"""The agent gets the customer; or the call ends; or a message is left; or it is tried again."""


class DetectionRule(Section):
    """`detect` of a rule: what it says in place of [detection]."""

    enabled: bool = True
    wait: bool | None = None
    voicemail: Follow | None = None
    ivr: Follow | None = None
    screening: Follow | None = None
    fax: Follow | None = None
    silence: Follow | None = None
    unknown: Follow | None = None
    message: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    language: Annotated[Language, Field(min_length=1)] | None = None


class DetectionLimits(Section):
    """[detection.limits]: by which timing it is told. All are milliseconds."""

    initial_silence_ms: int = Field(default=4000, ge=500, le=60_000)
    greeting_ms: int = Field(default=4100, ge=500, le=60_000)
    fluent_ms: int = Field(default=1800, ge=500, le=60_000)
    fluent_greeting_ms: int = Field(default=3300, ge=500, le=60_000)
    word_pause_ms: int = Field(default=440, ge=100, le=10_000)
    short_pause_ms: int = Field(default=720, ge=100, le=10_000)
    long_pause_ms: int = Field(default=1800, ge=100, le=10_000)
    min_word_ms: int = Field(default=60, ge=20, le=1000)
    between_words_ms: int = Field(default=300, ge=20, le=5000)
    max_phrases: int = Field(default=3, ge=1, le=100)
    total_ms: int = Field(default=6000, ge=1000, le=60_000)
    machine_ms: int = Field(default=30_000, ge=1000, le=120_000)
    wait_ms: int = Field(default=2600, ge=500, le=30_000)
    question_ms: int = Field(default=7500, ge=500, le=60_000)
    min_beep_ms: int = Field(default=180, ge=60, le=5000)
    max_beep_ms: int = Field(default=2500, ge=60, le=10_000)
    words_ms: int = Field(default=500, ge=0, le=5000)

    @model_validator(mode="after")
    def _check(self) -> "DetectionLimits":
        if not self.word_pause_ms <= self.short_pause_ms <= self.long_pause_ms:
            raise wrong("short_pause_ms", "must be between word_pause_ms and long_pause_ms")
        if self.min_beep_ms > self.max_beep_ms:
            raise wrong("max_beep_ms", "must not be shorter than min_beep_ms")
        return self


_Phrases = Annotated[
    list[Annotated[Printable, Field(min_length=1, max_length=MAX_PHRASE_CHARACTERS)]],
    Field(max_length=MOST_PHRASES // 4),
]


class DetectionPhrases(Section):
    """[[detection.phrases]]: what is said in a language, and who says so."""

    language: Language = Field(min_length=1)
    human: _Phrases = Field(default=[])
    voicemail: _Phrases = Field(default=[])
    ivr: _Phrases = Field(default=[])
    screening: _Phrases = Field(default=[])

    @model_validator(mode="after")
    def _check(self) -> "DetectionPhrases":
        if not (self.human or self.voicemail or self.ivr or self.screening):
            raise wrong("language", f"no phrases are given for {self.language!r}")
        return self


class Detection(Section):
    """[detection]: for callbacks that do not say it themselves, and for the calls of trunks."""

    enabled: bool = False
    wait: bool = True
    human: Literal["join"] = "join"
    voicemail: Follow = "retry"
    ivr: Follow = "join"
    screening: Follow = "join"
    fax: Follow = "hangup"
    silence: Follow = "join"
    unknown: Follow = "join"
    message: Template = ""
    words: bool = False
    phrases: list[DetectionPhrases] = Field(default=[], max_length=100)
    limits: DetectionLimits = DetectionLimits()

    @model_validator(mode="after")
    def _check(self) -> "Detection":
        labels = ("voicemail", "ivr", "screening", "fax", "silence", "unknown")
        if not self.message:
            for label in labels:
                if getattr(self, label) == "message":
                    raise wrong("message", f"needed: what is left with {label}?")
        if self.message == FILE:
            raise wrong("message", "names no file")
        languages = [one.language.lower() for one in self.phrases]
        if len(set(languages)) < len(languages):
            raise wrong("phrases", "a language has more than one entry")
        return self

    def sounds(self) -> Iterator[tuple[str, str]]:
        """The sound file that it names, with its key."""
        if self.message.startswith(FILE):
            yield "detection.message", self.message.removeprefix(FILE)
