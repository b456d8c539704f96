"""The rules: from what is known of a callback or call to what the configuration sets for it.

Facts in, ruling out; what rules look at is in conditions.py. Rules are looked at in their order.
The first that matches ends the search, unless it says `continue`. What one rule has set, no later
rule changes; what the request says itself, only a rule with `override` changes. The queue and the
agent are one thing: who talks to the customer. Skills are set one by one.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from config.rules import Rule

from .conditions import Check, Condition, Facts, Surroundings, checks_of

PARTY = ("queue", "agent")


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
    last_agent_days: float | None = None
    order: Literal["agent_first", "customer_first"] | None = None
    max_attempts: int | None = None
    ring_s: float | None = None
    max_duration_s: float | None = None
    detect: bool | dict[str, Any] | None = None
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


class _Compiled(NamedTuple):
    rule: Rule
    checks: tuple[Check, ...]
    sets: Mapping[str, Any]


class Rules:
    """The configured rules, made ready."""

    def __init__(
        self, rules: Sequence[Rule] = (), surroundings: Surroundings | None = None
    ) -> None:
        around = surroundings or Surroundings()
        self._rules = [
            _Compiled(rule, tuple(checks_of(rule.name, rule.match, around)), rule.set.given())
            for rule in rules
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
                conditions = [check.judge(setter.facts) for check in compiled.checks]
                matches = all(condition.holds for condition in conditions)
            else:
                matches = all(check.passes(setter.facts) for check in compiled.checks)
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
