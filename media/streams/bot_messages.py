"""The text frames between the stream host and a bot (docs/bots.md): JSON objects with a `type`."""

from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

VERSION: Final = 1
MAX_TEXT_BYTES: Final = 64 * 1024
MAX_REASON_CHARACTERS: Final = 200

_Name = Annotated[str, Meta(min_length=1, max_length=128)]
_Reason = Annotated[str, Meta(max_length=MAX_REASON_CHARACTERS)]


def printable(text: str) -> str:
    """What a foreign text may look like in an event: short, and on one line."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return shown[:MAX_REASON_CHARACTERS].strip()


class NotUnderstood(Exception):
    """A text frame of a bot is none of those that there are. `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Ready(Struct, tag="ready"):
    """The bot takes the stream: the answer to `start`."""


class Reject(Struct, tag="reject"):
    """The bot does not take the stream."""

    reason: _Reason = ""

    def __post_init__(self) -> None:
        self.reason = printable(self.reason)


class Mark(Struct, tag="mark"):
    """Say when everything that was sent before has been heard."""

    name: _Name


class Clear(Struct, tag="clear"):
    """Drop what is not heard yet."""


class Pause(Struct, tag="pause"):
    """Stop in the middle of what is said, and keep the rest."""


class Resume(Struct, tag="resume"):
    """Go on with what was paused."""


class Dtmf(Struct, tag="dtmf"):
    """Send the party these keys."""

    digits: Annotated[str, Meta(pattern=r"^[0-9A-D*#]{1,64}$")]


class Hangup(Struct, tag="hangup"):
    """End the call."""

    reason: _Reason = ""

    def __post_init__(self) -> None:
        self.reason = printable(self.reason)


class Handover(Struct, tag="handover"):
    """Connect the party with a queue, an agent or a number in place of the bot."""

    queue: _Name | None = None
    agent: _Name | None = None
    to: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    context: Annotated[dict[str, Any], Meta(max_length=64)] = {}

    def __post_init__(self) -> None:
        given = [one for one in (self.queue, self.agent, self.to) if one is not None]
        if len(given) != 1:
            raise ValueError("give one of queue, agent and to")
        if not given[0].isprintable():
            raise ValueError("queue, agent and to are printable characters on one line")


class Stop(Struct, tag="stop"):
    """The bot has done: end the stream, and let the call go on without it."""

    reason: _Reason = ""

    def __post_init__(self) -> None:
        self.reason = printable(self.reason)


BotMessage: TypeAlias = (
    Ready | Reject | Mark | Clear | Pause | Resume | Dtmf | Hangup | Handover | Stop
)
AskedOfEngine: TypeAlias = Dtmf | Hangup | Handover
"""What the engine does, not the host."""

_decoder: Final = msgspec.json.Decoder(BotMessage)
_asked_decoder: Final = msgspec.json.Decoder(AskedOfEngine)


def read_bot_message(text: str | bytes) -> BotMessage:
    """One text frame of a bot. Raises NotUnderstood."""
    if len(text) > MAX_TEXT_BYTES:
        raise NotUnderstood(f"it has more than {MAX_TEXT_BYTES} bytes")
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise NotUnderstood(str(error)[:MAX_REASON_CHARACTERS]) from error


def read_asked(text: bytes) -> AskedOfEngine:
    """What a bot asks of the engine, as the host has passed it on."""
    return _asked_decoder.decode(text)


def write_message(kind: str, **members: Any) -> str:
    """A text frame for the bot."""
    return msgspec.json.encode({"type": kind, **members}).decode()


def encode_message(message: BotMessage) -> bytes:
    """A message of a bot, as `read_asked` takes it."""
    return msgspec.json.encode(message)


def start_message(about: bytes, members: dict[str, Any]) -> str:
    """`start`: what is known of the call, a JSON object, and how the stream is (`members`)."""
    return write_message("start", **{**msgspec.json.decode(about), **members})
