"""What tables of the command line are made of: how many columns have room."""

from engine.cli.cells import fitting


def test_as_many_columns_as_there_is_room_for() -> None:
    heads, rows = ["id", "offered", "ASA", "level"], [["sales", "12", "0:05", "100.0 %"]]
    assert fitting(29, heads, rows) == 4  # 5 + 7 + 4 + 7, and two cells between
    assert fitting(28, heads, rows) == 3
    assert fitting(5, heads, rows) == 3, "below that it is no table any more"
    assert fitting(28, heads, []) == 4
