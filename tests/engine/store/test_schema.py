"""The tables of the store and their migration."""

import sqlite3

import pytest

from engine.store import schema


def connect() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


def test_new_file_gets_every_version_and_migrating_again_changes_nothing() -> None:
    connection = connect()
    schema.migrate(connection, now=5.0)
    schema.migrate(connection, now=6.0)
    rows = connection.execute("SELECT version, applied FROM migrations").fetchall()
    assert rows == [(version, 5.0) for version in range(1, schema.VERSION + 1)]
    assert connection.execute("SELECT COUNT(*) FROM jobs").fetchone() == (0,)


def test_later_version_is_refused() -> None:
    connection = connect()
    schema.migrate(connection)
    connection.execute("INSERT INTO migrations VALUES (?, 0)", (schema.VERSION + 1,))
    with pytest.raises(schema.SchemaTooNew, match=str(schema.VERSION + 1)):
        schema.migrate(connection)


def test_failed_step_is_undone_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connect()
    steps = (*schema.MIGRATIONS, ("CREATE TABLE more (x)", "nonsense"))
    monkeypatch.setattr(schema, "MIGRATIONS", steps)
    monkeypatch.setattr(schema, "VERSION", len(steps))
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(connection)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "jobs" in tables
    assert "more" not in tables
