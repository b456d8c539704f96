"""The conditions of a rule: what each looks at, what it wants, and whether it holds.

Pure: they look at facts, and ask `Surroundings` for what is not in them. No clock, no store.
"""

import hashlib
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from config.calendars import Calendar, read_dates
from config.patterns import compile_regex
from config.rules import CalendarMatch, FieldMatch, HistoryMatch, Match, QueueMatch

from .hours.opening_hours import OpeningHours
from .identity.caller_id_check import ANONYMOUS


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerHistory:
    """Earlier callbacks of a number: how many, how many attempts were made for them, how many
    completed, and when the last was requested."""

    callbacks: int = 0
    attempts: int = 0
    completed: int = 0
    last: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What rules look at. `given` is what the request says itself, by the names of settings."""

    to: str
    now: float
    kind: Literal["callback", "call"] = "callback"
    number: str | None = None
    region: str | None = None
    line_type: str | None = None
    queue: str | None = None
    agent: str | None = None
    site: str | None = None
    trunk: str | None = None
    dialled: str | None = None
    attestation: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    history: CallerHistory = field(default_factory=CallerHistory)
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Condition:
    """One condition of a rule, as it was judged: what it wants, what was found."""

    name: str
    wants: str
    found: Any
    holds: bool


class Queues(Protocol):
    """The queues, as rules look at them."""

    def count_waiting(self, queue: str) -> int:
        """How many wait in a queue; 0 where there is none of this name."""

    def count_free(self, queue: str) -> int:
        """How many agents of a queue could take a call now."""


class NoQueues:
    """Where nobody waits and no agent is there."""

    def count_waiting(self, _queue: str) -> int:
        """None."""
        return 0

    def count_free(self, _queue: str) -> int:
        """None."""
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What rules look at besides facts. `is_open` says whether a calendar is open at a time."""

    is_open: Callable[[str, float], bool] = lambda _calendar, _now: False
    random: Callable[[], float] = random.random
    queues: Queues = field(default_factory=NoQueues)


class Check(NamedTuple):
    """One condition, made ready: what it is called, what it wants in words, where it looks."""

    name: str
    wants: str
    found: Callable[[Facts], Any]
    holds: Callable[[Any, Facts], bool]

    def passes(self, facts: Facts) -> bool:
        """Whether it holds."""
        return self.holds(self.found(facts), facts)

    def judge(self, facts: Facts) -> Condition:
        """Whether it holds, and what was found."""
        found = self.found(facts)
        return Condition(
            name=self.name, wants=self.wants, found=found, holds=self.holds(found, facts)
        )


def checks_of(rule: str, match: Match, surroundings: Surroundings) -> Iterator[Check]:
    """The conditions of the rule of this name, cheapest first."""
    if match.kind is not None:
        yield _one_of("kind", [match.kind], lambda facts: facts.kind)
    if match.queue is not None:
        yield _one_of("queue", match.queue, lambda facts: facts.queue)
    if match.agent is not None:
        yield _one_of("agent", match.agent, lambda facts: facts.agent)
    if match.site is not None:
        yield _one_of("site", match.site, lambda facts: facts.site)
    if match.trunk is not None:
        yield _one_of("trunk", match.trunk, lambda facts: facts.trunk)
    if match.attestation is not None:
        yield _one_of("attestation", match.attestation, lambda facts: facts.attestation)
    if match.region is not None:
        yield _one_of("region", match.region, lambda facts: facts.region)
    if match.line_type is not None:
        yield _one_of("line_type", match.line_type, lambda facts: facts.line_type)
    if match.prefix is not None:
        yield _prefix("prefix", match.prefix, lambda facts: facts.number or facts.to)
    if match.dialled is not None:
        yield _prefix("dialled", match.dialled, lambda facts: facts.dialled)
    for key, wanted in match.context.items():
        yield from _context_tests(key, wanted)
    if match.history is not None:
        yield from _history_tests(match.history)
    if match.percent is not None:
        yield _percent(rule, match.percent, surroundings.random)
    if match.zone is not None:
        if match.hours is not None:
            yield _hours(match.hours, match.zone)
        if match.date is not None:
            yield _date(match.date, match.zone)
    if match.calendar is not None:
        yield _calendar(match.calendar, surroundings.is_open)
    if match.waiting is not None:
        yield _counted("waiting", match.waiting, surroundings.queues.count_waiting)
    if match.agents_free is not None:
        yield _counted("agents_free", match.agents_free, surroundings.queues.count_free)


def _one_of(name: str, wanted: Sequence[str], found: Callable[[Facts], Any]) -> Check:
    allowed = frozenset(wanted)
    return Check(name, _listed(wanted), found, lambda value, _facts: value in allowed)


def _prefix(name: str, wanted: Sequence[str], found: Callable[[Facts], Any]) -> Check:
    begins = tuple(wanted)
    words = f"begins with {_listed(wanted)}"
    return Check(
        name, words, found, lambda value, _facts: value is not None and value.startswith(begins)
    )


