"""[[inbound]] and [[rooms]]: which calls come in, where they wait, what callers hear."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from .errors import wrong
from .languages import Language
from .music import STREAM
from .section import Section
from .sounds import FILE
from .spoken import Spoken, Texts, VoiceName, check_path, split_voice
from .values import Name, NumberPrefix, OptionalPath, PhoneKey, Seconds, Template

Interval = Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)]


def _check_periodic(announcements: list[str]) -> list[str]:
    if not all(announcements):
        raise wrong("", "an announcement is empty")
    return announcements


Periodic = Annotated[list[Spoken], AfterValidator(_check_periodic)]


class Wording(Section):
    """[rooms.languages.TAG]: what is said in another language, in place of what the room says."""

    voice: VoiceName = ""
    welcome: Spoken = ""
    periodic_announce: Periodic = Field(default=[])
    texts: Texts = Texts()

    def said(self) -> Iterator[tuple[str, str]]:
        """Every sentence, with its key."""
        yield "welcome", self.welcome
        for number, one in enumerate(self.periodic_announce):
            yield f"periodic_announce[{number}]", one
        for name, text in self.texts.said():
            yield f"texts.{name}", text


class Room(Section):
    """[[rooms]]: what waiting parties hear, and what they may do.

    The room named like a queue is that queue's; the one named "default" is everybody else's.
    """

    name: Name
    music: OptionalPath = ""
    language: Language = ""
    voice: VoiceName = ""
    welcome: Spoken = ""
    announce_frequency_s: Interval = 0.0
    min_announce_frequency_s: Interval = 15.0
    announce_holdtime: Literal["yes", "no", "once"] = "no"
    announce_position: Literal["yes", "no", "limit", "more"] = "yes"
    announce_position_limit: int = Field(default=5, ge=1, le=10_000)
    announce_position_only_up: bool = False
    announce_round_seconds: Literal[0, 5, 10, 15, 20, 30] = 0
    announce_to_first: bool = False
    periodic_announce: Periodic = Field(default=[])
    periodic_announce_frequency_s: Interval = 60.0
    periodic_announce_start_s: Interval | None = None
    periodic_announce_from_end: bool = False
    callback_digit: PhoneKey = ""
    regain_s: Interval = 0.0
    texts: Texts = Texts()
    languages: dict[Language, Wording] = Field(default={}, max_length=100)

    def said(self) -> Iterator[tuple[str, str]]:
        """Every sentence that is said here, with its key."""
        own = Wording(
            welcome=self.welcome, periodic_announce=self.periodic_announce, texts=self.texts
        )
        yield from own.said()
        for tag, wording in self.languages.items():
            yield from ((f"languages.{tag}.{key}", text) for key, text in wording.said())

    @property
    def stream(self) -> str:
        """The name of the stream that is its music; "": it is a file, or none."""
        return self.music.removeprefix(STREAM) if self.music.startswith(STREAM) else ""

    def sounds(self) -> Iterator[tuple[str, str]]:
        """Every sound file that it names, with the key."""
        if self.music and not self.stream:
            yield "music", self.music
        for key, text in self.said():
            if text.startswith(FILE):
                yield key, text.removeprefix(FILE)

    def voices(self) -> Iterator[tuple[str, str]]:
        """Every voice that it names, with the key. The voice of a language is its tag."""
        yield "voice", self.voice or self.language
        for tag, wording in self.languages.items():
            yield f"languages.{tag}.voice", wording.voice or tag
        for key, text in self.said():
            yield key, split_voice(text)[0]

    def speaks(self, language: str) -> bool:
        """Whether there are texts in this language; "": the room's own."""
        return language in ("", self.language) or language in self.languages

    def in_language(self, language: str) -> "Room":
        """The room as it is in another language; as it is where it has no texts in that."""
        if language in ("", self.language) or language not in self.languages:
            return self
        wording = self.languages[language]
        said = {
            "language": language,
            "voice": wording.voice,
            "welcome": wording.welcome,
            "periodic_announce": wording.periodic_announce,
            "texts": wording.texts,
        }
        return self.model_copy(update=said)

    @field_validator("music")
    @classmethod
    def _check_music(cls, music: str) -> str:
        if not music.startswith(STREAM):
            check_path(music)
        return music


class Inbound(Section):
    """[[inbound]]: the queue that a call from a trunk enters, by the number that was dialled.

    With `handler = "client"` a client says what becomes of it, within `handler_s`; then the route
    `fallback` takes it.
    """

    name: Name
    number: NumberPrefix = ""
    exact: bool = False
    trunks: list[Name] = Field(default=[])
    queue: Name | Literal[""] = ""
    handler: Literal["queue", "client"] = "queue"
    handler_s: float = Field(default=10.0, gt=0, le=120, allow_inf_nan=False)
    fallback: Name | Literal[""] = ""
    script: Name | Literal[""] = ""
    """What callers go through before they enter the queue, if they do."""
    after_script: Name | Literal[""] = ""
    """What callers go through after the talk."""
    room: str = ""
    language: Language = ""
    voice: VoiceName = ""
    priority: int = Field(default=0, ge=-1000, le=1000)
    skills: dict[Name, Annotated[int, Field(ge=1, le=10)]] = Field(default={})
    whisper: Template = ""
    record: bool = False
    max_wait_s: Seconds = 3600.0
    agent_s: Interval = 30.0
    """How long a caller whom a rule gives to an agent is kept for them alone."""
    context: dict[str, Any] = Field(default={})

    @model_validator(mode="after")
    def _check_number(self) -> "Inbound":
        if self.exact and not self.number:
            raise wrong("number", "needed with exact = true")
        return self

    @model_validator(mode="after")
    def _check_handler(self) -> "Inbound":
        if self.handler == "queue" and not (self.queue or self.script):
            raise wrong("queue", 'needed, except with script, or with handler = "client"')
        for key in ("script", "after_script"):
            if self.handler == "client" and getattr(self, key):
                raise wrong(key, 'not with handler = "client": name a route with it as fallback')
        if self.handler == "client" and self.queue:
            raise wrong("queue", 'not with handler = "client": name a route with it as fallback')
        if self.fallback and self.handler != "client":
            raise wrong("fallback", 'only with handler = "client"')
        return self
