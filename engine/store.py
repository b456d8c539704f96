"""The job store: SQLite, one writer thread, group commit.

Everything but the writing happens on the event loop's thread. A save takes a snapshot at once;
snapshots gather while the writer commits the batch before, only the latest of each job is kept,
and each batch is one transaction that is on the disk (WAL, synchronous=FULL) when it is told.

Looking up one job is synchronous: a read by key takes some 20 us, never waits for the writer
(WAL), and sees what is not committed yet, so that nothing can come between the question whether
an id is known and its first save. Lists are read in a thread of their own.
"""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal, NamedTuple, TypeVar, overload

import msgspec
import structlog

from . import schema
from .job import TERMINAL_STATES, TRANSITIONS, Job
from .lock import FileLock, LockHeld
from .protocol import BadParams, EngineError

log = structlog.get_logger()

T = TypeVar("T")
Jobs = list[Job]
Page = tuple[Jobs, str | None]  # jobs, and the cursor of the next page

BUSY_TIMEOUT_S = 5.0
# A page of a list ends early when it holds this much, so that it fits into a line of the wire.
PAGE_BYTES = 512 * 1024

OPEN_STATES = tuple(
    sorted({state for table in TRANSITIONS.values() for state in table} - TERMINAL_STATES)
)

_REASONS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: ("disk_full", "the disk is full"),
    sqlite3.SQLITE_BUSY: ("locked", "another process keeps it locked"),
    sqlite3.SQLITE_LOCKED: ("locked", "it is locked"),
    sqlite3.SQLITE_READONLY: ("read_only", "it cannot be written"),
    sqlite3.SQLITE_PERM: ("read_only", "it may not be accessed"),
    sqlite3.SQLITE_CORRUPT: ("corrupt", "it is damaged"),
    sqlite3.SQLITE_NOTADB: ("corrupt", "it is not a database"),
    sqlite3.SQLITE_CANTOPEN: ("io", "it cannot be opened"),
    sqlite3.SQLITE_IOERR: ("io", "reading or writing it fails"),
}

# SQLite takes 32,766 parameters in one statement.
_ROWS_PER_STATEMENT = 1000


@lru_cache
def _upsert(rows: int) -> str:
    values = ", ".join(["(?, ?, ?, ?, ?)"] * rows)
    return f"""
        INSERT INTO jobs (id, state, created, not_before, body) VALUES {values}
        ON CONFLICT (id) DO UPDATE SET state = excluded.state, body = excluded.body
    """


