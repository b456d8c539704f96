"""The log of the store is taken over beside the commits, and no commit does it."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from engine.store import checkpoints
from engine.store.checkpoints import MOST_PAGES, Checkpoints
from engine.store.store import Store
from tests.support.jobs import callback_job


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


@pytest.fixture
def writer(file: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE jobs (id TEXT)")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    yield connection
    connection.close()


def made(file: Path) -> Checkpoints:
    return Checkpoints(sqlite3.connect(file, check_same_thread=False))


def in_the_file(file: Path, copies: Path) -> int:
    """How many jobs are in the file itself, whatever its log holds."""
    copies.mkdir(exist_ok=True)
    copy = copies / "copy.db"
    shutil.copy(file, copy)
    with sqlite3.connect(copy) as connection:
        count: int = connection.execute("SELECT count(*) FROM jobs").fetchone()[0]
    connection.close()
    return count


@pytest.mark.parametrize(("batches", "rows"), [(checkpoints.COMMITS, 1), (1, checkpoints.ROWS)])
def test_after_so_many_commits_or_rows_the_log_is_in_the_file(
    file: Path, writer: sqlite3.Connection, tmp_path: Path, batches: int, rows: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    log = made(file)
    writer.execute("INSERT INTO jobs VALUES ('j1')")
    assert in_the_file(file, tmp_path / "copies") == 0
    due = []
    monkeypatch.setattr(log._is_due, "set", lambda: due.append(True))
    for _ in range(batches):
        assert not due
        log.committed(rows)
    assert due == [True]
    monkeypatch.undo()
    log.close()
    assert in_the_file(file, tmp_path / "copies") == 1


def test_a_log_that_cannot_be_taken_over_is_said_and_tried_again(
    file: Path, writer: sqlite3.Connection, tmp_path: Path
) -> None:
    class Full(sqlite3.Connection):
        def execute(self, *_: object) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("database or disk is full")

    log = Checkpoints(sqlite3.connect(file, check_same_thread=False, factory=Full))
    writer.execute("INSERT INTO jobs VALUES ('j1')")
    with structlog.testing.capture_logs() as said:
        log.close()
    assert [one["event"] for one in said] == ["store_log_not_taken_over"]
    again = made(file)
    again.close()
    assert in_the_file(file, tmp_path / "copies") == 1


async def test_commits_of_the_store_leave_it_to_the_thread(file: Path, tmp_path: Path) -> None:
    store = Store(file)
    await store.open()
    size = file.stat().st_size
    (most,) = store._writer.execute("PRAGMA wal_autocheckpoint").fetchone()
    assert most == MOST_PAGES
    for number in range(checkpoints.COMMITS - 1):
        await store.save(callback_job(f"j{number}"), durable=True)
    assert file.stat().st_size == size
    await store.close()
    assert in_the_file(file, tmp_path / "copies") == checkpoints.COMMITS - 1
