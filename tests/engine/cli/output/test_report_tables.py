"""Reports as tables: intervals, columns that fit, and the total last."""

import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from engine.cli.output import report_tables

LONDON = ZoneInfo("Europe/London")
# 00:30 UTC is 01:30 in London: the first of two such half hours on the day the clocks go back.
TWICE = datetime.datetime(2026, 10, 25, 0, 30, tzinfo=datetime.UTC).timestamp()
DAY_S = 86_400.0


def show(monkeypatch: pytest.MonkeyPatch, width: int, kind: str, **report: Any) -> list[str]:
    """The lines of a report on a terminal of some width."""
    console = Console(width=width, record=True, highlight=False, force_terminal=False)
    monkeypatch.setattr(report_tables, "console", console)
    given = {"from": TWICE - DAY_S, "to": TWICE + DAY_S, "total": {}} | report
    report_tables.print_report(kind, given, LONDON)
    return [line.rstrip() for line in console.export_text().splitlines()]


def rows(*froms: float, **fields: Any) -> list[dict[str, Any]]:
    return [{"from": moment, "to": moment + 60, "queue": "sales", **fields} for moment in froms]


def test_days_and_hours_of_the_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    report: dict[str, Any] = {"by": "queue", "rows": rows(TWICE, TWICE + 3600, offered=4)}
    lines = show(monkeypatch, 300, "queue", **report, interval="hour")
    assert lines[2].split()[:4] == ["10-25", "01:30", "sales", "4"]
    assert lines[3].split()[:3] == ["10-25", "01:30+0000", "sales"]  # the hour that comes twice
    lines = show(monkeypatch, 300, "queue", **report, interval="day")
    assert lines[2].split()[:2] == ["2026-10-25", "sales"]


def test_the_total_comes_last_and_parts_have_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    total = {"offered": 9.0, "callers": {"service_level_percent": 80.0}}
    report: dict[str, Any] = {"by": "all", "rows": [], "interval": "total", "total": total}
    lines = show(monkeypatch, 300, "queue", **report)
    assert "callers' level" in lines[1]
    assert lines[-1].split()[:2] == ["total", "9"] and "80.0 %" in lines[-1]


def test_a_narrow_terminal_says_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    report: dict[str, Any] = {"by": "queue", "rows": rows(TWICE, offered=4), "interval": "total"}
    lines = show(monkeypatch, 60, "queue", **report)
    assert lines[2].split()[:2] == ["sales", "4"]
    text = " ".join(lines)
    assert "no room for:" in text and "talk p50" in text and "--csv has everything" in text


def test_amounts_and_pairs_are_words(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {
        "requested": 3, "costs": {"EUR": 0.5, "GBP": 2.0}, "outcomes": {"sale": 2, None: 1},
    }  # fmt: skip
    report: dict[str, Any] = {"by": "site", "interval": "total", "total": figures}
    site = [{"from": TWICE, "to": TWICE, "site": None, **figures}]
    lines = show(monkeypatch, 400, "site", rows=site, **report)
    assert lines[2].split()[0] == "-"  # of no site
    assert "0.5 EUR, 2 GBP" in lines[2] and "2 sale, 1 -" in lines[2]


def test_a_row_as_cells_is_flat() -> None:
    cells = report_tables.csv_row({"from": TWICE, "to": TWICE, "callers": {"asa_s": 5.0}}, LONDON)
    assert cells["callers_asa_s"] == 5.0
    assert cells["utc_offset"] == "UTC+01:00"
