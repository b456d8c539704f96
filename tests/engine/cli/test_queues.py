"""Queues as the command line shows them: in a table, one in full, and why nobody is offered."""

from typing import Any

import pytest
from rich.console import Console

from engine.cli import queues


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(width=200, record=True, highlight=False, force_terminal=False)
    monkeypatch.setattr(queues, "console", console)
    return console


def queue(**fields: Any) -> dict[str, Any]:
    """One queue, as queue.get gives it."""
    return {
        "queue": "sales", "strategy": "longest_idle", "paused": False, "open": True,
        "opens_at": None, "waiting": 0, "offered": 0, "talking": 0, "longest_wait_s": 0.0,
        "expected_wait_s": None, "agents": {}, "centres": {}, "removed": False,
        "tally": {"joined": 0, "answered": 0, "abandoned": 0}, "why_waiting": None,
    } | fields  # fmt: skip


def entry(**fields: Any) -> dict[str, Any]:
    return {
        "id": "order-17", "kind": "callback", "queue": "sales", "agent": None, "state": "waiting",
        "offered_to": [], "place": 1, "waited_s": 61.0, "expected_wait_s": 30.0, "priority": 0,
        "number": "+442079460123",
    } | fields  # fmt: skip


def test_queues_are_a_table(shown: Console, capsys: pytest.CaptureFixture[str]) -> None:
    busy = queue(
        waiting=2, offered=1, talking=3, longest_wait_s=75.0, expected_wait_s=40.0,
        agents={"available": 1, "talking": 3, "logged_out": 2},
        tally={"joined": 9, "answered": 5}, why_waiting="every agent talks",
    )  # fmt: skip
    idle = queue(queue="support", longest_wait_s=75.0)
    queues.print_queues({"queues": [busy, idle]})
    heads, first, second = shown.export_text().splitlines()
    assert heads.split()[:4] == ["queue", "waiting", "longest", "expected"]
    assert first.split() == ["sales", "2", "1:15", "0:40", "1", "3", "1", "4", "9", "5"]
    # Nobody waits or is being rung for: there is no longest wait.
    assert second.split() == ["support", "0", "0", "0", "0", "0", "0", "0"]
    assert capsys.readouterr().out.splitlines()[-1] == "sales: every agent talks"


@pytest.mark.parametrize(
    ("fields", "remarks"),
    [
        ({}, "open"),
        ({"paused": True}, "paused"),
        ({"open": False}, "closed"),
        ({"paused": True, "open": False}, "paused, closed"),
        ({"removed": True}, "no longer configured"),
    ],
)
def test_the_state_of_a_queue_is_in_words(
    shown: Console, fields: dict[str, Any], remarks: str
) -> None:
    queues.print_queue(queue(**fields, entries=[], cursor=None))
    line = next(line for line in shown.export_text().splitlines() if line.startswith("state"))
    assert line.split("  ", 1)[1].strip() == remarks


def test_a_closed_queue_says_until_when(shown: Console) -> None:
    queues.print_queue(queue(open=False, opens_at=1_790_000_000.0, entries=[], cursor=None))
    assert "closed until 2026-09-21" in shown.export_text()


def test_one_queue_in_full_with_those_who_wait(
    shown: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    offered = entry(id="call-1", kind="call", state="offered", offered_to=["alice", "bob"], place=2)
    queues.print_queue(
        queue(
            agents={"available": 1, "wrap_up": 2},
            tally={"joined": 3, "answered": 1, "abandoned": 0},
            centres={"london": 3, "leeds": 1},
            why_waiting="all are busy",
            entries=[entry(), offered],
            cursor="abc",
        )
    )
    text = shown.export_text()
    for part in ("1 available, 2 wrap up", "3 joined, 1 answered", "london 3 (75%), leeds 1 (25%)"):
        assert part in text
    assert "abandoned" not in text and "all are busy" in text
    first, second = text.splitlines()[-2:]
    assert first.split()[:6] == ["1", "order-17", "callback", "waiting", "1:01", "0:30"]
    assert "offered to alice, bob" in second
    assert "--cursor 'abc'" in capsys.readouterr().out + text


def test_why_nobody_is_offered_is_said_of_each_agent(
    shown: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    agents = [
        {"agent": "alice", "state": "wrap_up", "could": False, "why_not": "is in wrap-up"},
        {"agent": "bob", "state": "available", "could": True, "why_not": None},
    ]
    held = "the queue is paused"
    queues.print_explained({"entry": entry(), "held_back": held, "agents": agents})
    said, held_back, _heads, alice, bob = capsys.readouterr().out.splitlines()
    assert said == "order-17 waits for sales, number 1, for 1:01"
    assert held_back == "nobody is offered now: the queue is paused"
    assert alice.split() == ["alice", "wrap", "up", "is", "in", "wrap-up"]
    assert bob.rstrip().endswith("could take it now")


def test_explaining_a_queue_without_entries_or_without_agents(
    capsys: pytest.CaptureFixture[str],
) -> None:
    queues.print_explained({"entry": None, "queue": "sales"})
    named = entry(queue=None, agent="alice")
    queues.print_explained({"entry": named, "held_back": None, "agents": []})
    assert capsys.readouterr().out.splitlines() == [
        "nobody waits in sales",
        "order-17 waits for agent alice, number 1, for 1:01",
        "no agent serves it",
    ]
