"""The control protocol's vocabulary: what each method takes, and how the engine refuses.

Every params structure forbids unknown members, so a misspelt one is an error that names it.
Limits are in characters unless a name says otherwise. Times are Unix seconds.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from .job import JobState, OnCrash, Order, RetryCause, RetryRule

VERSION = 1
CONTEXT_BYTES = 16 * 1024
CONTEXT_DEPTH = 16
MOST_NUMBERS = 10

# JSON-RPC 2.0 section 5.1
PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603

Kind = Literal["conflict", "not_found", "refused", "unavailable", "state"]

KIND_CODES: dict[Kind, int] = {
    "conflict": -32000,
    "not_found": -32001,
    "refused": -32002,
    "unavailable": -32003,
    "state": -32004,
}


class EngineError(Exception):
    """A request that was understood and not done. `message` is a sentence for a person.

    `field` names the parameter that is to blame, if one is. `data` is added to the error's data.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        field: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.field = field
        self.data = dict(data or {})

    @property
    def code(self) -> int:
        """The JSON-RPC error code of this kind."""
        return KIND_CODES[self.kind]


class BadParams(ValueError):
    """A parameter that does not hold: `field` is its name inside the structure that says so."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


class Params(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What all parameters share."""


JobId = Annotated[str, Meta(min_length=1, max_length=128)]
Identifier = Annotated[str, Meta(min_length=1, max_length=128)]
Target = Annotated[str, Meta(min_length=1, max_length=512)]
UnixTime = Annotated[float, Meta(ge=0, le=1e11)]
RingTime = Annotated[float, Meta(gt=0, le=3600)]
CallTime = Annotated[float, Meta(gt=0, le=7 * 86400)]


def _one_of(names: Iterable[str], given: Mapping[str, object]) -> None:
    names = list(names)
    count = sum(given[name] is not None for name in names)
    if count == 1:
        return
    listed = ", ".join(names[:-1]) + f" or {names[-1]}"
    if count == 0:
        raise BadParams(names[0], f"give {listed}")
    extra = [name for name in names if given[name] is not None][1]
    raise BadParams(extra, f"give only one of {listed}")


def _printable(field: str, value: str | None) -> None:
    if value is not None and not value.isprintable():
        raise BadParams(field, "must be printable characters on one line")


def _depth_exceeds(value: object, limit: int) -> bool:
    level: list[object] = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)  # type: ignore[attr-defined]
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


class WhisperSpec(Params):
    """What the agent hears before the customer is called: one of speech, a file, a tone."""

    text: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    file: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None
    tone: Annotated[str, Meta(min_length=1, max_length=256)] | float | None = None

    def __post_init__(self) -> None:
        _one_of(("text", "file", "tone"), {"text": self.text, "file": self.file, "tone": self.tone})
        _printable("file", self.file)
        if isinstance(self.tone, str):
            _printable("tone", self.tone)


class RetrySpec(Params):
    """What follows attempts that end for one cause, as [[retry]] of the configuration."""

    attempts: Annotated[int, Meta(ge=1, le=100)] = 1
    spacing_s: Annotated[
        list[Annotated[float, Meta(gt=0, le=7 * 86400)]], Meta(max_length=100)
    ] = []
    next_number: bool = True

    def rule(self) -> RetryRule:
        """The rule that a job keeps."""
        return RetryRule(
            attempts=self.attempts, spacing_s=tuple(self.spacing_s), next_number=self.next_number
        )


Numbers = Annotated[list[Target], Meta(max_length=MOST_NUMBERS)]
Priority = Annotated[int, Meta(ge=-1000, le=1000)]
Skills = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=64)], Annotated[int, Meta(ge=1, le=100)]],
    Meta(max_length=64),
]


class CallbackRequest(Params):
    """callback.request. What is None takes the engine's default."""

    to: Target
    agent: Target | None = None
    queue: Identifier | None = None
    id: JobId | None = None
    order: Order | None = None
    context: dict[str, Any] | None = None
    whisper: WhisperSpec | None = None
    caller_id: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    trunk: Identifier | None = None
    priority: Priority | None = None
    not_before: UnixTime | None = None
    deadline: UnixTime | None = None
    max_attempts: Annotated[int, Meta(ge=1, le=100)] | None = None
    ring_s: RingTime | None = None
    max_duration_s: CallTime | None = None
    record: bool | None = None
    numbers: Numbers | None = None
    site: Identifier | None = None
    source: Identifier | None = None
    skills: Skills | None = None
    known_agent: Identifier | None = None
    centre: Identifier | None = None
    on_crash: OnCrash | None = None
    retry: dict[RetryCause, RetrySpec] | None = None
    join: bool | None = None
    script: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None

    def __post_init__(self) -> None:
        if self.agent is not None and self.queue is not None:
            raise BadParams("queue", "give only one of agent or queue")
        for field in _PRINTABLE:
            _printable(field, getattr(self, field))
        for number in self.numbers or ():
            _printable("numbers", number)
        if self.context is not None:
            if _depth_exceeds(self.context, CONTEXT_DEPTH):
                raise BadParams("context", f"is nested deeper than {CONTEXT_DEPTH}")
            size = len(msgspec.json.encode(self.context))
            if size > CONTEXT_BYTES:
                raise BadParams("context", f"is {size} bytes long; at most {CONTEXT_BYTES}")
        if (
            self.not_before is not None
            and self.deadline is not None
            and self.deadline <= self.not_before
        ):
            raise BadParams("deadline", "must be later than not_before")

    def require_party(self) -> None:
        """Raises BadParams where neither the request nor a rule said who talks to the customer."""
        _one_of(("agent", "queue"), {"agent": self.agent, "queue": self.queue})


_PRINTABLE = (
    "to", "agent", "queue", "id", "caller_id", "trunk", "site", "source", "known_agent", "centre",
    "script",
)  # fmt: skip


class JobRef(Params):
    """callback.get, callback.cancel."""

    id: JobId


class Reschedule(Params):
    """callback.reschedule: what is None stays as it is."""

    id: JobId
    not_before: UnixTime | None = None
    deadline: UnixTime | None = None
    numbers: Numbers | None = None

    def __post_init__(self) -> None:
        if self.not_before is None and self.deadline is None and self.numbers is None:
            raise BadParams("not_before", "give not_before, deadline or numbers")
        for number in self.numbers or ():
            _printable("numbers", number)


class Reprioritise(Params):
    """callback.reprioritise."""

    id: JobId
    priority: Priority


class Decision(Params):
    """callback.decide: what becomes of a job for which somebody may have been called."""

    id: JobId
    decision: Literal["retry", "fail"]


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
        _one_of(("call", "leg"), {"call": self.call, "leg": self.leg})


class NoParams(Params):
    """ping, call.list, engine.status."""


class DrainRequest(Params):
    """engine.drain: take no new callbacks; wait up to `timeout_s` (None: for ever) for the rest."""

    timeout_s: Annotated[float, Meta(ge=0, le=7 * 86400)] | None = None
    stop: bool = False


class Subscribe(Params):
    """events.subscribe: `since` and `epoch` are those of the last event the client has.

    `snapshot`: what is there now is sent too; None: where there is a gap.
    """

    types: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=64)
    ] = []
    since: Annotated[int, Meta(ge=0)] | None = None
    epoch: Identifier | None = None
    snapshot: bool | None = None


class Auth(Params):
    """auth: the first request on a TCP connection."""

    token: Annotated[str, Meta(max_length=1024)]
