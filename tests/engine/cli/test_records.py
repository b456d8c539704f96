"""Records and history as lines for people and as cells of a spreadsheet."""

import datetime
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from rich.console import Console

from engine.cli import records

UTC = datetime.UTC


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(width=200, record=True, highlight=False, force_terminal=False)
    monkeypatch.setattr(records, "console", console)
    return console


def record(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"order-{number}", "kind": "callback", "number": "+442079460123",
        "state": "completed", "result": "completed", "created": 1_790_000_000.0,
        "attempts": [{}, {}], "talk_s": 61.2345, "agent": "alice", "queue": None,
    } | fields  # fmt: skip


async def each(found: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    for one in found:
        yield one


async def test_each_record_is_a_line(shown: Console) -> None:
    await records._print(each([record(), record(2, talk_s=None, state="failed")]), UTC)
    heads, first, second = (line.split() for line in shown.export_text().splitlines())
    assert heads[:5] == ["id", "requested", "number", "state", "talk"]
    assert first[:6] == ["order-1", "2026-09-21", "14:13", "+442079460123", "completed", "1:01"]
    assert second[4:6] == ["failed", "alice"]  # nobody talked


async def test_many_records_come_a_page_at_a_time(
    shown: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "PAGE", 2)
    await records._print(each([record(number) for number in range(5)]), UTC)
    firsts = [line.split()[0] for line in shown.export_text().splitlines()]
    assert firsts == ["id", "order-0", "order-1", "id", "order-2", "order-3", "id", "order-4"]


def test_a_record_as_cells() -> None:
    cells = records._csv_row(
        record(
            called_at=1_790_000_010.0,
            offers=[{}],
            stays=[{}, {}],
            alone_s=[0.5, 2.25],
            cost={"amount": 0.1, "currency": "EUR"},
            notes=["one", "two"],
            context={"site": "é"},
        ),
        UTC,
    )
    assert (cells["attempts"], cells["offers"], cells["stays"]) == (2, 1, 2)
    assert (cells["talk_s"], cells["alone_s"]) == (61.234, 2.25)
    assert (cells["cost"], cells["currency"], cells["notes"]) == (0.1, "EUR", "one\ntwo")
    assert json.loads(cells["context"]) == {"site": "é"}
    assert "14:13:30" in cells["called_at"] and cells["talk_at"] is None


def test_what_a_record_does_not_have_is_empty() -> None:
    cells = records._csv_row(record(talk_s=None), UTC)
    assert (cells["talk_s"], cells["cost"], cells["notes"], cells["alone_s"]) == (None, None, "", 0)


def test_the_history_of_a_number_is_a_table(shown: Console) -> None:
    entries: list[dict[str, Any]] = [
        {"id": "order-17", "kind": "callback", "ended_at": 1_790_000_000.0, "state": "completed",
         "result": "completed", "agent": "alice", "talk_s": 61.0, "outcome": "sale", "rating": 9,
         "note": "call in May"},
        {"id": "call-1", "kind": "call", "ended_at": 1_790_000_000.0, "state": "ended"},
    ]  # fmt: skip
    records._print_history({"history": entries})
    _heads, first, second = shown.export_text().splitlines()
    for words in ("order-17", "callback", "alice", "1:01", "sale", "9", "call in May"):
        assert words in first
    assert second.split()[-1] == "ended"  # it has no result of its own