class StoreError(EngineError):
    """The store cannot do it now. `reason`: disk_full, locked, read_only, corrupt or io."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__("unavailable", message, data={"store": reason})
        self.reason = reason


class _Row(NamedTuple):
    id: str
    state: str
    created: float
    not_before: float | None
    body: bytes


Rows = list[_Row]


class _Batch(NamedTuple):
    rows: dict[str, _Row]
    durable: set[str]
    waiters: list["asyncio.Future[None]"]


def _explain(path: Path, error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    reason, words = _REASONS.get(code, ("io", "it cannot be used"))
    return StoreError(reason, f"{path}: {words} ({error})")


class Store:
    """Jobs on disk. Make it, `await open()`, and in the end `await close()`."""

    def __init__(self, path: Path, *, flush_delay_s: float = 0.1, retry_delay_s: float = 1.0):
        self.path = path
        self._flush_delay_s = flush_delay_s
        self._retry_delay_s = retry_delay_s
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(Job)
        self._pending = _Batch({}, set(), [])
        self._writing: _Batch | None = None
        self._hand_over_soon: asyncio.Handle | None = None
        self._flush_timer: asyncio.TimerHandle | None = None
        self._work: SimpleQueue[_Batch | None] = SimpleQueue()
        self._saves = self._commits = self._errors = 0
        self._last_error: dict[str, Any] | None = None

    # -- opening and closing ----------------------------------------------------------------

    async def open(self) -> None:
        """Open or create the file. Raises StoreError with a reason for a person."""
        self._loop = asyncio.get_running_loop()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        except LockHeld as error:
            raise StoreError("locked", f"{self.path}: another engine has it open") from error
        except OSError as error:
            raise StoreError("io", f"{self.path}: {error.strerror or error}") from error
        opened: list[sqlite3.Connection] = []
        try:
            # SQLite gives its side files the mode of the file itself.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            for _ in range(3):
                opened.append(self._connect())
            self._writer, self._finder, self._lister = opened
            schema.migrate(self._writer)
        except OSError as error:
            self._abandon(opened)
            raise StoreError("io", f"{self.path}: {error.strerror or error}") from error
        except sqlite3.Error as error:
            self._abandon(opened)
            raise _explain(self.path, error) from error
        except schema.SchemaTooNew as error:
            self._abandon(opened)
            raise StoreError("corrupt", f"{self.path}: {error}") from error
        self._thread = threading.Thread(target=self._write, name="store-writer", daemon=True)
        self._thread.start()
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="store-reader")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _abandon(self, opened: Iterable[sqlite3.Connection]) -> None:
        for connection in opened:
            connection.close()
        self._lock.release()

    async def close(self) -> None:
        """Write what is pending and close the file. What cannot be written is logged, once."""
        if getattr(self, "_thread", None) is None or not self._thread.is_alive():
            return
        try:
            await self.flush()
        except StoreError as error:
            log.error("store_not_flushed", jobs=len(self._pending.rows), reason=error.message)
        self._cancel_timer()
        self._work.put(None)
        self._thread.join()
        self._reading.shutdown()
        self._abandon((self._finder, self._lister, self._writer))

    # -- saving -----------------------------------------------------------------------------

    @overload
    def save(self, job: Job, *, durable: Literal[False] = ...) -> None: ...

    @overload
    def save(self, job: Job, *, durable: Literal[True]) -> "asyncio.Future[None]": ...

    def save(self, job: Job, *, durable: bool = False) -> "asyncio.Future[None] | None":
        """Save `job` as it is now, within `flush_delay_s`.

        With `durable` as soon as can be: the future is done once it is on the disk. It fails with
        StoreError, and then the save is undone: the caller knows that it did not happen. Other
        saves are tried again until they succeed or a newer save of the same job takes their place.
        """
        self._saves += 1
        body = self._encoder.encode(job)
        row = _Row(job.id, job.state, job.created, job.request.not_before, body)
        self._pending.rows[job.id] = row
        if not durable:
            self._flush_in(self._flush_delay_s)
            return None
        self._pending.durable.add(job.id)
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._pending.waiters.append(waiter)
        self._flush_soon()
        return waiter

    async def flush(self) -> None:
        """Wait until everything saved so far is on the disk. Raises StoreError."""
        if not self._pending.rows and self._writing is None:
            return
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._pending.waiters.append(waiter)
        self._flush_soon()
        await waiter

    def _flush_soon(self) -> None:
        # At the end of this turn of the loop, so that its other saves come along.
        if self._writing is None and self._hand_over_soon is None:
            self._hand_over_soon = self._loop.call_soon(self._hand_over)

    def _flush_in(self, delay_s: float) -> None:
        if self._flush_timer is None:
            self._flush_timer = self._loop.call_later(delay_s, self._flush_due)

    def _flush_due(self) -> None:
        self._flush_timer = None
        self._flush_soon()

    def _cancel_timer(self) -> None:
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None

    def _hand_over(self) -> None:
        self._hand_over_soon = None
        if self._writing is not None:
            return
        self._cancel_timer()
        batch, self._pending = self._pending, _Batch({}, set(), [])
        self._writing = batch
        self._work.put(batch)

    def _written(self, batch: _Batch, error: sqlite3.Error | None) -> None:
        self._writing = None
        if error is None:
            self._commits += 1
            for waiter in batch.waiters:
                if not waiter.done():
                    waiter.set_result(None)
        else:
            self._not_written(batch, error)
        if self._pending.waiters:
            self._flush_soon()
        elif self._pending.rows:
            self._flush_in(self._flush_delay_s if error is None else self._retry_delay_s)

    def _not_written(self, batch: _Batch, error: sqlite3.Error) -> None:
        failure = _explain(self.path, error)
        self._errors += 1
        self._last_error = {
            "reason": failure.reason,
            "message": failure.message,
            "time": time.time(),
        }
        log.error("store_write_failed", jobs=len(batch.rows), reason=failure.message)
        for job_id, row in batch.rows.items():
            if job_id not in batch.durable:
                self._pending.rows.setdefault(job_id, row)
        for waiter in batch.waiters:
            if not waiter.done():
                waiter.set_exception(failure)

    def _write(self) -> None:
        """The writer thread: one transaction for each batch."""
        while (batch := self._work.get()) is not None:
            failure: sqlite3.Error | None = None
            try:
                self._write_rows(list(batch.rows.values()))
            except sqlite3.Error as error:
                failure = error
                if self._writer.in_transaction:
                    self._writer.rollback()
            self._loop.call_soon_threadsafe(self._written, batch, failure)

    def _write_rows(self, rows: Rows) -> None:
        if not rows:
            return  # somebody only waited for the batch before
        if len(rows) <= _ROWS_PER_STATEMENT:
            # One statement is a transaction by itself, and gives up the interpreter only once.
            self._writer.execute(_upsert(len(rows)), list(chain.from_iterable(rows)))
            return
        self._writer.execute("BEGIN IMMEDIATE")
        for first in range(0, len(rows), _ROWS_PER_STATEMENT):
            some = rows[first : first + _ROWS_PER_STATEMENT]
            self._writer.execute(_upsert(len(some)), list(chain.from_iterable(some)))
        self._writer.execute("COMMIT")

    # -- reading ----------------------------------------------------------------------------

    def find(self, job_id: str) -> Job | None:
        """The job of this id as last saved, committed or not. Raises StoreError."""
        row = self._pending.rows.get(job_id)
        if row is None and self._writing is not None:
            row = self._writing.rows.get(job_id)
        if row is not None:
            return self._decode(row.body)
        try:
            found = self._finder.execute("SELECT body FROM jobs WHERE id = ?", (job_id,)).fetchone()
        except sqlite3.Error as error:
            raise _explain(self.path, error) from error
        return None if found is None else self._decode(found[0])

    async def list(
        self, state: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page:
        """Jobs, newest first, and the cursor of the next page (None at the end).

        A page may be shorter than `limit` (see PAGE_BYTES). Raises StoreError, or BadParams for a
        cursor that this store never gave.
        """
        before = _read_cursor(cursor)
        try:
            await self.flush()
        except StoreError:
            # Told in the status already; what was committed can still be listed.
            log.warning("store_list_without_latest")
        return await self._read(lambda: self._page(state, limit, before))

    async def load_open(self) -> Jobs:
        """Every job that has not ended, oldest first. Raises StoreError."""
        marks = ",".join("?" * len(OPEN_STATES))
        query = f"SELECT body FROM jobs WHERE state IN ({marks}) ORDER BY number"
        return await self._read(
            lambda: [self._decode(body) for (body,) in self._lister.execute(query, OPEN_STATES)]
        )

    async def count(self) -> dict[str, int]:
        """How many jobs are in each state. Raises StoreError."""
        await self.flush()
        query = "SELECT state, COUNT(*) FROM jobs GROUP BY state"
        return await self._read(lambda: dict(self._lister.execute(query).fetchall()))

    async def _read(self, query: Callable[[], T]) -> T:
        try:
            return await self._loop.run_in_executor(self._reading, query)
        except sqlite3.Error as error:
            raise _explain(self.path, error) from error

    def _page(self, state: str | None, limit: int, before: int | None) -> Page:
        where: tuple[str, ...] = ()
        values: tuple[Any, ...] = ()
        if state is not None:
            where, values = (*where, "state = ?"), (*values, state)
        if before is not None:
            where, values = (*where, "number < ?"), (*values, before)
        condition = f"WHERE {' AND '.join(where)}" if where else ""
        rows = self._lister.execute(
            f"SELECT number, body FROM jobs {condition} ORDER BY number DESC LIMIT ?",
            (*values, limit + 1),
        )
        jobs: Jobs = []
        size = last = 0
        with_more = False
        for number, body in rows:
            size += len(body)
            if len(jobs) == limit or (jobs and size > PAGE_BYTES):
                with_more = True
                break
            jobs.append(self._decode(body))
            last = number
        rows.close()
        return jobs, f"{last:x}" if with_more else None

    def _decode(self, body: bytes) -> Job:
        try:
            return self._decoder.decode(body)
        except msgspec.DecodeError as error:
            raise StoreError("corrupt", f"{self.path}: a job cannot be read: {error}") from error

    def status(self) -> dict[str, Any]:
        """What engine.status tells of the store."""
        writing = 0 if self._writing is None else len(self._writing.rows)
        return {
            "path": str(self.path),
            "saves": self._saves,
            "commits": self._commits,
            "pending": len(self._pending.rows) + writing,
            "errors": self._errors,
            "last_error": self._last_error,
        }


def _read_cursor(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    try:
        number = int(cursor, 16)
    except ValueError:
        number = -1
    if not 0 < number < 1 << 63 or f"{number:x}" != cursor:
        raise BadParams("cursor", "is not one that callback.list gave")
    return number
