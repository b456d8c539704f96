"""A request for a callback, as a client writes it and as rules complete it.

Every structure forbids unknown members, so a misspelt one is an error that names it.
Limits are in characters unless a name says otherwise. Times are Unix seconds.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from config.choices import OnCrash, Order, ToKind
from config.detection import Follow
from config.retry import RetryCause

from .errors import BadParams
from .job import RetryRule

CONTEXT_BYTES = 16 * 1024
CONTEXT_DEPTH = 16
MOST_NUMBERS = 10


class Params(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What all parameters share."""


JobId = Annotated[str, Meta(min_length=1, max_length=128)]
Identifier = Annotated[str, Meta(min_length=1, max_length=128)]
Target = Annotated[str, Meta(min_length=1, max_length=512)]
UnixTime = Annotated[float, Meta(ge=0, le=1e11)]
RingTime = Annotated[float, Meta(gt=0, le=3600)]
CallTime = Annotated[float, Meta(gt=0, le=7 * 86400)]


def one_of(names: Iterable[str], given: Mapping[str, object]) -> None:
    names = list(names)
    count = sum(given[name] is not None for name in names)
    if count == 1:
        return
    listed = ", ".join(names[:-1]) + f" or {names[-1]}"
    if count == 0:
        raise BadParams(names[0], f"give {listed}")
    extra = [name for name in names if given[name] is not None][1]
    raise BadParams(extra, f"give only one of {listed}")


def printable(field: str, value: str | None) -> None:
    if value is not None and not value.isprintable():
        raise BadParams(field, "must be printable characters on one line")


def check_context(context: Mapping[str, Any] | None) -> None:
    """Raise BadParams for a context that is nested too deep, or too long."""
    if context is None:
        return
    if _depth_exceeds(context, CONTEXT_DEPTH):
        raise BadParams("context", f"is nested deeper than {CONTEXT_DEPTH}")
    size = len(msgspec.json.encode(context))
    if size > CONTEXT_BYTES:
        raise BadParams("context", f"is {size} bytes long; at most {CONTEXT_BYTES}")


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
        one_of(("text", "file", "tone"), {"text": self.text, "file": self.file, "tone": self.tone})
        printable("file", self.file)
        if isinstance(self.tone, str):
            printable("tone", self.tone)


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


class DetectSpec(Params):
    """Whether it is told who or what answers, and what follows, as [detection] has it.

    What is left out is as configured.
    """

    enabled: bool = True
    wait: bool | None = None
    voicemail: Follow | None = None
    ivr: Follow | None = None
    screening: Follow | None = None
    fax: Follow | None = None
    silence: Follow | None = None
    unknown: Follow | None = None
    message: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    language: Annotated[str, Meta(min_length=2, max_length=35)] | None = None

    def __post_init__(self) -> None:
        printable("detect.message", self.message)
        printable("detect.language", self.language)

    def asked(self) -> dict[str, Any]:
        """What it says, as a job keeps it."""
        said = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in said.items() if value is not None}


def asked_detection(detect: "bool | DetectSpec | None") -> dict[str, Any] | None:
    """What a job keeps of `detect`."""
    if isinstance(detect, bool):
        return {"enabled": detect}
    return None if detect is None else detect.asked()


class SlotSpec(Params):
    """The slot of a callback: at most `most` of its queue or agent are due from `start` and before
    `end`.

    Without `most`: as many as the queue has agents, or one of an agent. `taken` are places of which
    the engine does not know.
    """

    start: UnixTime
    end: UnixTime
    most: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    taken: Annotated[int, Meta(ge=0, le=1_000_000)] = 0

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise BadParams("slot.end", "must be later than slot.start")

    def holds(self, at: float | None) -> bool:
        """Whether a time is in it."""
        return at is not None and self.start <= at < self.end


Places = Annotated[int, Meta(ge=0, le=1_000_000)]
"""How many more wait in a queue of whom the engine does not know."""
Numbers = Annotated[list[Target], Meta(max_length=MOST_NUMBERS)]
Priority = Annotated[int, Meta(ge=-1000, le=1000)]
Skills = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=64)], Annotated[int, Meta(ge=1, le=10)]],
    Meta(max_length=64),
]


RegionCode = Annotated[
    str, Meta(pattern="^[A-Z]{2}$", description="a country in two capital letters, such as DE")
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
    detect: bool | DetectSpec | None = None
    join: bool | None = None
    script: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None
    customer_script: Identifier | None = None
    agent_script: Identifier | None = None
    after_script: Identifier | None = None
    notify_url: Annotated[str, Meta(min_length=1, max_length=2048)] | None = None
    to_kind: ToKind | None = None
    region: RegionCode | None = None
    slot: SlotSpec | None = None
    queue_taken: Places | None = None

    def __post_init__(self) -> None:
        if self.slot is not None and not self.slot.holds(self.not_before):
            raise BadParams("slot", "must have not_before in it")
        if self.agent is not None and self.queue is not None:
            raise BadParams("queue", "give only one of agent or queue")
        for field in _PRINTABLE:
            if (text := getattr(self, field)) is not None:
                printable(field, text)
        for number in self.numbers or ():
            printable("numbers", number)
        check_context(self.context)
        if (
            self.not_before is not None
            and self.deadline is not None
            and self.deadline <= self.not_before
        ):
            raise BadParams("deadline", "must be later than not_before")

    def require_party(self) -> None:
        """Raises BadParams where neither the request nor a rule said who talks to the customer."""
        one_of(("agent", "queue"), {"agent": self.agent, "queue": self.queue})


_PRINTABLE = (
    "to", "agent", "queue", "id", "caller_id", "trunk", "site", "source", "known_agent", "centre",
    "script", "customer_script", "agent_script", "after_script",
)  # fmt: skip


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
            printable("numbers", number)
