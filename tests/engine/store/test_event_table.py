"""The event log as it is read from the disk."""

import sqlite3
from collections.abc import Iterator

import pytest

from engine.store import event_table, schema


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection)
    yield connection
    connection.close()


def fill(connection: sqlite3.Connection, first: int, last: int, body: bytes = b"{}") -> None:
    types = ("callback.queued", "leg.ringing", "leg.ended", "agent.paused")
    connection.executemany(
        "INSERT INTO events VALUES (?, 0, ?, ?)",
        [(seq, types[seq % 4], body) for seq in range(first, last + 1)],
    )


def test_a_file_has_one_epoch_for_ever(connection: sqlite3.Connection) -> None:
    kept = event_table.kept_log(connection)
    assert (kept.oldest, kept.newest) == (1, 0)
    fill(connection, 5, 9)
    again = event_table.kept_log(connection)
    assert (again.epoch, again.oldest, again.newest) == (kept.epoch, 5, 9)


def test_a_page_reaches_as_far_as_it_may(connection: sqlite3.Connection) -> None:
    fill(connection, 1, 20)
    events, through = event_table.page(connection, 3, 8, ())
    assert ([seq for seq, *_ in events], through) == ([4, 5, 6, 7, 8], 8)
    events, through = event_table.page(connection, 8, 20, ("leg.ended", "agent."))
    assert ([seq for seq, *_ in events], through) == ([10, 11, 14, 15, 18, 19], 20)
    events, through = event_table.page(connection, 8, 20, ("nothing",))
    assert (events, through) == ([], 20)


def test_a_page_is_short(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(connection, 1, 100, b'"' + b"x" * 98 + b'"')
    monkeypatch.setattr(event_table, "PAGE_BYTES", 450)
    events, through = event_table.page(connection, 0, 100, ())
    assert (len(events), through) == (5, 5)
    monkeypatch.setattr(event_table, "PAGE_EVENTS", 7)
    events, through = event_table.page(connection, 90, 100, ("callback.",))
    assert ([seq for seq, *_ in events], through) == ([92, 96], 97)


def test_the_engine_was_seen_at_its_last_event_or_note_of_the_time(
    connection: sqlite3.Connection,
) -> None:
    assert event_table.kept_log(connection).seen_until == 0.0
    connection.execute("INSERT INTO events VALUES (1, 50.5, 'call.ended', '{}')")
    assert event_table.kept_log(connection).seen_until == 50.5
    connection.execute("INSERT INTO meta VALUES (?, '110.25')", (event_table.ALIVE,))
    assert event_table.kept_log(connection).seen_until == 110.25
