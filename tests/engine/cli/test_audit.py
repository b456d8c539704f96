"""`ringback audit` as a table: who asked for what, and what came of it."""

from typing import Any

import pytest
from rich.console import Console

from engine.cli import audit


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(width=400, record=True, highlight=False, force_terminal=False)
    monkeypatch.setattr(audit, "console", console)
    return console


def entry(**fields: Any) -> dict[str, Any]:
    return {
        "number": 7, "time": 1_790_000_000.0, "who": "shop", "role": "operate",
        "peer": "user www-data (process 12)", "method": "callback.cancel",
        "params": {"id": "order-17"}, "outcome": "done", "reason": None, "repeated": 0,
    } | fields  # fmt: skip


def test_each_entry_is_a_line(shown: Console) -> None:
    refused = entry(outcome="refused", reason="needs the role operate", repeated=12)
    long = entry(params='{"notes": "' + "x" * 3000)
    audit._print({"entries": [entry(), refused, long], "cursor": None})
    heads, first, second, third = shown.export_text().splitlines()
    assert heads.split()[:3] == ["time", "who", "role"]
    assert "2026-09-21" in first
    assert 'callback.cancel  done     {"id": "order-17"}' in first
    assert "needs the role operate (and 12 times before)" in second
    assert third.count("x") < 200  # the beginning of what is long


def test_a_page_names_the_next_one(shown: Console, capsys: pytest.CaptureFixture[str]) -> None:
    audit._print({"entries": [entry()], "cursor": "41"})
    assert "--cursor 41" in capsys.readouterr().out + shown.export_text()
