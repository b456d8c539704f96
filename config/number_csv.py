"""Numbers in a text file: one a line, or a table (CSV) with a reason and an end for each."""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

_NUMBER = frozenset({"number", "phone", "phone number", "telephone", "telephone number", "msisdn"})
_REASON, _UNTIL = frozenset({"reason", "note", "comment"}), frozenset({"until", "expires"})
_SEPARATORS = (";", "\t", ",")


class NumberRow(NamedTuple):
    """One line: `number` as it is written; `reason` and `until` (Unix seconds), where given.

    `fault` says why the line cannot be used.
    """

    line: int
    number: str
    reason: str | None = None
    until: float | None = None
    fault: str | None = None


def rows_of(lines: Iterable[str]) -> Iterator[NumberRow]:
    """The rows of a file. Blank lines, comments (#) and a line of headings are passed over.

    Columns are separated by `;`, tabs or commas. Without headings they are number, reason, until.
    """
    separator: str | None = None
    number_at, reason_at, until_at = 0, 1, 2
    for line, text in enumerate(lines, 1):
        text = text.removeprefix("\ufeff").strip()
        if not text or text.startswith("#"):
            continue
        is_first = separator is None
        if separator is None:
            separator = max(_SEPARATORS, key=text.count)
        (cells,) = csv.reader([text], delimiter=separator)
        if is_first and not any(c.isdigit() for c in text):
            heads = [cell.strip().lower() for cell in cells]
            number_at = _column(heads, _NUMBER, 0)
            reason_at, until_at = _column(heads, _REASON, -1), _column(heads, _UNTIL, -1)
            continue
        yield _row(line, _cell(cells, number_at), _cell(cells, reason_at), _cell(cells, until_at))


def _column(heads: list[str], names: frozenset[str], otherwise: int) -> int:
    return next((index for index, head in enumerate(heads) if head in names), otherwise)


def _cell(cells: list[str], index: int) -> str:
    cell = cells[index].strip() if 0 <= index < len(cells) else ""
    # As spreadsheets keep a number that they are not to calculate with.
    return cell.removeprefix("=").strip('"').removeprefix("'").strip()


def _row(line: int, number: str, reason: str, until: str) -> NumberRow:
    if not number:
        return NumberRow(line, number, fault="has no number")
    row = NumberRow(line, number, " ".join(reason.split()) or None)
    if not until:
        return row
    try:
        return row._replace(until=_time_of(until))
    except ValueError:
        return row._replace(fault=f"{until!r} is no date (2027-03-01) and no time in Unix seconds")


def _time_of(text: str) -> float:
    if text.isascii() and text.isdigit():
        return float(text)
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
