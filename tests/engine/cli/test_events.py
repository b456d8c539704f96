"""Events as lines for people."""

from typing import Any

import pytest
from rich.console import Console

from engine.cli import events


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(width=160, record=True, highlight=False, force_terminal=False)
    monkeypatch.setattr(events, "console", console)
    return console


def event(type: str, **fields: Any) -> dict[str, Any]:
    return {"seq": 7, "epoch": "e", "time": 1.25, "type": type} | fields


def test_event_is_one_line_with_its_own_fields(shown: Console) -> None:
    events.print_event(event("leg.dtmf", job="j1", leg="l1", digit="5", context={"site": "x"}))
    (line,) = shown.export_text().splitlines()
    assert line.split()[0] == "7"
    for text in (".250", "leg.dtmf", "j1 l1", "digit=5"):
        assert text in line
    assert "epoch" not in line


def test_list_of_objects_is_shown_as_its_length(shown: Console) -> None:
    legs = [{"leg": "l1", "role": "customer"}, {"leg": "l2", "role": "agent"}]
    events.print_event(event("call.ended", call="call-1", result="completed", legs=legs))
    (line,) = shown.export_text().splitlines()
    assert "legs=2" in line and "customer" not in line


def test_gap_says_which_events_are_missing(shown: Console) -> None:
    events.print_event(
        {"type": "client.gap", "seq": 9, "from": 3, "to": 8, "reason": "evicted", "epoch": "e"}
    )
    events.print_event(
        {"type": "client.gap", "seq": 0, "from": 3, "to": None, "reason": "epoch", "epoch": "e"}
    )
    text = shown.export_text()
    assert "missed events 3 to 8" in text
    assert "missed events 3 to ?" in text


def test_progress_shows_only_events_of_the_callback(shown: Console) -> None:
    events.print_progress(event("engine.draining"))
    events.print_progress(event("leg.ringing", role="agent"))
    (line,) = shown.export_text().splitlines()
    assert "role=agent" in line


def test_text_from_outside_neither_styles_nor_commands_the_terminal(shown: Console) -> None:
    events.print_event(event("callback.queued", cause="[bold]x[/] \x1b[31m \x07"))
    assert "[bold]x[/] \ufffd[31m \ufffd" in shown.export_text()
