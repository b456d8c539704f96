"""Deleted content leaves the disk while the store is open."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engine.store import overwriting
from engine.store.overwriting import overwrite_deleted

SECRET = b"a person of whom nothing is kept"


def opened(path: Path) -> sqlite3.Connection:
    """A connection as the store has one, whose table had a secret."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("CREATE TABLE kept (text)")
    connection.execute("INSERT INTO kept VALUES (?)", (SECRET.decode(),))
    return connection


def on_disk(path: Path) -> bool:
    """Whether any file of the store has the secret."""
    return any(SECRET in file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


async def test_what_was_deleted_is_in_no_file(tmp_path: Path) -> None:
    path = tmp_path / "db"
    connection = opened(path)
    connection.execute("DELETE FROM kept")
    assert on_disk(path)
    await overwrite_deleted(path)
    assert not on_disk(path)
    connection.close()


async def test_a_reader_in_the_way_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "db"
    connection, reader = opened(path), sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM kept").fetchall()
    connection.execute("DELETE FROM kept")
    waiting = asyncio.create_task(overwrite_deleted(path))
    await asyncio.sleep(0.2)
    assert not waiting.done() and on_disk(path)
    reader.execute("COMMIT")
    await waiting
    assert not on_disk(path)
    reader.close()
    connection.close()


async def test_a_reader_that_stays_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "db"
    connection, reader = opened(path), sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM kept").fetchall()
    connection.execute("DELETE FROM kept")
    monkeypatch.setattr(overwriting, "ATTEMPTS", 2)
    with capture_logs() as lines:
        await overwrite_deleted(path)
    assert [line["event"] for line in lines] == ["deleted_not_overwritten_yet"]
    reader.close()
    connection.close()
