"""Figures, and how they are shown: a table for people, JSON for programs."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing. `value` is the median of the runs, `low` and `high` their range.

    `target` is the most it may be, or with `is_floor` the least; None where nothing is promised.
    """

    part: str
    name: str
    unit: str
    value: float
    low: float
    high: float
    runs: int
    target: float | None = None
    note: str = ""
    is_floor: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.is_floor else self.value <= self.target

    @property
    def promised(self) -> str:
        """The target in a cell of the table."""
        if self.target is None:
            return ""
        return f"{'≥' if self.is_floor else '≤'} {_short(self.target)}"


def figure(
    part: str,
    name: str,
    unit: str,
    runs: Sequence[float],
    *,
    target: float | None = None,
    at_least: float | None = None,
    note: str = "",
) -> Figure:
    """The figure of these runs. `target` is its upper limit, or with `at_least` its lower."""
    value = statistics.median(runs)
    is_floor = at_least is not None
    promised = at_least if is_floor else target
    low, high = min(runs), max(runs)
    return Figure(part, name, unit, value, low, high, len(runs), promised, note, is_floor)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that is not below `percent` of them (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


@dataclass(slots=True)
class Report:
    """All figures of one run of the bench, and what is to be said about them."""

    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """The parts that could not be measured to their end, and why."""
    started: float = field(default_factory=time.time)

    @property
    def all_met(self) -> bool:
        """Whether everything was measured, and no target is missed."""
        return not self.failed and all(item.met is not False for item in self.figures)

    def show(self, console: Console) -> None:
        """Print the table and the notes."""
        table = Table(title="Ringback bench", title_justify="left")
        for column in ("part", "figure"):
            table.add_column(column)
        for column in ("median", "range", "runs", "target"):
            table.add_column(column, justify="right")
        table.add_column("verdict")
        table.add_column("note")
        part = ""
        for item in self.figures:
            if part and item.part != part:
                table.add_section()
            table.add_row(
                "" if item.part == part else item.part,
                item.name,
                f"{_short(item.value)} {item.unit}",
                f"{_short(item.low)} – {_short(item.high)}" if item.runs > 1 else "",  # noqa: RUF001
                str(item.runs),
                item.promised,
                {None: "", True: "[green]met[/]", False: "[bold red]not met[/]"}[item.met],
                item.note,
            )
            part = item.part
        console.print(table)
        for part, reason in self.failed.items():
            console.print(f"[bold red]not measured[/] {part}: {escape(reason)}", highlight=False)
        for note in self.notes:
            console.print(f"• {note}", highlight=False)

    def to_json(self) -> dict[str, Any]:
        """The same as plain values."""
        figures = [asdict(item) | {"met": item.met} for item in self.figures]
        return {
            "started": self.started,
            "seconds": round(time.time() - self.started, 1),
            "all_met": self.all_met,
            "figures": figures,
            "failed": self.failed,
            "notes": self.notes,
        }


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
