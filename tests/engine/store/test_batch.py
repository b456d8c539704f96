"""A batch: one transaction, or nothing of it."""

import sqlite3
from collections.abc import Iterator

import pytest

from engine.store import schema
from engine.store.batch import MOST_ROWS, Batch, EventRow, JobRow


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection)
    connection.execute("CREATE TABLE visits (name TEXT PRIMARY KEY, count INTEGER)")
    yield connection
    connection.close()


def job_row(id: str, state: str = "queued", ended_at: float | None = None) -> JobRow:
    return JobRow(id, state, 1.0, None, "+442079460123", ended_at, b"{}")


def event(seq: int) -> EventRow:
    return EventRow(seq, 5.0, "test.event", b"{}")


def test_everything_is_written(connection: sqlite3.Connection) -> None:
    batch = Batch()
    batch.jobs["j1"] = job_row("j1")
    batch.documents["agent", "alice"] = b'{"state":"paused"}'
    batch.documents["agent", "bob"] = None
    batch.events += [event(1), event(2)]
    batch.rows["visits", ("name", "count")] = [("a", 1), ("b", 2)]
    batch.statements.append(("UPDATE visits SET count = count + ? WHERE name = 'a'", (10,)))
    assert len(batch) == 8
    batch.write(connection)
    assert not connection.in_transaction
    assert connection.execute("SELECT id, called FROM jobs").fetchall() == [("j1", "+442079460123")]
    assert connection.execute("SELECT seq FROM events").fetchall() == [(1,), (2,)]
    assert connection.execute("SELECT kind, key FROM documents").fetchall() == [("agent", "alice")]
    assert connection.execute("SELECT * FROM visits").fetchall() == [("a", 11), ("b", 2)]


def test_later_images_take_the_place_of_earlier_ones(connection: sqlite3.Connection) -> None:
    for state, ended_at, body in (("queued", None, b"1"), ("failed", 9.0, b"2")):
        batch = Batch()
        batch.jobs["j1"] = job_row("j1", state, ended_at)
        batch.documents["agent", "alice"] = body
        batch.rows["visits", ("name", "count")] = [("a", len(state))]
        batch.write(connection)
    rows = connection.execute("SELECT number, state, ended_at FROM jobs").fetchall()
    assert rows == [(1, "failed", 9.0)]
    assert connection.execute("SELECT body FROM documents").fetchall() == [(b"2",)]
    assert connection.execute("SELECT count FROM visits").fetchall() == [(6,)]
    batch = Batch()
    batch.documents["agent", "alice"] = None
    batch.write(connection)
    assert connection.execute("SELECT COUNT(*) FROM documents").fetchone() == (0,)


@pytest.mark.parametrize("count", [1, 3, MOST_ROWS + 37])
def test_documents_of_several_kinds_are_dropped_by_few_statements(
    connection: sqlite3.Connection, count: int
) -> None:
    batch = Batch()
    keys = [(kind, f"k{number}") for number in range(count) for kind in ("dialog", "agent")]
    batch.documents = dict.fromkeys([*keys, ("dialog", "stays"), ("queue", "k0")], b"{}")
    batch.write(connection)
    batch = Batch()
    batch.documents = dict.fromkeys(keys)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    batch.write(connection)
    connection.set_trace_callback(None)
    left = connection.execute("SELECT kind, key FROM documents ORDER BY kind").fetchall()
    assert left == [("dialog", "stays"), ("queue", "k0")]
    assert sum(one.startswith("DELETE") for one in statements) == (2 if count < 32 else 6)


def test_nothing_is_written_when_something_cannot_be(connection: sqlite3.Connection) -> None:
    batch = Batch()
    batch.jobs["j1"] = job_row("j1")
    batch.events += [event(1), event(1)]  # a number used twice
    with pytest.raises(sqlite3.IntegrityError):
        batch.write(connection)
    assert not connection.in_transaction
    assert connection.execute("SELECT COUNT(*) FROM jobs").fetchone() == (0,)


def test_row_that_is_wrong_in_itself_holds_nobody_up(connection: sqlite3.Connection) -> None:
    batch = Batch()
    batch.events.append(event(1))
    batch.rows["visits", ("name", "no_such_column")] = [("a", 1)]
    batch.rows["visits", ("name", "count")] = [("b", 1)]
    batch.statements += [("DELETE FROM nowhere", ()), ("UPDATE visits SET count = 5", ())]
    batch.write(connection)
    assert connection.execute("SELECT * FROM visits").fetchall() == [("b", 5)]
    assert connection.execute("SELECT COUNT(*) FROM events").fetchone() == (1,)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 23, MOST_ROWS, 2 * MOST_ROWS + 37])
def test_any_number_of_rows_is_written_in_order(connection: sqlite3.Connection, count: int) -> None:
    batch = Batch()
    batch.events = [event(seq) for seq in range(1, count + 1)]
    batch.write(connection)
    rows = connection.execute("SELECT seq FROM events ORDER BY rowid").fetchall()
    assert rows == [(seq,) for seq in range(1, count + 1)]


def test_what_failed_comes_before_what_gathered_meanwhile() -> None:
    failed, later = Batch(), Batch()
    failed.jobs = {
        "j1": job_row("j1", "queued"),
        "j2": job_row("j2"),
        "saved": job_row("saved"),
    }
    failed.durable_jobs.add("saved")
    failed.documents = {("k", "a"): b"old", ("k", "b"): None, ("k", "saved"): b"x"}
    failed.durable_documents.add(("k", "saved"))
    failed.events = [event(1)]
    failed.rows = {("t", ("c",)): [(1,)]}
    failed.statements = [("first", ())]
    later.jobs = {"j1": job_row("j1", "failed")}
    later.documents = {("k", "a"): b"new"}
    later.events = [event(2)]
    later.rows = {("t", ("c",)): [(2,)], ("u", ("c",)): [(3,)]}
    later.statements = [("second", ())]
    later.take_back(failed)
    assert {row.id: row.state for row in later.jobs.values()} == {"j1": "failed", "j2": "queued"}
    assert later.documents == {("k", "a"): b"new", ("k", "b"): None}
    assert [row.seq for row in later.events] == [1, 2]
    assert later.rows == {("t", ("c",)): [(1,), (2,)], ("u", ("c",)): [(3,)]}
    assert [statement for statement, _values in later.statements] == ["first", "second"]
