"""Rows for other programs: CSV that a spreadsheet may open, and files that are whole or not there.

A cell that begins with =, +, -, @ or a control character is a formula to a spreadsheet, and what
others wrote (a context, a note) would be run there: such text gets an apostrophe before it.
Numbers, also a telephone number with its +, stay as they are.
"""

import csv
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def safe_cell(value: Any) -> str:
    """`value` as a cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    if text.lstrip(" ").startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


class CsvWriter:
    """Writes rows under the columns they are to have (RFC 4180, UTF-8).

    With `bom` a byte order mark comes first, without which Excel reads UTF-8 as another encoding.
    """

    def __init__(self, file: TextIO, columns: Sequence[str], *, bom: bool = False) -> None:
        if bom:
            file.write("\ufeff")
        self._columns = columns
        self._writer = csv.writer(file)
        self._writer.writerow([safe_cell(column) for column in columns])

    def write(self, row: Mapping[str, Any]) -> None:
        """Write one row; what it does not have is left empty."""
        self._writer.writerow([safe_cell(row.get(column)) for column in self._columns])


@contextmanager
def output(path: Path | None) -> Iterator[TextIO]:
    """Where to write: standard output, or a file that is replaced when all has been written.

    Raises OSError.
    """
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
