"""What SQLite's errors mean to a person."""

import sqlite3
from pathlib import Path

import pytest

from engine.store.errors import explain, is_of_the_disk


@pytest.mark.parametrize(
    ("code", "reason", "of_the_disk"),
    [
        (sqlite3.SQLITE_FULL, "disk_full", True),
        (sqlite3.SQLITE_BUSY, "locked", True),
        (sqlite3.SQLITE_READONLY_DBMOVED, "read_only", True),
        (sqlite3.SQLITE_IOERR_FSYNC, "io", True),
        (sqlite3.SQLITE_CORRUPT, "corrupt", True),
        (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, "io", False),
        (sqlite3.SQLITE_ERROR, "io", False),
    ],
)
def test_codes_have_words(code: int, reason: str, of_the_disk: bool) -> None:
    error = sqlite3.OperationalError("what sqlite said")
    error.sqlite_errorcode = code
    explained = explain(Path("run/x.db"), error)
    assert explained.reason == reason
    assert explained.data == {"store": reason}
    assert explained.message.startswith("run/x.db: ")
    assert "what sqlite said" in explained.message
    assert is_of_the_disk(error) is of_the_disk
