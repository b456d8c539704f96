"""Files of numbers, as people and spreadsheets write them."""

import pytest

from config.number_csv import NumberRow, rows_of


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("+442079460123\n\n# later\n020 7946 0124\n", [(1, "+442079460123"), (4, "020 7946 0124")]),
        ("\ufeff+442079460123\r\n", [(1, "+442079460123")]),
        ("number\n+442079460123\n", [(2, "+442079460123")]),
        ("'+442079460123\n", [(1, "+442079460123")]),
        ('="+442079460123"\n', [(1, "+442079460123")]),
        ('"+44 (20) 7946-0123",asked\n', [(1, "+44 (20) 7946-0123")]),
        ("Name;Phone;Comment\nAda;+442079460123;x\n", [(2, "+442079460123")]),
        ("+442079460123\t\t\n", [(1, "+442079460123")]),
        ("", []),
    ],
)
def test_the_number_is_found(text: str, rows: list[tuple[int, str]]) -> None:
    assert [(row.line, row.number) for row in rows_of(text.split("\n"))] == rows


def test_a_reason_and_an_end_stand_in_their_columns() -> None:
    text = ["until;number;reason", "2027-03-01;+442079460123;asked us ", ";+442079460124;"]
    assert list(rows_of(text)) == [
        NumberRow(2, "+442079460123", "asked us", 1803859200.0),
        NumberRow(3, "+442079460124"),
    ]
    (row,) = rows_of(["+442079460123,asked,1803859200"])
    assert (row.reason, row.until) == ("asked", 1803859200.0)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("+442079460123,x,tomorrow", "is no date"),
        (",asked,1", "has no number"),
    ],
)
def test_a_line_that_cannot_be_used_says_why(line: str, fault: str) -> None:
    (row,) = rows_of([line])
    assert row.fault is not None and fault in row.fault
