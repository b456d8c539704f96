"""How the method route.explain shows what it found out."""

from typing import Any

import msgspec

from ..errors import EngineError
from ..request import CallbackRequest
from ..routing.rules import Condition, Facts, Ruling, Step


def explained(kind: str, facts: Facts, ruling: Ruling, now: float) -> dict[str, Any]:
    """What the rules were told and what they set, rule by rule."""
    return {
        "kind": kind,
        "at": now,
        "facts": {
            "to": facts.to,
            "number": facts.number,
            "region": facts.region,
            "line_type": facts.line_type,
            "queue": facts.queue,
            "agent": facts.agent,
            "site": facts.site,
            "trunk": facts.trunk,
            "dialled": facts.dialled,
            "context": facts.context,
            "history": {
                "callbacks": facts.history.callbacks,
                "attempts": facts.history.attempts,
                "completed": facts.history.completed,
                "last": facts.history.last,
            },
        },
        "rules": [_step(step) for step in ruling.trace],
        "fired": list(ruling.fired),
        "set": ruling.settings(),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "rule": step.rule,
        "outcome": step.outcome,
        "why": _why(step),
        "conditions": [_condition(one) for one in step.conditions],
        "set": step.set,
        "kept": step.kept,
    }


def _condition(one: Condition) -> dict[str, Any]:
    return {"name": one.name, "wants": one.wants, "found": one.found, "holds": one.holds}


def _why(step: Step) -> str:
    """The first condition that does not hold, or all that do, in words."""
    if step.outcome == "not_looked_at":
        return "a rule before it has decided"
    if step.outcome == "no_match":
        return next(_words(one) for one in step.conditions if not one.holds)
    return ", ".join(_words(one) for one in step.conditions) or "it is for everything"


def _words(one: Condition) -> str:
    found = "nothing" if one.found is None else msgspec.json.encode(one.found).decode()
    return f"{one.name} is {found}, {'which fits' if one.holds else 'not'} {one.wants}"


def requested(params: CallbackRequest, ruling: Ruling) -> dict[str, Any]:
    """The request as the rules leave it."""
    shown = {
        name: value
        for name in CallbackRequest.__struct_fields__
        if name not in ("context", "id") and (value := getattr(params, name)) is not None
    }
    if ruling.whisper is not None:
        shown["whisper"] = {"template": ruling.whisper}
    return shown


def objection(step: str, error: EngineError) -> dict[str, Any]:
    """Why a step refuses it."""
    policy = error.data.get("policy")
    told = {"step": step, "kind": error.kind, "reason": error.message}
    return told if policy is None else told | {"policy": policy}


def verdict_of(
    objections: list[dict[str, Any]],
    not_before: float | None,
    now: float,
    queue: dict[str, Any] | None,
    agent: dict[str, Any] | None,
) -> dict[str, Any]:
    """What would become of it, in one word, and every objection."""
    if objections:
        kinds = {one["kind"] for one in objections}
        verdict = "unavailable" if kinds == {"unavailable"} else "refused"
    elif (not_before is not None and not_before > now) or (queue is not None and not queue["open"]):
        verdict = "scheduled"
    else:
        could = [one["could"] for one in (*(queue["agents"] if queue else ()), agent) if one]
        verdict = "called" if any(could) else "waits"
    return {"verdict": verdict, "objections": objections}
