"""[[scripts]]: menus that a party walks through by keys and words, step by step."""

from collections.abc import Callable, Iterator
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from .errors import wrong
from .languages import Language
from .section import Section, first_duplicate
from .sounds import FILE
from .spoken import VoiceName, check_path, split_voice
from .streams import Fallback, check_stream_url
from .value_checks.sip_uris import check_outside
from .value_checks.texts import check_template
from .values import Name, Printable, Template

StepKind = Literal[
    "say", "menu", "gather", "check", "set", "branch", "transfer", "callback", "voicemail",
    "rating", "connect", "hangup",
]  # fmt: skip

TELEPHONE_KEYS: Final = "0123456789*#"
SLOT_FIELDS: Final = ("from", "until", "day", "key")

# What each kind of step has besides its name.
_ASKING = ("text", "again_text", "timeout_s", "tries", "barge_in", "no_input")
_KEYS_OF_KIND: Final[dict[StepKind, tuple[str, ...]]] = {
    "say": ("text", "next"),
    "menu": (*_ASKING, "keys", "words", "no_match"),
    "gather": (
        *_ASKING, "into", "min_digits", "max_digits", "terminator", "secret", "between_s",
        "spoken", "no_match", "next",
    ),
    "check": ("value", "against", "tries", "next", "again", "failed"),
    "set": ("values", "next"),
    "branch": ("on", "calendar", "cases", "next"),
    "transfer": ("text", "queue", "agent", "number", "stream", "fallback", "max_wait_s", "failed"),
    "callback": (
        *_ASKING, "number", "queue", "slots", "slot_s", "slot_text", "done_text", "spoken",
        "failed", "no_match", "next",
    ),
    "voicemail": ("text", "queue", "callback", "max_s", "terminator", "next"),
    "rating": (*_ASKING, "most", "spoken", "no_match", "next"),
    "connect": ("text",),
    "hangup": ("text", "cause"),
}  # fmt: skip
# What of it has to be there.
_NEEDED: Final[dict[StepKind, tuple[str, ...]]] = {
    "say": ("text",),
    "menu": ("text",),
    "gather": ("text", "into"),
    "check": ("value", "against", "again"),
    "set": ("values",),
    "branch": ("cases",),
    "voicemail": ("text",),
    "rating": ("text",),
}


def _check_prompt(text: str) -> str:
    if text.startswith(FILE):
        check_path(text.removeprefix(FILE))
        return text
    return check_template(text)


def _check_slot_text(text: str) -> str:
    plain = text
    for name in SLOT_FIELDS:
        plain = plain.replace(f"{{{name}}}", "")
    check_template(plain)
    if "{key}" not in text:
        raise wrong("", "must say {key}, the key to be pressed")
    return text


PromptText = Annotated[str, Field(max_length=1000), AfterValidator(_check_prompt)]
"""A text that is spoken, with {context.KEY} in it, or "file:PATH" of a sound file."""
StepName = Name | Literal[""]
Tries = Annotated[int, Field(ge=1, le=10)]
StepSeconds = Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)]
ContextKey = Annotated[str, Field(max_length=64), AfterValidator(lambda text: text and _key(text))]


def _key(text: str) -> str:
    if not text.isprintable() or set(text) & set("{}."):
        raise wrong("", f"{text!r} cannot be written as {{context.KEY}}")
    return text


