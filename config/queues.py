"""[[queues]] and [[centres]]: who waits for whom, how long, and where they go otherwise.

All times `after_s` and `within_s` count from the moment the entry came into this queue.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .agents import Level, Outcomes, WrapUp
from .errors import wrong
from .languages import Language
from .policy import FullPrefix
from .section import Section, first_duplicate
from .spoken import VoiceName
from .values import Name, OutsideNumber, PhoneKey, Region, Seconds

StrategyName = Literal[
    "longest_idle",
    "round_robin",
    "fewest_calls",
    "least_talk_time",
    "ordered",
    "random",
    "ring_several",
    "best_skill",
]

# Who waits: a caller on the line, or a callback.
EntryKind = Literal["callback", "call"]

Limit = Field(default=0, ge=0, le=1_000_000)
OptionalSeconds = Field(default=0.0, ge=0, le=7 * 86400, allow_inf_nan=False)
Raise = Field(default=0, ge=-1000, le=1000)


class Centre(Section):
    """[[centres]]: a place where agents work; or, with `number`, one outside."""

    name: Name
    calendar: str = ""
    number: OutsideNumber = ""


class Tier(Section):
    """[[queues.tiers]]: after a while, lower levels will do and others may help."""

    after_s: Seconds
    lower_skills: int = Field(default=0, ge=0, le=100)
    agents: list[str] = Field(default=[])
    queues: list[str] = Field(default=[])
    centres: list[str] = Field(default=[])


class Share(Section):
    """[[queues.shares]]: a centre's share of the load, at its hours, for its places."""

    centre: str
    percent: float = Field(ge=0, le=100)
    calendar: str = ""
    regions: list[Region] = Field(default=[])
    prefixes: list[FullPrefix] = Field(default=[])


class Vip(Section):
    """[[queues.vip]]: who is kept for certain agents for a while, or comes before others."""

    context: dict[str, Any] = Field(default={})
    min_priority: int | None = Field(default=None, ge=-1000, le=1000)
    agents: list[str] = Field(default=[])
    within_s: float = OptionalSeconds
    raise_priority: int = Raise

    @model_validator(mode="after")
    def _check(self) -> "Vip":
        if not self.context and self.min_priority is None:
            raise wrong("context", "needed, or min_priority: who is a VIP?")
        if bool(self.agents) != bool(self.within_s):
            raise wrong("within_s", "agents and within_s belong together")
        if not self.agents and not self.raise_priority:
            raise wrong("agents", "needed, or raise_priority: what does a VIP get?")
        return self


OverflowWhen = Literal["time", "length", "expected_wait", "nobody", "full", "closed"]


class Overflow(Section):
    """[[queues.overflow]]: when and where an entry goes, or how its priority rises."""

    when: OverflowWhen = "time"
    after_s: Annotated[float, Field(ge=0, le=7 * 86400, allow_inf_nan=False)] | None = None
    above: float | None = Field(default=None, ge=0, le=1_000_000, allow_inf_nan=False)
    """With `length` how many may stand there up to the entry, with `expected_wait` how long they
    may have to wait (seconds)."""
    queue: str = ""
    centre: str = ""
    number: OutsideNumber = ""
    raise_priority: int = Raise

    @model_validator(mode="after")
    def _check(self) -> "Overflow":
        targets = sum(bool(target) for target in (self.queue, self.centre, self.number))
        if targets > 1:
            raise wrong("queue", "give only one of queue, centre and number")
        if not targets and not self.raise_priority:
            raise wrong("queue", "give queue, centre, number or raise_priority")
        self._check_when()
        return self

    def _check_when(self) -> None:
        if self.when == "time" and not self.after_s:
            raise wrong("after_s", "missing, or 0; or say when")
        if (self.above is None) == (self.when in ("length", "expected_wait")):
            raise wrong("above", 'belongs to when = "length" and when = "expected_wait"')
        if self.is_instead:
            if self.after_s:
                raise wrong("after_s", f'an entry goes at once with when = "{self.when}"')
            if not (self.queue or self.centre or self.number):
                raise wrong("queue", f'needed, or centre or number, with when = "{self.when}"')

    @property
    def is_instead(self) -> bool:
        """Whether it says where an entry goes that the queue does not admit."""
        return self.when in ("full", "closed")


