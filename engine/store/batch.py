"""A batch: what gathers for one transaction of the store, and how it is written.

Everything is encoded already; of each job and each document only the newest image is kept. The
tables are in schema.py.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import structlog

from .errors import is_of_the_disk

log = structlog.get_logger()

# A statement for many rows releases the interpreter once, not once a row. A few rows have a
# statement of their own number; more are written by powers of two, so that few are prepared.
MOST_ROWS = 512
OWN_STATEMENT_ROWS = 32

DocumentKey = tuple[str, str]  # kind, key
Values = tuple[Any, ...]
Future = asyncio.Future[None]


class JobRow(NamedTuple):
    """A job as the table has it."""

    id: str
    state: str
    created: float
    not_before: float | None
    called: str | None
    ended_at: float | None
    body: bytes


class EventRow(NamedTuple):
    """An event as the table has it; `body` is its parameters as JSON."""

    seq: int
    time: float
    type: str
    body: bytes


class Batch:
    """What one transaction writes, and who waits for it."""

    def __init__(self) -> None:
        self.jobs: dict[str, JobRow] = {}
        self.documents: dict[DocumentKey, bytes | None] = {}  # None: dropped
        self.events: list[EventRow] = []
        # By number, what makes the event that is published instead of one whose matter is undone.
        self.instead: dict[int, Callable[[], EventRow]] = {}
        self.rows: dict[tuple[str, tuple[str, ...]], list[Values]] = {}
        self.statements: list[tuple[str, Values]] = []
        # Those whose saving somebody waits for: undone when it fails.
        self.durable_jobs: set[str] = set()
        self.durable_documents: set[DocumentKey] = set()
        self.waiters: list[Future] = []

    def __len__(self) -> int:
        """How many things there are to write."""
        return (
            len(self.jobs)
            + len(self.documents)
            + len(self.events)
            + sum(map(len, self.rows.values()))
            + len(self.statements)
        )

    def take_back(self, failed: "Batch") -> None:
        """Add what `failed` could not write and nobody has heard of, as older than our own."""
        for job_id, row in failed.jobs.items():
            if job_id not in failed.durable_jobs:
                self.jobs.setdefault(job_id, row)
        for key, body in failed.documents.items():
            if key not in failed.durable_documents:
                self.documents.setdefault(key, body)
        instead = failed.instead
        self.events[:0] = [
            instead[row.seq]() if row.seq in instead else row for row in failed.events
        ]
        for table, rows in failed.rows.items():
            self.rows[table] = rows + self.rows.get(table, [])
        self.statements[:0] = failed.statements

    def write(self, connection: sqlite3.Connection) -> None:
        """Write everything in one transaction. Raises sqlite3.Error, and then nothing is written.

        `connection` is in autocommit mode. A row or statement that is wrong in itself is logged
        and left out: trying it again would hold up all other saves without end.
        """
        if not len(self):
            return  # somebody only waited for the batch before
        try:
            self._write(connection, self._write_others)
        except _REFUSALS as error:
            if isinstance(error, sqlite3.Error) and is_of_the_disk(error):
                raise
            self._write(connection, self._write_others_apart)

    def _write(
        self, connection: sqlite3.Connection, others: Callable[[sqlite3.Connection], None]
    ) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            _insert(connection, _JOBS, 7, _ON_JOB, list(self.jobs.values()))
            self._write_documents(connection)
            _insert(connection, _EVENTS, 4, "", self.events)
            others(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _write_documents(self, connection: sqlite3.Connection) -> None:
        kept = [(*key, body) for key, body in self.documents.items() if body is not None]
        _insert(connection, _DOCUMENTS, 3, "", kept)
        dropped: dict[str, list[str]] = {}
        for (kind, key), body in self.documents.items():
            if body is None:
                dropped.setdefault(kind, []).append(key)
        for kind, keys in dropped.items():
            _delete_documents(connection, kind, keys)

    def _write_others(self, connection: sqlite3.Connection) -> None:
        for (table, columns), rows in self.rows.items():
            _insert(connection, _head(table, columns), len(columns), "", rows)
        for statement, values in self.statements:
            connection.execute(statement, values)

    def _write_others_apart(self, connection: sqlite3.Connection) -> None:
        """The same, with a savepoint for each, so that one that is refused can be left out."""
        for (table, columns), rows in self.rows.items():
            head = _head(table, columns)
            with _left_out_if_refused(connection, head):
                _insert(connection, head, len(columns), "", rows)
        for statement, values in self.statements:
            with _left_out_if_refused(connection, statement):
                connection.execute(statement, values)


_JOBS = "INSERT INTO jobs (id, state, created, not_before, called, ended_at, body) VALUES "
# Their number stays: it is the order of acceptance.
_ON_JOB = """
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, not_before = excluded.not_before,
    called = excluded.called, ended_at = excluded.ended_at, body = excluded.body
"""
_DOCUMENTS = "INSERT OR REPLACE INTO documents (kind, key, body) VALUES "
_EVENTS = "INSERT INTO events (seq, time, type, body) VALUES "


_REFUSALS = (sqlite3.Error, ValueError, OverflowError)


@lru_cache(maxsize=64)
def _head(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES "


@contextmanager
def _left_out_if_refused(connection: sqlite3.Connection, statement: str) -> Iterator[None]:
    connection.execute("SAVEPOINT others")
    try:
        yield
    except _REFUSALS as error:
        if isinstance(error, sqlite3.Error) and is_of_the_disk(error):
            raise
        log.error("store_row_refused", statement=statement, reason=str(error))
        connection.execute("ROLLBACK TO others")
    connection.execute("RELEASE others")


def _insert(
    connection: sqlite3.Connection, head: str, columns: int, tail: str, rows: Sequence[Values]
) -> None:
    first = 0
    for count in _statements_for(len(rows)):
        some = rows[first : first + count]
        connection.execute(_statement(head, columns, count, tail), list(chain.from_iterable(some)))
        first += count


def _delete_documents(connection: sqlite3.Connection, kind: str, keys: Sequence[str]) -> None:
    first = 0
    for count in _statements_for(len(keys)):
        connection.execute(_deletion(count), (kind, *keys[first : first + count]))
        first += count


def _statements_for(count: int) -> Iterator[int]:
    while count:
        if count <= OWN_STATEMENT_ROWS:
            yield count
            return
        power = min(MOST_ROWS, 1 << (count.bit_length() - 1))
        yield power
        count -= power


@lru_cache(maxsize=256)
def _statement(head: str, columns: int, rows: int, tail: str) -> str:
    marks = "(" + ", ".join(["?"] * columns) + ")"
    return head + ", ".join([marks] * rows) + tail


@lru_cache(maxsize=64)
def _deletion(count: int) -> str:
    return f"DELETE FROM documents WHERE kind = ? AND key IN ({', '.join(['?'] * count)})"