def _context_tests(key: str, wanted: FieldMatch) -> Iterator[Check]:
    name = f"context.{key}"

    def found(facts: Facts) -> Any:
        return look_up(facts.context, key)

    def any_text(holds: Callable[[str], bool]) -> Callable[[Any, Facts], bool]:
        return lambda value, _facts: any(holds(text) for text in _texts(value))

    if wanted.present is not None:
        present = wanted.present
        words = "present" if present else "absent"
        yield Check(name, words, found, lambda value, _facts: (value is not None) is present)
    if wanted.one_of is not None:
        texts = [as_text(value) or "" for value in wanted.one_of]
        yield Check(name, _listed(texts), found, any_text(frozenset(texts).__contains__))
    if wanted.prefix is not None:
        begins = tuple(wanted.prefix)
        words = f"begins with {_listed(begins)}"
        yield Check(name, words, found, any_text(lambda text: text.startswith(begins)))
    if wanted.regex is not None:
        pattern = compile_regex(wanted.regex)
        words = f"matches /{wanted.regex}/"
        yield Check(name, words, found, any_text(lambda text: pattern.search(text) is not None))


def _history_tests(wanted: HistoryMatch) -> Iterator[Check]:
    def counted(name: str, least: int | None, most: int | None) -> Iterator[Check]:
        def found(facts: Facts) -> Any:
            return getattr(facts.history, name)

        if least is not None:
            low = least
            yield Check(
                f"history.{name}", f"at least {low}", found, lambda count, _facts: count >= low
            )
        if most is not None:
            high = most
            yield Check(
                f"history.{name}", f"at most {high}", found, lambda count, _facts: count <= high
            )

    def last(facts: Facts) -> Any:
        return facts.history.last

    yield from counted("callbacks", wanted.min_callbacks, wanted.max_callbacks)
    yield from counted("attempts", wanted.min_attempts, wanted.max_attempts)
    yield from counted("completed", wanted.min_completed, wanted.max_completed)
    if wanted.last_within_s is not None:
        within_s = wanted.last_within_s
        yield Check(
            "history.last",
            f"within {within_s:g} s",
            last,
            lambda at, facts: at is not None and facts.now - at <= within_s,
        )
    if wanted.none_within_s is not None:
        free_s = wanted.none_within_s
        yield Check(
            "history.last",
            f"none within {free_s:g} s",
            last,
            lambda at, facts: at is None or facts.now - at > free_s,
        )


def _hours(hours: Sequence[str], zone: str) -> Check:
    opening = OpeningHours(Calendar(name="hours", zone=zone, hours=list(hours)))
    clock = ZoneInfo(zone)
    return Check(
        "hours",
        f"{_listed(hours)} {zone}",
        lambda facts: f"{datetime.fromtimestamp(facts.now, clock):%a %H:%M}",
        lambda _value, facts: opening.is_open(facts.now),
    )


def _date(wanted: Sequence[str], zone: str) -> Check:
    days, clock = [read_dates(text) for text in wanted], ZoneInfo(zone)

    def today(facts: Facts) -> date:
        return datetime.fromtimestamp(facts.now, clock).date()

    return Check(
        "date",
        f"{_listed(wanted)} {zone}",
        lambda facts: str(today(facts)),
        lambda _value, facts: any(one.has(today(facts)) for one in days),
    )


def _calendar(wanted: CalendarMatch, is_open: Callable[[str, float], bool]) -> Check:
    state = "open" if wanted.open else "closed"
    return Check(
        "calendar",
        f"{wanted.name} {state}",
        lambda facts: "open" if is_open(wanted.name, facts.now) else "closed",
        lambda value, _facts: value == state,
    )


def _percent(rule: str, percent: float, random: Callable[[], float]) -> Check:
    def found(facts: Facts) -> float:
        if facts.to == ANONYMOUS:  # one lot for all of them would be no share
            return random() * 100
        return drawn(rule, facts.number or facts.to)

    return Check(
        "percent", f"below {percent:g}", found, lambda value, _facts: bool(value < percent)
    )


def drawn(rule: str, number: str) -> float:
    """From 0 to under 100: the lot that a number draws in a rule, the same each time.

    Different rules draw apart.
    """
    digest = hashlib.blake2b(f"{rule}\0{number}".encode(), digest_size=8).digest()
    return math.floor(int.from_bytes(digest) / 2**64 * 10_000) / 100


def _counted(name: str, wanted: QueueMatch, count: Callable[[str], int]) -> Check:
    low, high = wanted.min or 0, math.inf if wanted.max is None else wanted.max
    bounds = [f"at least {wanted.min}"] if wanted.min is not None else []
    bounds += [f"at most {wanted.max}"] if wanted.max is not None else []
    where = f" in {wanted.queue}" if wanted.queue else ""

    def found(facts: Facts) -> int | None:
        queue = wanted.queue or facts.queue
        return None if queue is None else count(queue)

    return Check(
        name,
        " and ".join(bounds) + where,
        found,
        lambda value, _facts: value is not None and low <= value <= high,
    )


def look_up(context: Mapping[str, Any], key: str) -> Any:
    """The field `key`, or what `outer.inner` leads to; None where there is nothing."""
    if key in context:
        return context[key]
    value: Any = context
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def as_text(value: Any) -> str | None:
    """A plain value as the command line would write it; None for what is not plain."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    return None


def _texts(value: Any) -> list[str]:
    """The texts of a field: one, or those of its members where it is a list."""
    members = value if isinstance(value, list) else [value]
    return [text for member in members if (text := as_text(member)) is not None]


def _listed(values: Sequence[str]) -> str:
    quoted = [repr(value) for value in values[:5]]
    more = f" (and {len(values) - 5} more)" if len(values) > 5 else ""
    return " or ".join(quoted) + more
