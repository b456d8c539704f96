"""What is said: texts, in which voice, and their forms for one, few and many."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from .errors import wrong
from .languages import PluralCategory
from .section import Section
from .sounds import FILE, find_configured
from .values import Printable

_FIELD = re.compile(r"\{([^{}]*)\}")
_VOICE = re.compile(r"voice:([A-Za-z][A-Za-z0-9_+./-]*):(.*)", re.DOTALL)

VoiceName = Annotated[Printable, Field(max_length=64)]
"""A voice of espeak-ng, by language tag ("de") or name. "": that of whatever is around it."""


def split_voice(text: str) -> tuple[str, str]:
    """The voice that a text names ("" for none), and the words: `voice:de:Guten Tag`."""
    found = _VOICE.fullmatch(text)
    return ("", text) if found is None else (found[1], found[2])


def check_path(name: str) -> None:
    """Raise ValueError for a path of a sound file that is not there."""
    # A name alone may be one in media.sounds: checks.py looks for it there.
    if "/" in name and find_configured(name, ()) is None:
        raise wrong("", f"{name}: there is no such file")


def _check_spoken(text: str) -> str:
    if not text.isprintable():
        raise wrong("", "must be printable characters on one line")
    if text.startswith(FILE):
        check_path(text.removeprefix(FILE))
        return text
    rest = _FIELD.sub("", text)
    if "{" in rest or "}" in rest:
        raise wrong("", "has a brace without its partner")
    for field in _FIELD.findall(text):
        if field not in ("place", "limit", "wait", "digit"):
            raise wrong("", f"{{{field}}} is not known; there are {{place}}, {{limit}}, {{wait}} "
                        "and {digit}")  # fmt: skip
    return text


Spoken = Annotated[str, Field(max_length=1000), AfterValidator(_check_spoken)]
"""A text that is spoken, perhaps in a voice of its own, or "file:PATH" of a WAV file. Empty:
nothing is said."""


class Counted(Section):
    """A text about a number of something, in the forms that its language has (CLDR).

    A text alone is the form for every number.
    """

    zero: Spoken | None = None
    one: Spoken | None = None
    two: Spoken | None = None
    few: Spoken | None = None
    many: Spoken | None = None
    other: Spoken

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        return {"other": given} if isinstance(given, str) else given

    def form(self, category: PluralCategory) -> str:
        """The text for numbers of this category."""
        own: str | None = getattr(self, category)
        return self.other if own is None else own

    @property
    def forms(self) -> list[str]:
        """Every form that is given."""
        return [text for _name, text in self if text is not None]


def _counted(text: str) -> Any:
    return Field(default=Counted(other=text))


class Texts(Section):
    """[rooms.texts]: the wording. An empty one is not said."""

    next: Spoken = "You are next."
    place: Counted = _counted("You are number {place} in line.")
    more: Counted = _counted("More than {limit} callers are ahead of you.")
    wait: Spoken = "The expected wait is about {wait}."
    minute: Printable = "minute"
    minutes: Counted = _counted("minutes")
    seconds: Counted = _counted("seconds")
    thanks: Spoken = "Thank you for waiting."
    left_waiting: Spoken = "One moment please. We are connecting you with an operator."
    callback_taken: Spoken = "Thank you. You keep your place, and we will call you back. Goodbye."
    callback_refused: Spoken = (
        "We are sorry. We cannot call you back at this number. Please stay on the line."
    )
    closed: Spoken = "We are closed at the moment. Please call again later. Goodbye."
    full: Spoken = "All lines are busy. Please call again later. Goodbye."
    timeout: Spoken = "We are sorry that nobody could take your call. Please call again. Goodbye."

    def said(self) -> list[tuple[str, str]]:
        """Every text with its key; one for each form of those that have several."""
        found: list[tuple[str, str]] = []
        for name, text in self:
            forms = text.forms if isinstance(text, Counted) else [text]
            found += [(name, form) for form in forms]
        return found
