"""What recognisers say: JSON objects, one a line or a frame. A line that is none is plain text."""

from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

from .result import MAX_TEXT_CHARACTERS, Recognised, RecogniserFailed, Result, SpeechStarted

MAX_LINE_BYTES: Final = 64 * 1024
_Time = Annotated[int, Meta(ge=0, le=1 << 40)]


class NotUnderstood(Exception):
    """It is none of what recognisers say. `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Speech(Struct, tag="speech"):
    """The party has begun to speak."""


class Words(Struct, tag="result"):
    """What the party has said, or (`final` false) seems to say so far."""

    text: Annotated[str, Meta(max_length=MAX_TEXT_CHARACTERS)]
    final: bool = True
    confidence: Annotated[float, Meta(ge=0, le=1)] | None = None
    from_ms: _Time | None = None
    to_ms: _Time | None = None


class Error(Struct, tag="error"):
    """It cannot go on."""

    reason: str = ""


RecogniserMessage: TypeAlias = Speech | Words | Error


def read_message(text: str | bytes) -> RecogniserMessage:
    """One JSON object; without a `type` it is a result. Raises NotUnderstood."""
    try:
        given: Any = msgspec.json.decode(text)
        if isinstance(given, dict):
            given.setdefault("type", "result")
        message: RecogniserMessage = msgspec.convert(given, RecogniserMessage)
        return message
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError, RecursionError) as error:
        raise NotUnderstood(str(error)[:200]) from error


def read_line(line: bytes) -> RecogniserMessage | None:
    """One line: a JSON object, or plain text, which is final. None for an empty one.

    Raises NotUnderstood.
    """
    line = line.strip()
    if line.startswith(b"{"):
        return read_message(line)
    try:
        text = line.decode()
    except UnicodeError as error:
        raise NotUnderstood("it is not UTF-8") from error
    if not text.isprintable():
        raise NotUnderstood("it has characters that cannot be printed")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise NotUnderstood(f"it has more than {MAX_TEXT_CHARACTERS} characters")
    return Words(text) if text else None


def result_of(message: RecogniserMessage) -> Result | None:
    """What it says of the party; None: nothing. Raises RecogniserFailed."""
    match message:
        case Speech():
            return SpeechStarted()
        case Words():
            shown = "".join(one if one.isprintable() else " " for one in message.text)
            text = " ".join(shown.split())
            if not text:
                return None
            return Recognised(
                text, message.final, message.confidence, message.from_ms, message.to_ms
            )
        case Error():
            raise RecogniserFailed(f"the recogniser says: {message.reason or 'no reason given'}")
