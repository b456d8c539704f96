"""What the methods of several namespaces take. Each structure forbids unknown members."""

from typing import Annotated, Literal, NotRequired, TypedDict

import msgspec
from msgspec import Meta

from ..job import CrashDecision, JobState
from ..request import Identifier, JobId, Params, Priority, one_of
from ..store.event_log import Gap

PROTOCOL = 1
"""The version of the protocol: docs/compatibility.md says when it changes."""


class JobRef(Params):
    """callback.get, callback.cancel."""

    id: JobId


class Reprioritise(Params):
    """callback.reprioritise."""

    id: JobId
    priority: Priority


class Decision(Params):
    """callback.decide: what becomes of a job for which somebody may have been called."""

    id: JobId
    decision: CrashDecision


class JobQuery(Params):
    """callback.list: newest first."""

    state: JobState | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    cursor: Annotated[str, Meta(max_length=64)] | None = None


class CallRef(Params):
    """call.get, call.hangup: a call by its own id or by that of one of its legs."""

    call: Identifier | None = None
    leg: Identifier | None = None

    def __post_init__(self) -> None:
        one_of(("call", "leg"), {"call": self.call, "leg": self.leg})


class NoParams(Params):
    """ping, call.list, engine.status."""


class DrainRequest(Params):
    """engine.drain: take no new callbacks; wait up to `timeout_s` (None: for ever) for the rest."""

    timeout_s: Annotated[float, Meta(ge=0, le=7 * 86400)] | None = None
    stop: bool = False


class ReloadRequest(Params):
    """engine.reload: with `check` nothing is changed."""

    check: bool = False


class Subscribe(Params):
    """events.subscribe: `since` and `epoch` are those of the last event the client has.

    `snapshot`: what is there now is sent too; None: where there is a gap.
    """

    types: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=64)
    ] = msgspec.field(default_factory=list)
    since: Annotated[int, Meta(ge=0)] | None = None
    epoch: Identifier | None = None
    snapshot: bool | None = None


class Subscribed(TypedDict):
    """events.subscribe."""

    epoch: str
    """The name of the event log."""
    seq: int
    """The number of the last event."""
    gap: NotRequired[Gap]
    """What was missed; left out where nothing was."""
    snapshot: NotRequired[Literal[True]]
    """Whether what is there now is sent first."""


class Authenticated(TypedDict):
    """auth."""

    authenticated: Literal[True]
    """The token is right."""


class Auth(Params):
    """auth: the first request on a TCP connection."""

    token: Annotated[str, Meta(max_length=1024)]
