"""What route.explain shows: rules in words, objections once, and the verdict."""

from typing import Any

import pytest

from engine.control.route_view import Objections, explained, requested, verdict_of
from engine.errors import BadParams, EngineError
from engine.request import CallbackRequest
from engine.routing.conditions import CallerHistory, Condition, Facts
from engine.routing.rules import Ruling, Step

GOLD = Condition(name="context.tier", wants="'gold'", found="gold", holds=True)
FRENCH = Condition(name="region", wants="'FR'", found=None, holds=False)


def facts(**fields: Any) -> Facts:
    given: dict[str, Any] = {
        "kind": "callback", "now": 5.0, "to": "+442079460123", "number": "+442079460123",
        "region": "GB", "line_type": "fixed_line", "context": {"tier": "gold"},
        "history": CallerHistory(),
    }  # fmt: skip
    return Facts(**given | fields)


@pytest.mark.parametrize(
    ("outcome", "conditions", "why"),
    [
        ("fired", [GOLD], "context.tier is \"gold\", which fits 'gold'"),
        ("fired", [], "it is for everything"),
        ("no_match", [GOLD, FRENCH], "region is nothing, not 'FR'"),
        ("not_looked_at", [], "a rule before it has decided"),
    ],
)
def test_each_rule_says_why(outcome: Any, conditions: list[Condition], why: str) -> None:
    step = Step(rule="r", outcome=outcome, conditions=conditions)
    shown = explained("callback", facts(), Ruling(trace=[step]), 5.0)
    assert (shown["kind"], shown["at"]) == ("callback", 5.0)
    assert shown["rules"][0]["why"] == why
    assert [one["name"] for one in shown["rules"][0]["conditions"]] == [
        one.name for one in step.conditions
    ]


def test_facts_and_settings_are_shown() -> None:
    shown = explained("call", facts(trunk="pbx"), Ruling(priority=5, fired=("gold",)), 5.0)
    assert shown["facts"]["trunk"] == "pbx" and shown["facts"]["context"] == {"tier": "gold"}
    assert shown["fired"] == ["gold"] and shown["set"] == {"priority": 5}


def test_the_request_is_shown_as_the_rules_leave_it() -> None:
    params = CallbackRequest(to="1", agent="alice", id="x", context={"a": 1})
    assert requested(params, Ruling(whisper="For {to}")) == {
        "to": "1", "agent": "alice", "whisper": {"template": "For {to}"},
    }  # fmt: skip


def test_objections_are_kept_step_by_step_and_each_reason_once() -> None:
    objections = Objections()
    with objections.of("party"):
        raise BadParams("agent", "give agent or queue")
    with objections.of("trunks"):
        raise EngineError("refused", "no route", data={"policy": "destinations"})
    with objections.of("queue"):
        raise EngineError("unavailable", "no route")  # said before, of another step
    with objections.of("centre"):
        pass
    assert objections.found == [
        {"step": "party", "kind": "params", "reason": "give agent or queue"},
        {"step": "trunks", "kind": "refused", "reason": "no route", "policy": "destinations"},
    ]


OPEN = {"open": True, "agents": []}
COULD, COULD_NOT = {"could": True}, {"could": False}


@pytest.mark.parametrize(
    ("verdict", "asked"),
    [
        ("refused", ([{"kind": "refused"}, {"kind": "unavailable"}], None, None, None)),
        ("unavailable", ([{"kind": "unavailable"}], None, None, None)),
        ("scheduled", ([], 2000.0, None, COULD)),
        ("called", ([], 500.0, None, COULD)),
        ("called", ([], None, OPEN | {"agents": [COULD_NOT, COULD]}, None)),
        ("waits", ([], None, OPEN | {"agents": [COULD_NOT]}, None)),
        ("waits", ([], None, OPEN, None)),
        ("waits", ([], None, None, COULD_NOT)),
    ],
)
def test_the_verdict_in_one_word(verdict: str, asked: tuple[Any, Any, Any, Any]) -> None:
    objections, not_before, queue, agent = asked
    assert verdict_of(objections, not_before, 1000.0, queue, agent)["verdict"] == verdict
