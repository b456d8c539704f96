"""Agents as the command line shows them: in a table, and one in full."""

import time
from typing import Any

import pytest
from rich.console import Console

from engine.cli import agents


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(width=200, record=True, highlight=False, force_terminal=False)
    monkeypatch.setattr(agents, "console", console)
    return console


def agent(**fields: Any) -> dict[str, Any]:
    """One agent, as agent.get gives it."""
    desk = {"uri": "sip:alice@pbx", "kind": "desk", "ring_s": None, "enabled": True, "confirm": ""}
    return {
        "agent": "alice", "state": "available", "since": time.time() - 60, "reason": None,
        "work": None, "wish": None, "wish_reason": None, "wrap_up_until": None, "missed": 0,
        "calls": 3, "talk_s": 125.0, "times": {"available": 60.0, "talking": 125.0, "paused": 0.0},
        "skills": {}, "queues": [], "centre": "", "addresses": [desk], "permanent": False,
        "line": None,
    } | fields  # fmt: skip


def lines(console: Console) -> dict[str, str]:
    """What is shown of one agent, by its name at the left."""
    pairs = (line.split("  ", 1) for line in console.export_text().splitlines())
    return {pair[0].strip(): pair[-1].strip() for pair in pairs}


def test_one_agent_in_full(shown: Console) -> None:
    mobile = {"uri": "+447700900123", "kind": "mobile", "ring_s": 15.0, "enabled": False}
    desk = agent()["addresses"][0]
    agents.print_agent(
        agent(
            state="wrap_up",
            work="order-17",
            wrap_up_until=time.time() + 30,
            skills={"german": 3, "sales": 5},
            queues=["sales", "support"],
            centre="london",
            permanent=True,
            line="up",
            addresses=[desk, mobile],
        )
    )
    found = lines(shown)
    assert (found["agent"], found["state"], found["for"]) == ("alice", "wrap up", "1:00")
    assert (found["work"], found["line"], found["centre"]) == ("order-17", "up", "london")
    assert found["wrap-up ends"].startswith("in 0:")
    assert found["today"] == "3 calls, talked 2:05"
    assert found["times"] == "available 1:00, talking 2:05"
    assert found["skills"] == "german 3, sales 5"
    assert found["queues"] == "sales, support"
    assert found["address 1"] == "sip:alice@pbx (desk)"
    assert found["address 2"] == "+447700900123 (mobile, for 15 s, off)"


def test_what_there_is_not_is_not_shown(shown: Console) -> None:
    agents.print_agent(agent())
    assert lines(shown).keys() == {"agent", "state", "for", "today", "times", "address 1"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"reason": "lunch"}, "lunch"),
        ({"wish": "paused", "wish_reason": "lunch"}, "then paused (lunch)"),
        ({"wish": "logged_out"}, "then logged out"),
        ({"reason": "late", "wish": "paused"}, "late; then paused"),
    ],
)
def test_what_an_agent_asked_for_during_a_call_is_shown(
    shown: Console, fields: dict[str, Any], reason: str
) -> None:
    agents.print_agent(agent(state="talking", **fields))
    assert lines(shown)["reason"] == reason


def test_agents_are_a_table_with_the_seats_below(shown: Console) -> None:
    both = [agent(), agent(agent="bob", state="paused", reason="lunch", queues=["sales"])]
    agents.print_agents({"agents": both, "seats": 5, "taken": 2})
    text = shown.export_text().splitlines()
    assert [line.split()[0] for line in text] == ["agent", "alice", "bob", "2"]
    assert "paused" in text[2] and "lunch" in text[2] and "sales" in text[2]
    assert text[3] == "2 of 5 seats are taken"
