"""The events of a user agent."""

from __future__ import annotations

from typing import Literal

import msgspec

from .message.message import Request
from .sdp.offer_answer import NegotiatedAudio
from .usage import DialogUsage, RegistrationUsage

Origin = Literal["remote", "local", "timeout", "transport"]


class Cause(msgspec.Struct, frozen=True):
    """Why a session is over.

    `status` is the final response, or what RFC 3261 section 8.1.3.1 equates a failure with (408
    for a timeout, 503 for a transport error); None for a plain BYE. `reason_header` is the
    peer's Reason header (RFC 3326), as received; `retry_after_s` is its Retry-After, 0 for none.
    """

    status: int | None
    phrase: str
    origin: Origin
    reason_header: str | None = None
    retry_after_s: float = 0.0


class Progress(msgspec.Struct, frozen=True):
    """A provisional response 101-199; `audio` when it has a description (early media)."""

    session: DialogUsage
    status: int
    phrase: str
    audio: NegotiatedAudio | None


class Answered(msgspec.Struct, frozen=True):
    """The session is up: our INVITE got a 2xx (already acknowledged), or our 2xx got its ACK."""

    session: DialogUsage
    audio: NegotiatedAudio


class Failed(msgspec.Struct, frozen=True):
    """The INVITE ended without a session."""

    session: DialogUsage
    cause: Cause


class Ended(msgspec.Struct, frozen=True):
    """A session that was up is over."""

    session: DialogUsage
    cause: Cause


class MediaChanged(msgspec.Struct, frozen=True):
    """A re-INVITE or UPDATE of either side changed the audio; a hold shows in `direction`."""

    session: DialogUsage
    audio: NegotiatedAudio


class MediaRefused(msgspec.Struct, frozen=True):
    """The peer refused our re-INVITE; the session goes on as it was."""

    session: DialogUsage
    status: int
    phrase: str


class InfoDigit(msgspec.Struct, frozen=True):
    """A digit in an INFO, already answered."""

    session: DialogUsage
    digit: str
    duration_ms: int


class IncomingInvite(msgspec.Struct, frozen=True):
    """Somebody calls: 100 has been sent, the owner rings, accepts or rejects."""

    session: DialogUsage
    request: Request


class RegistrationChanged(msgspec.Struct, frozen=True):
    """The state of a registration; `expires_s` is what the registrar granted.

    With `failed` it is how long the binding that could not be refreshed still holds.
    """

    registration: RegistrationUsage
    state: Literal["registered", "failed", "unregistered"]
    status: int | None
    phrase: str
    expires_s: int


Event = (
    Progress
    | Answered
    | Failed
    | Ended
    | MediaChanged
    | MediaRefused
    | InfoDigit
    | IncomingInvite
    | RegistrationChanged
)
