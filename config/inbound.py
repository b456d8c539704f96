"""[[inbound]] and [[rooms]]: which calls come in, where they wait, what callers hear."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from .sections import Section
from .sounds import FILE, find_configured
from .values import Name, NumberPrefix, OptionalPath, Printable, Seconds, Template, wrong

_FIELD = re.compile(r"\{([^{}]*)\}")


def _check_path(name: str) -> None:
    # A name alone may be one in media.sounds: checks.py looks for it there.
    if "/" in name and find_configured(name, ()) is None:
        raise wrong("", f"{name}: there is no such file")


def _check_spoken(text: str) -> str:
    if not text.isprintable():
        raise wrong("", "must be printable characters on one line")
    if text.startswith(FILE):
        _check_path(text.removeprefix(FILE))
        return text
    rest = _FIELD.sub("", text)
    if "{" in rest or "}" in rest:
        raise wrong("", "has a brace without its partner")
    for field in _FIELD.findall(text):
        if field not in ("place", "limit", "wait", "digit"):
            raise wrong("", f"{{{field}}} is not known; there are {{place}}, {{limit}}, {{wait}} "
                        "and {digit}")  # fmt: skip
    return text


# A text that is spoken, or "file:PATH" of a WAV file. Empty: nothing is said.
Spoken = Annotated[str, Field(max_length=1000), AfterValidator(_check_spoken)]
Interval = Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)]


class Texts(Section):
    """[rooms.texts]: the wording. An empty one is not said."""

    next: Spoken = "You are next."
    place: Spoken = "You are number {place} in line."
    more: Spoken = "More than {limit} callers are ahead of you."
    wait: Spoken = "The expected wait is about {wait}."
    minute: Printable = "minute"
    minutes: Printable = "minutes"
    seconds: Printable = "seconds"
    thanks: Spoken = "Thank you for waiting."
    left_waiting: Spoken = "One moment please. We are connecting you with an operator."
    callback_taken: Spoken = "Thank you. You keep your place, and we will call you back. Goodbye."
    callback_refused: Spoken = (
        "We are sorry. We cannot call you back at this number. Please stay on the line."
    )
    closed: Spoken = "We are closed at the moment. Please call again later. Goodbye."
    full: Spoken = "All lines are busy. Please call again later. Goodbye."
    timeout: Spoken = "We are sorry that nobody could take your call. Please call again. Goodbye."


class Room(Section):
    """[[rooms]]: what waiting parties hear, and what they may do.

    The room named like a queue is that queue's; the one named "default" is everybody else's.
    """

    name: Name
    music: OptionalPath = ""
    welcome: Spoken = ""
    announce_frequency_s: Interval = 0.0
    min_announce_frequency_s: Interval = 15.0
    announce_holdtime: Literal["yes", "no", "once"] = "no"
    announce_position: Literal["yes", "no", "limit", "more"] = "yes"
    announce_position_limit: int = Field(default=5, ge=1, le=10_000)
    announce_position_only_up: bool = False
    announce_round_seconds: Literal[0, 5, 10, 15, 20, 30] = 0
    announce_to_first: bool = False
    periodic_announce: list[Spoken] = Field(default=[])
    periodic_announce_frequency_s: Interval = 60.0
    periodic_announce_start_s: Interval | None = None
    periodic_announce_from_end: bool = False
    callback_digit: str = ""
    regain_s: Interval = 0.0
    texts: Texts = Texts()

    def sounds(self) -> Iterator[tuple[str, str]]:
        """Every sound file that it names, with the key."""
        if self.music:
            yield "music", self.music
        said = [("welcome", self.welcome)]
        said += [(f"periodic_announce[{n}]", one) for n, one in enumerate(self.periodic_announce)]
        said += [(f"texts.{name}", text) for name, text in self.texts]
        for key, text in said:
            if text.startswith(FILE):
                yield key, text.removeprefix(FILE)

    @field_validator("music")
    @classmethod
    def _check_music(cls, music: str) -> str:
        _check_path(music)
        return music

    @field_validator("callback_digit")
    @classmethod
    def _check_digit(cls, digit: str) -> str:
        if digit and (len(digit) > 1 or digit not in "0123456789*#"):
            raise wrong("", f"{digit!r} is not a key of a telephone")
        return digit

    @field_validator("periodic_announce")
    @classmethod
    def _check_periodic(cls, announcements: list[str]) -> list[str]:
        if not all(announcements):
            raise wrong("", "an announcement is empty")
        return announcements


class Inbound(Section):
    """[[inbound]]: the queue that a call from a trunk enters, by the number that was dialled."""

    name: Name
    number: NumberPrefix = ""
    exact: bool = False
    trunks: list[Name] = Field(default=[])
    queue: Name
    room: str = ""
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
