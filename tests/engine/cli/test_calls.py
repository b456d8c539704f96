"""Calls as tables for people."""

from typing import Any

import pytest
from rich.console import Console

from engine.cli import calls


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(width=160, record=True, highlight=False, force_terminal=False)
    monkeypatch.setattr(calls, "console", console)
    return console


def test_empty_list_of_calls_is_a_table(shown: Console) -> None:
    calls.print_calls({"calls": []})
    assert "up for" in shown.export_text()


def test_a_call_that_came_in_shows_who_calls_whom(shown: Console) -> None:
    call: dict[str, Any] = {
        "call": "call-1", "job": None, "direction": "inbound", "state": "waiting",
        "started": 0.0, "bridged_at": None, "legs": [], "from": "[red]+442079461111",
        "dialled": "+442079460000", "trunk": "pbx", "route": "shop", "queue": "sales",
        "agent": None, "joined_at": 5.0, "context": {"site": "shop.example"},
    }  # fmt: skip
    calls.print_calls({"calls": [call]})
    calls.print_call(call)
    text = shown.export_text()
    assert text.count("[red]+442079461111 → +442079460000") == 2
    for shown_text in ("sales", "waiting", "route", "context site", "shop.example", "waits since"):
        assert shown_text in text
