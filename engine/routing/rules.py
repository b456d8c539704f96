"""The rules: from what is known of a callback or call to what the configuration sets for it.

Pure: facts in, ruling out, no clock and no store. Rules are looked at in their order. The first
that matches ends the search, unless it says `continue`. What one rule has set, no later rule
changes; what the request says itself, only a rule with `override` changes. The queue and the agent
are one thing: who talks to the customer. Skills are set one by one.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from config.calendars import Calendar
from config.rules import FieldMatch, HistoryMatch, Match, Rule, compile_regex

from .opening_hours import OpeningHours

PARTY = ("queue", "agent")


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


@dataclass(slots=True, kw_only=True)
class Step:
    """What became of one rule. `kept` says why something that it would set stays as it was."""

    rule: str
    outcome: Literal["fired", "no_match", "not_looked_at"]
    conditions: list[Condition] = field(default_factory=list)
    set: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Ruling:
    """What the rules have set; None, or no skills, where they leave things as they are."""

    queue: str | None = None
    agent: str | None = None
    skills: dict[str, int] = field(default_factory=dict)
    priority: int | None = None
    whisper: str | None = None
    caller_id: str | None = None
    trunk: str | None = None
    record: bool | None = None
    script: str | None = None
    centre: str | None = None
    known_agent: str | None = None
    order: Literal["agent_first", "customer_first"] | None = None
    max_attempts: int | None = None
    ring_s: float | None = None
    max_duration_s: float | None = None
    fired: tuple[str, ...] = ()
    trace: list[Step] = field(default_factory=list)

    def settings(self) -> dict[str, Any]:
        """What is set, by name."""
        return {
            name: value for name in SETTINGS if (value := getattr(self, name)) not in (None, {})
        }


SETTINGS = tuple(
    part.name for part in dataclasses.fields(Ruling) if part.name not in ("fired", "trace")
)


class _Test(NamedTuple):
    name: str
    wants: str
    found: Callable[[Facts], Any]
    holds: Callable[[Any, Facts], bool]


class _Compiled(NamedTuple):
    rule: Rule
    tests: tuple[_Test, ...]
    sets: Mapping[str, Any]


class Rules:
    """The configured rules, made ready. `is_open` says whether a calendar is open at a time."""

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        *,
        is_open: Callable[[str, float], bool] = lambda _calendar, _now: False,
    ) -> None:
        self._rules = [
            _Compiled(rule, tuple(_tests(rule.match, is_open)), rule.set.given()) for rule in rules
        ]
        self.needs_history = any(rule.match.history is not None for rule in rules)

    def __len__(self) -> int:
        return len(self._rules)

    def apply(self, facts: Facts, *, explain: bool = False) -> Ruling:
        """What the rules set. With `explain` each condition is judged and the trace filled."""
        ruling = Ruling()
        setter = _Setter(ruling, facts)
        fired: list[str] = []
        over = False
        for compiled in self._rules:
            rule = compiled.rule
            if over:
                ruling.trace.append(Step(rule=rule.name, outcome="not_looked_at"))
                continue
            conditions: list[Condition] = []
            if explain:
                conditions = [_judge(test, setter.facts) for test in compiled.tests]
                matches = all(condition.holds for condition in conditions)
            else:
                matches = all(
                    test.holds(test.found(setter.facts), setter.facts) for test in compiled.tests
                )
            step = Step(
                rule=rule.name, outcome="fired" if matches else "no_match", conditions=conditions
            )
            if matches:
                fired.append(rule.name)
                setter.set(rule, compiled.sets, step)
                over = not rule.continue_
            if explain:
                ruling.trace.append(step)
            elif over:
                break
        ruling.fired = tuple(fired)
        return ruling


class _Setter:
    """Fills a ruling, and knows what may not be set any more and why."""

    def __init__(self, ruling: Ruling, facts: Facts) -> None:
        self.facts = facts
        self._ruling = ruling
        self._set_by: dict[str, str] = {}

    def set(self, rule: Rule, values: Mapping[str, Any], step: Step) -> None:
        for name, value in values.items():
            if name == "skills":
                self._set_skills(rule, value, step)
                continue
            slot = "party" if name in PARTY else name
            said = [one for one in (PARTY if slot == "party" else (name,)) if one in self._given]
            reason = self._reason(rule, slot, said)
            if reason is not None:
                step.kept[name] = reason
                continue
            self._set_by[slot] = rule.name
            setattr(self._ruling, name, value)
            step.set[name] = value
            if slot == "party":
                # Later rules see who it is by now.
                other = PARTY[1 - PARTY.index(name)]
                self.facts = dataclasses.replace(self.facts, **{name: value, other: None})

    def _set_skills(self, rule: Rule, skills: Mapping[str, int], step: Step) -> None:
        said = self._given.get("skills") or {}
        taken: dict[str, int] = {}
        for skill, level in skills.items():
            slot = f"skills.{skill}"
            reason = self._reason(rule, slot, ["skills." + skill] if skill in said else [])
            if reason is not None:
                step.kept[slot] = reason
                continue
            self._set_by[slot] = rule.name
            taken[skill] = level
        if taken:
            self._ruling.skills = self._ruling.skills | taken
            step.set["skills"] = taken

    @property
    def _given(self) -> Mapping[str, Any]:
        return self.facts.given

    def _reason(self, rule: Rule, slot: str, said: list[str]) -> str | None:
        """Why `slot` may not be set; None where it may."""
        setter = self._set_by.get(slot)
        if setter is not None:
            return f"rule {setter} has set it"
        if said and not rule.override:
            return f"the request says {said[0]} itself"
        return None


# -- the conditions -----------------------------------------------------------------------------


def _judge(test: _Test, facts: Facts) -> Condition:
    found = test.found(facts)
    return Condition(name=test.name, wants=test.wants, found=found, holds=test.holds(found, facts))


def _tests(match: Match, is_open: Callable[[str, float], bool]) -> Iterator[_Test]:
    """The conditions of a rule, cheapest first."""
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
    if match.hours is not None and match.zone is not None:
        yield _hours(match.hours, match.zone)
    if match.calendar is not None:
        yield _calendar(match.calendar, is_open)


def _one_of(name: str, wanted: Sequence[str], found: Callable[[Facts], Any]) -> _Test:
    allowed = frozenset(wanted)
    return _Test(name, _listed(wanted), found, lambda value, _facts: value in allowed)


def _prefix(name: str, wanted: Sequence[str], found: Callable[[Facts], Any]) -> _Test:
    begins = tuple(wanted)
    words = f"begins with {_listed(wanted)}"
    return _Test(
        name, words, found, lambda value, _facts: value is not None and value.startswith(begins)
    )


def _context_tests(key: str, wanted: FieldMatch) -> Iterator[_Test]:
    name = f"context.{key}"

    def found(facts: Facts) -> Any:
        return look_up(facts.context, key)

    def any_text(holds: Callable[[str], bool]) -> Callable[[Any, Facts], bool]:
        return lambda value, _facts: any(holds(text) for text in _texts(value))

    if wanted.present is not None:
        present = wanted.present
        words = "present" if present else "absent"
        yield _Test(name, words, found, lambda value, _facts: (value is not None) is present)
    if wanted.one_of is not None:
        texts = [as_text(value) or "" for value in wanted.one_of]
        yield _Test(name, _listed(texts), found, any_text(frozenset(texts).__contains__))
    if wanted.prefix is not None:
        begins = tuple(wanted.prefix)
        words = f"begins with {_listed(begins)}"
        yield _Test(name, words, found, any_text(lambda text: text.startswith(begins)))
    if wanted.regex is not None:
        pattern = compile_regex(wanted.regex)
        words = f"matches /{wanted.regex}/"
        yield _Test(name, words, found, any_text(lambda text: pattern.search(text) is not None))


def _history_tests(wanted: HistoryMatch) -> Iterator[_Test]:
    def counted(name: str, least: int | None, most: int | None) -> Iterator[_Test]:
        def found(facts: Facts) -> Any:
            return getattr(facts.history, name)

        if least is not None:
            low = least
            yield _Test(
                f"history.{name}", f"at least {low}", found, lambda count, _facts: count >= low
            )
        if most is not None:
            high = most
            yield _Test(
                f"history.{name}", f"at most {high}", found, lambda count, _facts: count <= high
            )

    def last(facts: Facts) -> Any:
        return facts.history.last

    yield from counted("callbacks", wanted.min_callbacks, wanted.max_callbacks)
    yield from counted("attempts", wanted.min_attempts, wanted.max_attempts)
    yield from counted("completed", wanted.min_completed, wanted.max_completed)
    if wanted.last_within_s is not None:
        within_s = wanted.last_within_s
        yield _Test(
            "history.last",
            f"within {within_s:g} s",
            last,
            lambda at, facts: at is not None and facts.now - at <= within_s,
        )
    if wanted.none_within_s is not None:
        free_s = wanted.none_within_s
        yield _Test(
            "history.last",
            f"none within {free_s:g} s",
            last,
            lambda at, facts: at is None or facts.now - at > free_s,
        )


def _hours(hours: Sequence[str], zone: str) -> _Test:
    opening = OpeningHours(Calendar(name="hours", zone=zone, hours=list(hours)))
    clock = ZoneInfo(zone)
    return _Test(
        "hours",
        f"{_listed(hours)} {zone}",
        lambda facts: f"{datetime.fromtimestamp(facts.now, clock):%a %H:%M}",
        lambda _value, facts: opening.is_open(facts.now),
    )


def _calendar(name: str, is_open: Callable[[str, float], bool]) -> _Test:
    return _Test(
        "calendar",
        f"{name} open",
        lambda facts: "open" if is_open(name, facts.now) else "closed",
        lambda value, _facts: value == "open",
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