class Step(Section):
    """[[scripts.steps]]: one step. Where a step that is to follow is "", the script ends there."""

    name: Name
    kind: StepKind
    text: PromptText = ""
    again_text: PromptText = ""
    """What is said before `text` is repeated."""
    next: StepName = ""
    no_input: StepName = ""
    no_match: StepName = ""
    again: StepName = ""
    failed: StepName = ""
    keys: dict[str, Name] = Field(default={}, max_length=12)
    """By the key, or several: which step follows."""
    words: dict[str, Name] = Field(default={}, max_length=50)
    timeout_s: StepSeconds = 6.0
    between_s: StepSeconds = 3.0
    tries: Tries = 3
    barge_in: bool = True
    into: ContextKey = ""
    min_digits: int = Field(default=1, ge=1, le=64)
    max_digits: int = Field(default=16, ge=1, le=64)
    terminator: str = "#"
    secret: bool = False
    spoken: bool = False
    """Whether digits may be said as well."""
    value: ContextKey = ""
    against: ContextKey = ""
    values: dict[ContextKey, Template] = Field(default={}, max_length=50)
    on: ContextKey = ""
    calendar: str = ""
    cases: dict[str, Name] = Field(default={}, max_length=50)
    queue: Name | Literal[""] = ""
    agent: Name | Literal[""] = ""
    number: str = ""
    """Of a transfer what is dialled, of a callback the field that has the digits."""
    stream: str = ""
    fallback: Fallback = Fallback()
    """Where the party goes when the service of `stream` is lost."""
    max_wait_s: StepSeconds = 30.0
    slots: int = Field(default=0, ge=0, le=9)
    slot_s: float = Field(default=3600.0, ge=300, le=86_400, allow_inf_nan=False)
    slot_text: Annotated[str, Field(max_length=1000), AfterValidator(_check_slot_text)] = (
        "{day} between {from} and {until}: press {key}."
    )
    done_text: PromptText = ""
    callback: bool = False
    max_s: StepSeconds = 120.0
    most: int = Field(default=5, ge=2, le=9)
    cause: Annotated[Printable, Field(max_length=200)] = ""

    @model_validator(mode="after")
    def _check_kind(self) -> "Step":
        known = _KEYS_OF_KIND[self.kind]
        for key in sorted(self.model_fields_set - {"name", "kind"}):
            if key not in known:
                raise wrong(key, f'not of kind = "{self.kind}", which has {", ".join(known)}')
        for key in _NEEDED.get(self.kind, ()):
            if not getattr(self, key):
                raise wrong(key, f'missing: kind = "{self.kind}" needs it')
        return self

    @model_validator(mode="after")
    def _check_targets(self) -> "Step":
        if self.kind == "menu" and not (self.keys or self.words):
            raise wrong("keys", "missing: there is nothing to press")
        if self.kind == "branch" and bool(self.on) == bool(self.calendar):
            raise wrong("on", "give one of on and calendar")
        if self.calendar and set(self.cases) - {"open", "closed"}:
            raise wrong("cases", "of a calendar there are open and closed")
        if self.kind == "transfer":
            if sum(bool(one) for one in (self.queue, self.agent, self.number, self.stream)) != 1:
                raise wrong("queue", "give one of queue, agent, number and stream")
            _check("number", check_outside, self.number)
            _check("stream", check_stream_url, self.stream)
            if self.fallback.is_given and not self.stream:
                raise wrong("fallback", "goes with stream alone")
        else:
            _check("number", _key, self.number)
        if self.kind == "callback" and self.slots and not self.text:
            raise wrong("text", "missing: it is said before the slots")
        if self.secret and self.spoken:
            raise wrong("spoken", "a secret is not said aloud")
        if self.min_digits > self.max_digits:
            raise wrong("min_digits", "is more than max_digits")
        return self

    @field_validator("keys")
    @classmethod
    def _check_keys(cls, keys: dict[str, str]) -> dict[str, str]:
        pressed = "".join(keys)
        if not all(keys) or set(pressed) - set(TELEPHONE_KEYS):
            raise wrong("", "must be keys of a telephone: 0 to 9, * and #")
        twice = first_duplicate(list(pressed))
        if twice is not None:
            raise wrong("", f"the key {twice} stands twice")
        return keys

    @field_validator("words")
    @classmethod
    def _check_words(cls, words: dict[str, str]) -> dict[str, str]:
        twice = first_duplicate([word.casefold().strip() for word in words])
        if twice is not None:
            raise wrong("", f"the word {twice!r} stands twice")
        return words

    @field_validator("terminator")
    @classmethod
    def _check_terminator(cls, keys: str) -> str:
        if set(keys) - set(TELEPHONE_KEYS):
            raise wrong("", "must be keys of a telephone, or empty")
        return keys

    @property
    def follows(self) -> Iterator[tuple[str, str]]:
        """The steps that may follow, each with the key that names it."""
        for key in ("next", "no_input", "no_match", "again", "failed"):
            target = getattr(self, key)
            if target:
                yield key, target
        for table in ("keys", "words", "cases"):
            for key, target in getattr(self, table).items():
                yield f"{table}.{key}", target

    @property
    def waits_for_party(self) -> bool:
        """Whether the party has to do something before the script goes on."""
        is_asking = self.kind in ("menu", "gather", "rating", "voicemail")
        return is_asking or (self.kind == "callback" and self.slots > 0)

    @property
    def listens(self) -> str:
        """The key by which the party may speak; "": it has keys alone."""
        return "words" if self.words else "spoken" if self.spoken else ""

    def said(self) -> Iterator[tuple[str, str]]:
        """Every text that is said here, with its key."""
        for key in ("text", "again_text", "done_text"):
            text = getattr(self, key)
            if text:
                yield key, text


def _check(key: str, check: Callable[[str], str], text: str) -> None:
    """Check the value of a key, where it is given."""
    try:
        if text:
            check(text)
    except PydanticCustomError as error:
        raise wrong(key, error.message()) from error


class Script(Section):
    """[[scripts]]: one script. It ends after `max_steps` steps, or `max_s`, whatever it does."""

    name: Name
    language: Language = ""
    voice: VoiceName = ""
    start: StepName = ""
    max_steps: int = Field(default=100, ge=1, le=500)
    max_s: float = Field(default=600.0, gt=0, le=3600, allow_inf_nan=False)
    steps: list[Step] = Field(min_length=1, max_length=200)

    @property
    def first(self) -> str:
        """The step that it begins with."""
        return self.start or self.steps[0].name

    @property
    def spoken_by(self) -> str:
        """The voice of its texts; "": that of the configuration."""
        return self.voice or self.language

    def step(self, name: str) -> Step:
        """The step of this name."""
        return next(one for one in self.steps if one.name == name)

    def said(self) -> Iterator[tuple[str, str]]:
        """Every text that is said, with its key."""
        for number, step in enumerate(self.steps):
            for key, text in step.said():
                yield f"steps[{number}].{key}", text

    def sounds(self) -> Iterator[tuple[str, str]]:
        """Every sound file that it names, with the key."""
        for key, text in self.said():
            if text.startswith(FILE):
                yield key, text.removeprefix(FILE)

    def voices(self) -> Iterator[tuple[str, str]]:
        """Every voice that it names, with the key."""
        yield "voice", self.spoken_by
        for key, text in self.said():
            yield key, split_voice(text)[0]
