"""Reports as tables for people, and their columns as CSV."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from ...reports.measures import flat
from .formats import duration
from .tables import cell, console, fitted
from .time_span import for_spreadsheet, utc_offset, written

Row = Mapping[str, Any]
Column = tuple[str, str, Callable[[Any], str]]


def _count(value: Any) -> str:
    return "" if value is None else f"{value:g}"


def _percent(value: Any) -> str:
    return "" if value is None else f"{value:.1f} %"


def _amounts(value: Any) -> str:
    return ", ".join(f"{amount:g} {currency}" for currency, amount in (value or {}).items())


def _pairs(value: Any) -> str:
    return ", ".join(f"{count:g} {word or '-'}" for word, count in (value or {}).items())


# The most important first: a narrow terminal leaves out the last ones.
_OUTCOMES: tuple[Column, ...] = (
    ("requested", "requested", _count),
    ("completed", "completed", _count),
)
_JOBS: tuple[Column, ...] = (
    ("failed", "failed", _count),
    ("to talk", "to_talk_s", duration),
    ("promise", "promise_kept_percent", _percent),
    ("cost", "costs", _amounts),
    ("open", "open", _count),
    ("expired", "expired", _count),
    ("cancelled", "cancelled", _count),
    ("to agent", "to_operator_s", duration),
    ("to talk p90", "to_talk_p90_s", duration),
    ("talk", "talk_s", duration),
    ("rating", "rating", _count),
    ("outcomes", "outcomes", _pairs),
    ("MOS", "mos", _count),
    ("poor", "poor", _count),
    ("answered by", "labels", _pairs),
    ("one way", "one_way", _count),
    ("clipping", "clipping", _count),
    ("echo", "echo", _count),
)
# The figures that each part has as well, with a name and a dot before them.
PARTS = ("callers", "callbacks")
COLUMNS: dict[str, tuple[Column, ...]] = {
    "queue": (
        ("offered", "offered", _count),
        ("answered", "answered", _count),
        ("abandoned", "abandoned", _count),
        ("level", "service_level_percent", _percent),
        ("ASA", "asa_s", duration),
        ("wait p90", "wait_p90_s", duration),
        ("waiting", "waiting", _count),
        ("AHT", "aht_s", duration),
        ("short", "short_abandoned", _count),
        ("overflowed", "overflowed", _count),
        ("expired", "expired", _count),
        ("withdrawn", "withdrawn", _count),
        ("lost", "lost", _count),
        ("longest", "longest_wait_s", duration),
        ("callers' level", "callers.service_level_percent", _percent),
        ("callbacks' ASA", "callbacks.asa_s", duration),
        ("customers", "customers", _count),
        ("customers' wait", "customer_wait_s", duration),
        ("talk p50", "talk_p50_s", duration),
    ),
    "call": (
        ("calls", "calls", _count),
        ("answered", "answered", _count),
        ("unanswered", "unanswered", _count),
        ("answered", "answered_percent", _percent),
        ("to talk", "to_talk_s", duration),
        ("talk", "talk_s", duration),
        ("MOS", "mos", _count),
        ("poor", "poor", _count),
        ("rating", "rating", _count),
        ("rated", "rated", _count),
        ("outcomes", "outcomes", _pairs),
        ("results", "results", _pairs),
        ("cost", "costs", _amounts),
        ("one way", "one_way", _count),
        ("clipping", "clipping", _count),
        ("echo", "echo", _count),
    ),
    "agent": (
        ("offered", "offered", _count),
        ("answered", "answered", _count),
        ("missed", "missed", _count),
        ("calls", "calls", _count),
        ("occupancy", "occupancy_percent", _percent),
        ("AHT", "aht_s", duration),
        ("talking", "talking_s", duration),
        ("logged in", "logged_in_s", duration),
        ("paused", "paused_s", duration),
        ("wrap-up", "wrap_up_s", duration),
    ),
    "site": (
        *_OUTCOMES,
        ("left alone", "left_alone_percent", _percent),
        ("30 days", "left_alone_30d_percent", _percent),
        *_JOBS,
    ),
    "job": (*_OUTCOMES, *_JOBS),
}


def print_report(kind: str, report: Row, zone: tzinfo | None) -> None:
    """Print a report, its total last, with as many columns as fit."""
    by, interval, shown = report["by"], report["interval"], COLUMNS[kind]
    first = [*(["from"] if interval != "total" else []), *([by] if by != "all" else [])] or [""]
    rows = []
    for row in report["rows"]:
        keys = [_began(row["from"], interval, zone)] if interval != "total" else []
        keys += [row[by] or "-"] if by != "all" else []
        rows.append([*(keys or [""]), *_figures(row, shown)])
    rows.append([*[""] * (len(first) - 1), "total", *_figures(report["total"], shown)])
    heads = [*first, *(head for head, _name, _show in shown)]
    table, count = fitted(console.width, heads, rows, figures_from=len(first))
    console.print(
        cell(f"{written(report['from'], zone)} to {written(report['to'], zone)}", style="dim")
    )
    console.print(table)
    if left_out := ", ".join(heads[count:]):
        console.print(cell(f"no room for: {left_out}; --csv has everything", style="dim"))


def _figures(row: Row, shown: Sequence[Column]) -> list[str]:
    parts = {f"{part}.{name}": row[part][name] for part in PARTS for name in row.get(part, {})}
    return [show({**row, **parts}.get(name)) for _head, name, show in shown]


def _began(moment: float, interval: str, zone: tzinfo | None) -> str:
    """When an interval began, in short. The hour that comes twice has its offset."""
    local = datetime.fromtimestamp(moment, zone)
    if interval == "day":
        return f"{local:%Y-%m-%d}"
    return f"{local:%m-%d %H:%M}" + (f"{local.astimezone(zone):%z}" if local.fold else "")


def csv_row(row: Row, zone: tzinfo | None) -> dict[str, Any]:
    """A row as CSV cells: times as text, mappings as pairs or columns."""
    times = {name: for_spreadsheet(row[name], zone) for name in ("from", "to")}
    return flat({**row, **times, "utc_offset": utc_offset(row["from"], zone)}, PARTS)
