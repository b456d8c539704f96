"""CSV that no spreadsheet runs, and files that are whole or not there."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.output.export import CsvWriter, output, safe_cell


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("plain", "plain"),
        ("+442079460000", "+442079460000"),
        ("-12.5", "-12.5"),
        (-12.5, "-12.5"),
        (None, ""),
        (True, "yes"),
        ("=1+1", "'=1+1"),
        ("  =1+1", "'  =1+1"),
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
        ("+44 20|cmd", "'+44 20|cmd"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\uff1d1", "'\uff1d1"),
        ("+1\n=2", "'+1\n=2"),
        ("a=1", "a=1"),
    ],
)
def test_cells(value: object, cell: str) -> None:
    assert safe_cell(value) == cell


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
def test_what_is_written_is_read_again(rows: list[list[str]]) -> None:
    file = io.StringIO(newline="")
    writer = CsvWriter(file, ["a", "b"])
    for a, b in rows:
        writer.write({"a": a, "b": b, "not a column": 1})
    read = list(csv.reader(io.StringIO(file.getvalue(), newline="")))
    assert read[0] == ["a", "b"]
    assert [[cell.removeprefix("'") for cell in row] for row in read[1:]] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]
    for row in read[1:]:
        for cell in row:
            number = cell.lstrip("+-").replace(".", "", 1)
            assert cell[:1] not in "=+-@\t\r\n" or not cell or number.isdigit()


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), output(path) as file:
        file.write("half")
        raise RuntimeError
    assert path.read_text() == "old"
    with output(path) as file:
        file.write("whole")
        assert path.read_text() == "old"
    assert path.read_text() == "whole"
    assert [one.name for one in tmp_path.iterdir()] == ["out.csv"]
    with pytest.raises(OSError), output(tmp_path / "none" / "out.csv"):
        pass


@pytest.mark.parametrize(("bom", "begins"), [(True, "\ufeffname"), (False, "name")])
def test_a_byte_order_mark_stands_first_where_it_is_asked_for(bom: bool, begins: str) -> None:
    file = io.StringIO(newline="")
    CsvWriter(file, ["name"], bom=bom)
    assert file.getvalue().startswith(begins)
