"""Tables: their columns, and text that is shown as it is."""

import pytest
from rich.console import Console

from engine.cli.output import tables
from engine.cli.output.tables import fitting, with_last_cropped


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(width=160, record=True, highlight=False, force_terminal=False)
    monkeypatch.setattr(tables, "console", console)
    return console


def test_columns_that_fit() -> None:
    heads, rows = ["id", "offered", "ASA", "level"], [["sales", "12", "0:05", "100.0 %"]]
    assert fitting(29, heads, rows) == 4  # 5 + 7 + 4 + 7, and two cells between
    assert fitting(28, heads, rows) == 3
    assert fitting(5, heads, rows) == 3, "below that it is no table any more"
    assert fitting(28, heads, []) == 4


def test_text_in_tables_neither_styles_nor_commands_the_terminal(shown: Console) -> None:
    text = "[bold]x[/] \x1b[31m :warning:"
    made = tables.table("head", title=text)
    made.add_row(text)
    shown.print(made)
    shown.print(tables.details([(text, text)]))
    assert shown.export_text().count("[bold]x[/] \ufffd[31m :warning:") == 4


def test_next_page_is_mentioned_where_there_is_one(shown: Console) -> None:
    tables.print_more(None)
    tables.print_more("[17]")
    assert shown.export_text() == "more: --cursor [17]\n"


def test_the_last_column_takes_what_room_there_is() -> None:
    heads = ("id", "cause")
    rows = [("j1", "customer busy: 486 Busy Here"), ("a-long-name", "hung up")]
    shown = with_last_cropped(30, heads, rows)
    assert [len(row[-1]) for row in shown] == [17, 7]
    assert shown[0][-1].endswith("…")
    assert fitting(30, heads, shown) == 2
    assert with_last_cropped(20, heads, rows) == rows, "too little to read"
    assert with_last_cropped(30, heads, []) == []
