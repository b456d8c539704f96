"""Tables of the command line, and the terminal that they are printed on.

Every text in a cell is shown as it is: it neither styles anything nor commands the terminal.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .formats import printable

# A file or a pipe has no width to keep to, so that its lines do not break at 80.
console = Console(
    highlight=False,
    width=None if (sys.stdout and sys.stdout.isatty()) or "COLUMNS" in os.environ else 160,
)

FEWEST_COLUMNS = 3
# A text with less room than this says nothing.
FEWEST_CELLS = 12
BETWEEN = 2  # cells between two columns

STATE_STYLES = {
    "completed": "green",
    "bridged": "bold green",
    "failed": "red",
    "poisoned": "bold red",
    "expired": "red",
    "cancelled": "yellow",
    "queued": "dim",
}


def cell(text: str, style: str = "") -> Text:
    """`text` for the terminal, in `style`."""
    return Text(printable(text), style=style)


def state_cell(state: str) -> Text:
    """The state of a job or call, in its colour."""
    return Text.assemble(cell(state, STATE_STYLES.get(state, "cyan")))


class _TextTable(Table):
    """A table that shows every string as a `cell`."""

    def add_row(self, *cells: Any, **options: Any) -> None:
        super().add_row(*(cell(c) if isinstance(c, str) else c for c in cells), **options)


def table(*heads: str, title: str | None = None) -> Table:
    """An empty table with these columns and no lines around it."""
    made = _TextTable(
        title=None if title is None else cell(title),
        title_justify="left",
        title_style="",
        box=None,
        pad_edge=False,
    )
    for head in heads:
        made.add_column(head, header_style="dim", overflow="fold")
    return made


def details(rows: Iterable[tuple[str, str | Text]]) -> Table:
    """One thing in full: a name and a value on each line."""
    made = Table.grid(padding=(0, 2))
    for name, value in rows:
        made.add_row(cell(name), cell(value) if isinstance(value, str) else value)
    return made


def fitted(
    width: int,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    figures_from: int | None = None,
) -> tuple[Table, int]:
    """A table of the first columns that fit into `width` cells, and their number.

    The columns from `figures_from` on hold figures.
    """
    count = fitting(width, heads, rows)
    made = table()
    for number, head in enumerate(heads[:count]):
        is_figure = figures_from is not None and number >= figures_from
        justify: Literal["left", "right"] = "right" if is_figure else "left"
        made.add_column(head, header_style="dim", justify=justify, no_wrap=True)
    for row in rows:
        made.add_row(*row[:count])
    return made, count


def cropped(text: str, width: int) -> str:
    """The beginning of a text that is wider than `width` cells."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"


def with_last_cropped(
    width: int, heads: Sequence[str], rows: Sequence[Sequence[str]]
) -> list[Sequence[str]]:
    """Rows whose last column is as wide as there is room for, where that is enough to read."""
    others = [cell_len(head) for head in heads[:-1]]
    for row in rows:
        others = [max(known, cell_len(text)) for known, text in zip(others, row, strict=False)]
    room = width - sum(others) - BETWEEN * len(others)
    if room < FEWEST_CELLS:
        return list(rows)
    return [(*row[:-1], cropped(row[-1], room)) for row in rows]


def fitting(width: int, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """The number of columns of such a table, from the left, that fit into `width` cells."""
    widths = [cell_len(head) for head in heads]
    for row in rows:
        widths = [max(known, cell_len(text)) for known, text in zip(widths, row, strict=True)]
    used = -BETWEEN
    for count, wide in enumerate(widths):
        used += wide + BETWEEN
        if used > width:
            return max(FEWEST_COLUMNS, count)
    return len(widths)


def print_more(cursor: str | None) -> None:
    """Say how to get the next page, where there is one."""
    if cursor is not None:
        console.print(cell(f"more: --cursor {cursor}", "dim"))