class QueueLimits(Section):
    """[queues.callers], [queues.callbacks]: what holds for one kind of entries alone.

    What is not given is as for the queue.
    """

    max_length: int | None = Field(default=None, ge=0, le=1_000_000)
    max_wait_s: float | None = Field(default=None, ge=0, le=7 * 86400, allow_inf_nan=False)
    overflow: list[Overflow] | None = None


class Queue(Section):
    """[[queues]]: one queue."""

    name: Name
    strategy: StrategyName = "longest_idle"
    agents: list[str] = Field(default=[])
    skills: dict[Name, Level] = Field(default={}, max_length=64)
    weight: float = Field(default=1.0, gt=0, le=1000, allow_inf_nan=False)
    ring_s: Seconds = 20.0
    wrap_up_s: WrapUp | None = None
    outcomes: Outcomes | None = None
    outcome_required: bool | None = None
    detect: bool | None = None
    ring_at_once: int = Field(default=3, ge=1, le=100)
    again_s: float = Field(default=10.0, ge=0, le=3600, allow_inf_nan=False)
    max_length: int = Limit
    max_wait_s: float = OptionalSeconds
    capacity: int = Limit
    release_per_min: float = Field(default=0.0, ge=0, le=60_000, allow_inf_nan=False)
    known_agent_s: float = OptionalSeconds
    share_s: float = OptionalSeconds
    service_level_s: float = OptionalSeconds
    language: Language = ""
    voice: VoiceName = ""
    calendar: str = ""
    script: Name | Literal[""] = ""
    """What callers go through who are not to wait, or do not want to."""
    script_digit: PhoneKey = ""
    after_script: Name | Literal[""] = ""
    """What callers and customers go through after the talk."""
    when_closed: Literal["refuse", "schedule"] = "refuse"
    at_closing: Literal["serve", "send_away"] = "serve"
    tiers: list[Tier] = Field(default=[])
    shares: list[Share] = Field(default=[])
    vip: list[Vip] = Field(default=[])
    overflow: list[Overflow] = Field(default=[])
    callers: QueueLimits = QueueLimits()
    callbacks: QueueLimits = QueueLimits()

    def limits_of(self, kind: EntryKind) -> QueueLimits:
        """What holds for callers (`call`), or for callbacks."""
        return self.callers if kind == "call" else self.callbacks

    def max_wait_of(self, kind: EntryKind) -> float:
        """How long an entry of this kind may wait (seconds); 0: without limit."""
        own = self.limits_of(kind).max_wait_s
        return self.max_wait_s if own is None else own

    def overflow_of(self, kind: EntryKind) -> list[Overflow]:
        """Where entries of this kind go."""
        own = self.limits_of(kind).overflow
        return self.overflow if own is None else own

    @property
    def overflows(self) -> Iterator[tuple[str, Overflow]]:
        """Every step of either kind, with its key."""
        for key, steps in (
            ("overflow", self.overflow),
            ("callers.overflow", self.callers.overflow),
            ("callbacks.overflow", self.callbacks.overflow),
        ):
            for number, step in enumerate(steps or ()):
                yield f"{key}[{number}]", step

    @model_validator(mode="after")
    def _check(self) -> "Queue":
        if [tier.after_s for tier in self.tiers] != sorted(tier.after_s for tier in self.tiers):
            raise wrong("tiers", "must be in the order of after_s")
        for key, steps in (
            ("overflow", self.overflow),
            ("callers", self.callers.overflow),
            ("callbacks", self.callbacks.overflow),
        ):
            times = [step.after_s or 0.0 for step in steps or () if step.when == "time"]
            if times != sorted(times):
                raise wrong(key, "must be in the order of after_s")
        twice = first_duplicate(self.agents)
        if twice is not None:
            raise wrong("agents", f"agent {twice!r} stands twice")
        if self.script_digit and not self.script:
            raise wrong("script_digit", "leads to the script, and there is none")
        if self.shares and not any(share.percent for share in self.shares):
            raise wrong("shares", "at least one must be above 0 per cent")
        return self
