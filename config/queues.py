"""[[queues]] and [[centres]]: who waits for whom, how long, and where they go otherwise.

All times `after_s` and `within_s` count from the moment the entry came into this queue.
"""

from typing import Any, Literal

from pydantic import Field, model_validator

from .agents import Level, WrapUp
from .policy import FullPrefix
from .sections import Section, first_duplicate
from .values import Name, OutsideNumber, Region, Seconds, wrong

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


class Overflow(Section):
    """[[queues.overflow]]: where an entry goes after a while, or how its priority rises."""

    after_s: Seconds
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
        return self


class Queue(Section):
    """[[queues]]: one queue."""

    name: Name
    strategy: StrategyName = "longest_idle"
    agents: list[str] = Field(default=[])
    skills: dict[Name, Level] = Field(default={}, max_length=64)
    weight: float = Field(default=1.0, gt=0, le=1000, allow_inf_nan=False)
    ring_s: Seconds = 20.0
    wrap_up_s: WrapUp | None = None
    ring_at_once: int = Field(default=3, ge=1, le=100)
    again_s: float = Field(default=10.0, ge=0, le=3600, allow_inf_nan=False)
    max_length: int = Limit
    max_wait_s: float = OptionalSeconds
    capacity: int = Limit
    release_per_min: float = Field(default=0.0, ge=0, le=60_000, allow_inf_nan=False)
    known_agent_s: float = OptionalSeconds
    share_s: float = OptionalSeconds
    service_level_s: float = OptionalSeconds
    calendar: str = ""
    when_closed: Literal["refuse", "schedule"] = "refuse"
    at_closing: Literal["serve", "send_away"] = "serve"
    tiers: list[Tier] = Field(default=[])
    shares: list[Share] = Field(default=[])
    vip: list[Vip] = Field(default=[])
    overflow: list[Overflow] = Field(default=[])

    @model_validator(mode="after")
    def _check(self) -> "Queue":
        for key, entries in (("tiers", self.tiers), ("overflow", self.overflow)):
            times = [entry.after_s for entry in entries]
            if times != sorted(times):
                raise wrong(key, "must be in the order of after_s")
        twice = first_duplicate(self.agents)
        if twice is not None:
            raise wrong("agents", f"agent {twice!r} stands twice")
        if self.shares and not any(share.percent for share in self.shares):
            raise wrong("shares", "at least one must be above 0 per cent")
        return self
