"""What the tables of the command line are made of."""

from rich.table import Table
from rich.text import Text


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
