"""What reports look like to people, and which columns they have as CSV."""

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from rich.table import Table

from .cells import cell, columns, span
from .measures import flat
from .moments import written
from .tables import console

Row = Mapping[str, Any]
Column = tuple[str, str, Callable[[Any], str]]


def _count(value: Any) -> str:
    return "" if value is None else f"{value:g}"


def _percent(value: Any) -> str:
    return "" if value is None else f"{value:.1f} %"


def _amounts(value: Any) -> str:
    return ", ".join(f"{amount:g} {currency}" for currency, amount in (value or {}).items())


_JOBS: tuple[Column, ...] = (
    ("requested", "requested", _count),
    ("completed", "completed", _count),
    ("failed", "failed", _count),
    ("cancelled", "cancelled", _count),
    ("expired", "expired", _count),
    ("open", "open", _count),
    ("to operator", "to_operator_s", span),
    ("to talk", "to_talk_s", span),
    ("to talk p90", "to_talk_p90_s", span),
    ("promise", "promise_kept_percent", _percent),
    ("talk", "talk_s", span),
    ("cost", "costs", _amounts),
)
COLUMNS: dict[str, tuple[Column, ...]] = {
    "queue": (
        ("offered", "offered", _count),
        ("answered", "answered", _count),
        ("abandoned", "abandoned", _count),
        ("short", "short_abandoned", _count),
        ("overflowed", "overflowed", _count),
        ("waiting", "waiting", _count),
        ("service level", "service_level_percent", _percent),
        ("ASA", "asa_s", span),
        ("wait p90", "wait_p90_s", span),
        ("longest", "longest_wait_s", span),
        ("AHT", "aht_s", span),
        ("talk p50", "talk_p50_s", span),
    ),
    "agent": (
        ("offered", "offered", _count),
        ("answered", "answered", _count),
        ("missed", "missed", _count),
        ("calls", "calls", _count),
        ("talking", "talking_s", span),
        ("wrap-up", "wrap_up_s", span),
        ("paused", "paused_s", span),
        ("logged in", "logged_in_s", span),
        ("occupancy", "occupancy_percent", _percent),
        ("AHT", "aht_s", span),
    ),
    "site": (
        *_JOBS,
        ("left alone", "left_alone_percent", _percent),
        ("30 days", "left_alone_30d_percent", _percent),
    ),
    "job": _JOBS,
}


def print_report(kind: str, report: Row, zone: tzinfo | None) -> None:
    """A report, its total last."""
    by, shown = report["by"], COLUMNS[kind]
    with_time = report["interval"] != "total"
    first = [*(["from"] if with_time else []), *([by] if by != "all" else [])]
    table = columns(*(first or [""]), *(head for head, _name, _show in shown))
    for row in report["rows"]:
        keys = [written(row["from"], zone)] if with_time else []
        keys += [row[by] or "-"] if by != "all" else []
        _add(table, row, keys or [""], shown)
    table.add_section()
    _add(table, report["total"], [*[""] * (len(first) - 1), "total"], shown)
    console.print(
        cell(f"{written(report['from'], zone)} to {written(report['to'], zone)}", style="dim")
    )
    console.print(table)


def _add(table: Table, row: Row, keys: Sequence[str], shown: Sequence[Column]) -> None:
    table.add_row(*map(cell, [*keys, *(show(row.get(name)) for _head, name, show in shown)]))


def csv_row(row: Row, zone: tzinfo | None) -> dict[str, Any]:
    """A row as cells: its times are written, mappings become pairs."""
    times = {name: written(row[name], zone) for name in ("from", "to")}
    return flat({**row, **times})
