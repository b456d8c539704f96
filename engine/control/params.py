"""What the methods of several namespaces take. Each structure forbids unknown members."""

from collections.abc import Callable
from typing import Annotated, Literal, NotRequired, TypedDict

import msgspec
from msgspec import Meta

from config.choices import CrashDecision

from ..job import CancelledBy, JobState
from ..request import Identifier, JobId, Params, Priority, Target, UnixTime, one_of
from ..store.event_log import Gap
from ..store.filters import Filters
from .event_types import check_types

NumberOf = Callable[[str], str]
"""A number in E.164, read as in a request. Raises EngineError `refused` where it is none."""

# Of queue.availability and agent.availability.
Days = Annotated[int, Meta(ge=1, le=31)]
SlotMin = Annotated[int, Meta(ge=1, le=1440)]
SlotCallbacks = Annotated[int, Meta(ge=1, le=10_000)]
SECONDS_PER_MIN = 60.0

PROTOCOL = 1
"""The version of the protocol: docs/compatibility.md says when it changes."""


class JobRef(Params):
    """callback.get."""

    id: JobId


class Cancel(JobRef):
    """callback.cancel: `by` is who wants it: the client, or a visitor whose link it has seen."""

    by: CancelledBy = "client"


class Reprioritise(Params):
    """callback.reprioritise."""

    id: JobId
    priority: Priority


class Decision(Params):
    """callback.decide: what becomes of a job for which somebody may have been called."""

    id: JobId
    decision: CrashDecision


ContextValue = Annotated[str, Meta(max_length=1024)] | int | float | bool | None


class Search(Params, rename={"from_": "from"}):
    """What callback.list and record.list look for: those for which all that is given holds.

    `number` is written as in a request; `from` and `to` bound when it was requested. `context` has
    keys and the value of each; null: any.
    """

    number: Target | None = None
    site: Identifier | None = None
    queue: Identifier | None = None
    agent: Identifier | None = None
    from_: UnixTime | None = None
    to: UnixTime | None = None
    context: Annotated[dict[Identifier, ContextValue], Meta(max_length=16)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100

    def wanted(self, number_of: NumberOf, state: str | None) -> Filters:
        """What is looked for. Raises EngineError `refused` for a number that is none."""
        return Filters(
            state=state,
            number=None if self.number is None else number_of(self.number),
            site=self.site,
            queue=self.queue,
            agent=self.agent,
            begin=self.from_,
            end=self.to,
            context=self.context or {},
        )


class JobQuery(Search):
    """callback.list: newest first."""

    state: JobState | None = None
    cursor: Annotated[str, Meta(max_length=64)] | None = None


class CallRef(Params):
    """call.get, call.hangup: a call by its own id or by that of one of its legs."""

    call: Identifier | None = None
    leg: Identifier | None = None

    def __post_init__(self) -> None:
        one_of(("call", "leg"), {"call": self.call, "leg": self.leg})


class TransferParams(Params):
    """call.transfer: a leg (of a `call`: the customer's) is connected with one of the three."""

    call: Identifier | None = None
    leg: Identifier | None = None
    to: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    agent: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    queue: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    mode: Literal["blind", "attended", "warm"] = "blind"
    how: Literal["bridge", "refer"] = "bridge"
    ring_s: Annotated[float, Meta(gt=0, le=3600)] | None = None

    def __post_init__(self) -> None:
        if self.call is None or self.leg is None:
            one_of(("call", "leg"), {"call": self.call, "leg": self.leg})
        whom = {"to": self.to, "agent": self.agent, "queue": self.queue}
        one_of(("to", "agent", "queue"), whom)
        if self.queue is not None and self.how == "refer":
            raise ValueError("a queue is no place that REFER leads to: leave out `how`")


class SuperviseParams(Params):
    """call.supervise: `leg` is whose party hears a whisper; with `call` it may be left out."""

    call: Identifier | None = None
    leg: Identifier | None = None
    to: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    agent: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    mode: Literal["listen", "whisper", "barge"] = "listen"
    ring_s: Annotated[float, Meta(gt=0, le=600)] | None = None

    def __post_init__(self) -> None:
        if self.call is None or self.leg is None:
            one_of(("call", "leg"), {"call": self.call, "leg": self.leg})
        one_of(("to", "agent"), {"to": self.to, "agent": self.agent})


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

    def __post_init__(self) -> None:
        check_types("types", self.types)


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
