"""What people are shown."""

from typing import Any

import pytest
from rich.console import Console

from engine.cli import tables


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(width=160, record=True, highlight=False, force_terminal=False)
    monkeypatch.setattr(tables, "console", console)
    return console


def event(type: str, **fields: Any) -> dict[str, Any]:
    return {"seq": 7, "epoch": "e", "time": 1.25, "type": type} | fields


def test_event_is_one_line_with_what_is_special_to_it(shown: Console) -> None:
    tables.print_event(event("leg.dtmf", job="j1", leg="l1", digit="5", context={"site": "x"}))
    (line,) = shown.export_text().splitlines()
    assert line.split()[0] == "7"
    for text in (".250", "leg.dtmf", "j1 l1", "digit=5"):
        assert text in line
    assert "epoch" not in line


def test_of_lists_of_objects_an_event_line_tells_how_many_there_are(shown: Console) -> None:
    legs = [{"leg": "l1", "role": "customer"}, {"leg": "l2", "role": "agent"}]
    tables.print_event(event("call.ended", call="call-1", result="completed", legs=legs))
    (line,) = shown.export_text().splitlines()
    assert "legs=2" in line and "customer" not in line


def test_gap_is_told(shown: Console) -> None:
    tables.print_event(
        {"type": "client.gap", "seq": 9, "from": 3, "to": 8, "reason": "evicted", "epoch": "e"}
    )
    tables.print_event(
        {"type": "client.gap", "seq": 0, "from": 3, "to": None, "reason": "epoch", "epoch": "e"}
    )
    text = shown.export_text()
    assert "missed events 3 to 8" in text
    assert "missed events 3 to ?" in text


def test_progress_leaves_out_what_is_not_the_callback(shown: Console) -> None:
    tables.print_progress(event("engine.draining"))
    tables.print_progress(event("leg.ringing", role="agent"))
    (line,) = shown.export_text().splitlines()
    assert "role=agent" in line


def test_text_of_strangers_is_text(shown: Console) -> None:
    tables.print_event(event("callback.queued", cause="[bold]x[/] \x1b[31m \x07"))
    assert "[bold]x[/] \ufffd[31m \ufffd" in shown.export_text()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.0 s"), (59.94, "59.9 s"), (61, "1:01"), (3725, "1:02:05")]
)
def test_spans(seconds: float, text: str) -> None:
    assert tables._span(seconds) == text


def test_empty_lists_are_shown(shown: Console) -> None:
    tables.print_jobs({"jobs": [], "cursor": None})
    tables.print_calls({"calls": []})
    assert "cause" in shown.export_text()


def test_a_call_that_came_in_shows_who_calls_whom(shown: Console) -> None:
    call: dict[str, Any] = {
        "call": "call-1", "job": None, "direction": "inbound", "state": "waiting",
        "started": 0.0, "bridged_at": None, "legs": [], "from": "[red]+442079461111",
        "dialled": "+442079460000", "trunk": "pbx", "route": "shop", "queue": "sales",
        "agent": None, "joined_at": 5.0, "context": {"site": "shop.example"},
    }  # fmt: skip
    tables.print_calls({"calls": [call]})
    tables.print_call(call)
    text = shown.export_text()
    assert text.count("[red]+442079461111 → +442079460000") == 2
    for shown_text in ("sales", "waiting", "route", "context site", "shop.example", "waits since"):
        assert shown_text in text
