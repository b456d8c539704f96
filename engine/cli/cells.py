"""What the tables of the command line are made of."""

from collections.abc import Iterable, Sequence
from typing import Literal

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

FEWEST_COLUMNS = 3
BETWEEN = 2  # cells between two columns


def cell(text: str, style: str = "") -> Text:
    """`text` as it is, on one line: what strangers wrote must not command the terminal."""
    plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return Text(plain, style=style)


def span(seconds: float | None) -> str:
    """A time as on a clock: 0:07, 12:34, 1:02:03; None is nothing."""
    if seconds is None:
        return ""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def columns(*names: str) -> Table:
    """A table with these columns and nothing around it."""
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, header_style="dim", overflow="fold")
    return table


def fitted(
    width: int,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    figures_from: int | None = None,
) -> tuple[Table, int]:
    """A table of as many columns, from the left, as have room in `width` cells; how many they are.

    The columns from `figures_from` on hold figures.
    """
    count = fitting(width, heads, rows)
    table = columns()
    for number, head in enumerate(heads[:count]):
        is_figure = figures_from is not None and number >= figures_from
        justify: Literal["left", "right"] = "right" if is_figure else "left"
        table.add_column(head, header_style="dim", justify=justify, no_wrap=True)
    for row in rows:
        table.add_row(*map(cell, row[:count]))
    return table, count


def fitting(width: int, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """How many columns of such a table, from the left, have room in `width` cells."""
    widths = [cell_len(head) for head in heads]
    for row in rows:
        widths = [max(known, cell_len(text)) for known, text in zip(widths, row, strict=True)]
    used = -BETWEEN
    for count, wide in enumerate(widths):
        used += wide + BETWEEN
        if used > width:
            return max(FEWEST_COLUMNS, count)
    return len(widths)
