"""The events of a user agent."""

from __future__ import annotations

from typing import Literal

import msgspec

from .hop import Hop
from .message.message import Request
from .sdp.offer_answer import NegotiatedAudio
from .usage import DialogUsage, ReferralUsage, RegistrationUsage

Origin = Literal["remote", "local", "timeout", "transport"]


class Cause(msgspec.Struct, frozen=True, gc=False):
    """Why a session is over.

    `status` is the status of the final response. A timeout counts as 408 and a transport error as
    503 (RFC 3261 section 8.1.3.1). It is None for a plain BYE. `reason_header` is the Reason
    header of the peer as received (RFC 3326). `retry_after_s` is its Retry-After, 0 if it has none.
    `extensions` are those that the peer demands or lacks, with 420 and 421. `contacts` are the URIs
    that a 3xx redirects to, in the order of their q values. `warning` is the text of its Warning.
    """

    status: int | None
    phrase: str
    origin: Origin
    reason_header: str | None = None
    retry_after_s: float = 0.0
    extensions: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    warning: str = ""


class Progress(msgspec.Struct, frozen=True):
    """A provisional response 101 to 199. `audio` is set if it has a description (early media)."""

    session: DialogUsage
    status: int
    phrase: str
    audio: NegotiatedAudio | None


class Answered(msgspec.Struct, frozen=True):
    """The session is confirmed: we sent the ACK for a 2xx, or received the ACK for our 2xx."""

    session: DialogUsage
    audio: NegotiatedAudio


class Failed(msgspec.Struct, frozen=True):
    """The INVITE ended without a session."""

    session: DialogUsage
    cause: Cause


class Ended(msgspec.Struct, frozen=True):
    """A confirmed session is over."""

    session: DialogUsage
    cause: Cause


class MediaChanged(msgspec.Struct, frozen=True):
    """A re-INVITE or UPDATE of either side changed the audio. On hold, `direction` says so."""

    session: DialogUsage
    audio: NegotiatedAudio


class MediaRefused(msgspec.Struct, frozen=True):
    """The peer refused our re-INVITE. The session continues unchanged (RFC 3261 section 14.1)."""

    session: DialogUsage
    status: int
    phrase: str


class InfoDigit(msgspec.Struct, frozen=True):
    """A DTMF digit received in an INFO, which has been answered."""

    session: DialogUsage
    digit: str
    duration_ms: int


class Referred(msgspec.Struct, frozen=True):
    """The peer asks by REFER to be replaced: the owner accepts or refuses the referral."""

    session: DialogUsage
    referral: ReferralUsage


class ReferralEnded(msgspec.Struct, frozen=True):
    """What has become of a REFER of ours: the final status of the call that the peer has made.

    Where the peer refuses the REFER it is the status of that; 408 where it tells no outcome in
    time, and 487 where it ends the subscription without one.
    """

    session: DialogUsage
    status: int
    phrase: str


class IncomingInvite(msgspec.Struct, frozen=True):
    """An incoming call. 100 has been sent; the owner then rings, accepts or rejects it.

    `replaced` is the session whose place it is to take (RFC 3891). Whether the caller may do that
    is for the owner to decide.
    """

    session: DialogUsage
    request: Request
    replaced: DialogUsage | None = None


class ExtensionsRefused(msgspec.Struct, frozen=True):
    """An INVITE of a configured peer demanded extensions that we lack, and was answered 420."""

    request: Request
    source: Hop
    extensions: tuple[str, ...]


class Binding(msgspec.Struct, frozen=True):
    """A binding at a registrar. `host` is the name of the host that has it, `hop` its address.

    `service_route` are the values of Route that the registrar wants in calls (RFC 3608), and `path`
    the proxies by which calls come to us (RFC 3327).
    """

    host: str
    hop: Hop | None
    service_route: tuple[str, ...] = ()
    path: tuple[str, ...] = ()


class RegistrationChanged(msgspec.Struct, frozen=True):
    """The new state of a registration. `expires_s` is the time that the registrar granted.

    `status` is None where the registrar has not answered; `phrase` says why.
    With `failed`, `expires_s` is how long the binding remains valid that could not be refreshed.
    `binding` is there with `registered` alone.
    """

    registration: RegistrationUsage
    state: Literal["registered", "failed", "unregistered"]
    status: int | None
    phrase: str
    expires_s: int
    binding: Binding | None = None


Event = (
    Progress
    | Answered
    | Failed
    | Ended
    | MediaChanged
    | MediaRefused
    | InfoDigit
    | Referred
    | ReferralEnded
    | IncomingInvite
    | ExtensionsRefused
    | RegistrationChanged
)
