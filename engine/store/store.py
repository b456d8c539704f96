"""The store: jobs, events and documents in SQLite, one writer thread, group commit.

Everything but the writing happens on the event loop's thread. What is saved is encoded at once and
gathers while the writer commits the batch before; all that is given to the store in one turn of the
loop is in one batch, and each batch is one transaction that is on the disk (WAL, synchronous=FULL)
when it is published.

Looking up one job is synchronous: a read by key takes some 20 us, never waits for the writer
(WAL), and sees what is not committed yet, so that nothing can come between the question whether
an id is known and its first save. Lists, searches and reports are read in threads of their own.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

import msgspec
import structlog

from ..job import Job
from . import event_table, job_table, overwriting, schema
from .batch import EventRow, Future, JobRow
from .checkpoints import MOST_PAGES, Checkpoints
from .cursor import row_of
from .errors import StoreError, explain
from .event_table import Found
from .file_lock import FileLock, LockHeld
from .filters import Filters
from .group_commit import GroupCommit
from .job_table import Jobs, Page
from .reader import Reader

__all__ = ["Store", "StoreError"]

log = structlog.get_logger()

T = TypeVar("T")
Rows = list[tuple[Any, ...]]

BUSY_TIMEOUT_S = 5.0
CACHED_STATEMENTS = 256
EVERYTHING = Filters()
# Each has a thread and a connection of its own, so that none waits for what another reads.
READERS = ("lists", "queries", "searches", "reports")


class Store:
    """What must not be lost. Make it, `await open()`, and in the end `await close()`."""

    def __init__(self, path: Path, *, flush_delay_s: float = 0.1, retry_delay_s: float = 1.0):
        self.path = path
        self._listeners: list[Callable[[list[EventRow]], None]] = []
        self._flush_delay_s = flush_delay_s
        self._retry_delay_s = retry_delay_s
        self._encoder = msgspec.json.Encoder()
        self._saves = 0
        self._is_open = False

    # -- opening and closing ----------------------------------------------------------------

    async def open(self) -> None:
        """Open or create the file. Raises StoreError with a reason for a person."""
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
            for _ in range(3 + len(READERS)):
                opened.append(self._connect())
            self._writer, self._finder, checkpointing, *reading_for = opened
            self._writer.execute(f"PRAGMA wal_autocheckpoint = {MOST_PAGES}")
            schema.migrate(self._writer)
            self.kept_log = event_table.kept_log(self._writer)
            for reading in opened[1:]:
                reading.execute("PRAGMA query_only = ON")
        except OSError as error:
            self._abandon(opened)
            raise StoreError("io", f"{self.path}: {error.strerror or error}") from error
        except sqlite3.Error as error:
            self._abandon(opened)
            raise explain(self.path, error) from error
        except schema.SchemaTooNew as error:
            self._abandon(opened)
            raise StoreError("corrupt", f"{self.path}: {error}") from error
        self._lists, self._queries, self._searches, self._reports = self._readers = [
            Reader(self.path, connection, f"store-{name}")
            for name, connection in zip(READERS, reading_for, strict=True)
        ]
        self._checkpoints = Checkpoints(checkpointing)
        self._commit = GroupCommit(
            self.path,
            self._writer,
            self._checkpoints,
            flush_delay_s=self._flush_delay_s,
            retry_delay_s=self._retry_delay_s,
            on_events=self._saved,
        )
        self._is_open = True

    def listen(self, listener: Callable[[list[EventRow]], None]) -> None:
        """Call `listener` with the events of each batch once it is on the disk."""
        self._listeners.append(listener)

    def _saved(self, events: list[EventRow]) -> None:
        for listener in self._listeners:
            listener(events)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=CACHED_STATEMENTS,
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # What is deleted is overwritten: an erased person is not left in free pages.
        connection.execute("PRAGMA secure_delete = ON")
        return connection

    def _abandon(self, opened: Iterable[sqlite3.Connection]) -> None:
        for connection in opened:
            connection.close()
        self._lock.release()

    async def close(self) -> None:
        """Write what is pending and close the file. What cannot be written is logged, once."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            await self.flush()
        except StoreError as error:
            log.error("store_not_flushed", pending=len(self._commit.pending), reason=error.message)
        self._commit.close()
        self._checkpoints.close()
        for reader in self._readers:
            reader.close()
        self._abandon((self._finder, self._writer))

    # -- saving -----------------------------------------------------------------------------

    @overload
    def save(self, job: Job, *, durable: Literal[False] = ...) -> None: ...

    @overload
    def save(self, job: Job, *, durable: Literal[True]) -> Future: ...

    def save(self, job: Job, *, durable: bool = False) -> Future | None:
        """Save `job` as it is now, within `flush_delay_s`.

        With `durable` as soon as can be: the future is done once it is on the disk. It fails with
        StoreError, and then the save is undone: the caller knows that it did not happen. Other
        saves are tried again until they succeed or a newer save of the same job takes their place.
        """
        body = self._encoder.encode(job)
        self._commit.pending.jobs[job.id] = JobRow(
            job.id,
            job.state,
            job.created,
            job.request.not_before,
            job.called,
            job.ended_at,
            body,
        )
        if durable:
            self._commit.pending.durable_jobs.add(job.id)
        return self._gathered(durable)

    async def save_or_undo(self, job: Job, undo: Callable[[], None]) -> None:
        """Have a change of `job` on the disk; where that fails it is undone. Raises StoreError."""
        try:
            await self.save(job, durable=True)
        except StoreError:
            undo()
            self.save(job)  # what else changed meanwhile is not undone
            raise

    @overload
    def put(
        self, kind: str, key: str, value: msgspec.Struct | Mapping[str, Any], *,
        durable: Literal[False] = ...,
    ) -> None: ...  # fmt: skip

    @overload
    def put(
        self, kind: str, key: str, value: msgspec.Struct | Mapping[str, Any], *,
        durable: Literal[True],
    ) -> Future: ...  # fmt: skip

    def put(
        self,
        kind: str,
        key: str,
        value: msgspec.Struct | Mapping[str, Any],
        *,
        durable: bool = False,
    ) -> Future | None:
        """Keep a document as it is now, in place of the one of this `kind` and `key`.

        Anything that JSON can hold; `durable` as for `save`.
        """
        self._commit.pending.documents[kind, key] = self._encoder.encode(value)
        if durable:
            self._commit.pending.durable_documents.add((kind, key))
        return self._gathered(durable)

    def drop(self, kind: str, key: str) -> None:
        """Keep the document of this `kind` and `key` no longer, if there is one."""
        self._commit.pending.documents[kind, key] = None
        self._gathered(durable=False)

    def insert(self, table: str, row: Mapping[str, object]) -> None:
        """Write a row of another table of schema.py, in place of one with the same key.

        Table and columns are names of the schema, never of a client. Raises TypeError for a value
        that SQLite cannot hold; a row that the table refuses is logged and left out.
        """
        for column, value in row.items():
            if type(value) not in _STORED_AS_IS and not _is_storable(value):
                raise TypeError(f"{table}.{column} cannot hold {type(value).__name__}")
        self._commit.pending.rows.setdefault((table, tuple(row)), []).append(tuple(row.values()))
        self._gathered(durable=False)

    async def overwrite_deleted(self) -> None:
        """Take what was deleted off the disk, once it is flushed. Raises StoreError."""
        try:
            await overwriting.overwrite_deleted(self.path)
        except sqlite3.Error as error:
            raise explain(self.path, error) from error

    def execute(self, statement: str, values: Sequence[Any] = ()) -> None:
        """Run a statement (an UPDATE or DELETE) after what the same batch inserts.

        It may run twice, and is logged and left out when it is wrong.
        """
        self._commit.pending.statements.append((statement, tuple(values)))
        self._gathered(durable=False)

    def append(self, event: EventRow, instead: Callable[[], EventRow] | None = None) -> None:
        """Write an event of the log, which numbers them; listeners hear when it is done.

        Where what is saved durably in this turn cannot be written, so that it is undone, what
        `instead` makes takes its place and its number.
        """
        self._commit.pending.events.append(event)
        if instead is not None:
            self._commit.pending.instead[event.seq] = instead
        self._commit.flush_in(self._commit.event_delay_s)

    def published(self) -> None:
        """See LogStore: what was appended is delivered once it is on the disk, not now."""

    def _gathered(self, durable: bool) -> Future | None:
        self._saves += 1
        if durable:
            return self._commit.wait()
        self._commit.flush_in(self._commit.flush_delay_s)
        return None

    async def flush(self) -> None:
        """Wait until everything saved so far is on the disk. Raises StoreError."""
        if len(self._commit.pending) or self._commit.writing is not None:
            await self._commit.wait()

    # -- reading ----------------------------------------------------------------------------

    def find(self, job_id: str) -> Job | None:
        """The job of this id as last saved, committed or not. Raises StoreError."""
        row = self._commit.pending.jobs.get(job_id)
        if row is None and self._commit.writing is not None:
            row = self._commit.writing.jobs.get(job_id)
        if row is not None:
            return job_table.decode(row.body)
        try:
            return job_table.find(self._finder, job_id)
        except sqlite3.Error as error:
            raise explain(self.path, error) from error

    def document(self, kind: str, key: str, type: type[T]) -> T | None:
        """One document as last put, committed or not, read as a `type`. Raises StoreError."""
        for batch in (self._commit.pending, self._commit.writing):
            if batch is not None and (kind, key) in batch.documents:
                body = batch.documents[kind, key]
                return None if body is None else _read_document(body, type, kind)
        try:
            found = self._finder.execute(
                "SELECT body FROM documents WHERE kind = ? AND key = ?", (kind, key)
            ).fetchone()
        except sqlite3.Error as error:
            raise explain(self.path, error) from error
        return None if found is None else _read_document(found[0], type, kind)

    async def list(
        self, wanted: Filters = EVERYTHING, *, limit: int = 100, cursor: str | None = None
    ) -> Page:
        """Jobs, newest first, and the cursor of the next page (None at the end).

        A page may be shorter than `limit`, or empty (see job_table.py). Raises StoreError, or
        BadParams for a cursor that this store never gave.
        """
        before = None if cursor is None else row_of(cursor, "callback.list")
        await self._flush_if_possible()
        return await self._searches.run(lambda lists: job_table.page(lists, wanted, limit, before))

    async def load_open(self) -> Jobs:
        """Every job that has not ended, oldest first. Raises StoreError."""
        return await self._lists.run(job_table.load_open)

    async def count(self) -> dict[str, int]:
        """How many jobs are in each state. Raises StoreError."""
        await self._flush_if_possible()
        return await self._lists.run(job_table.count)

    async def load(self, kind: str, type: type[T]) -> dict[str, T]:
        """Every document of this `kind` by its key, each read as a `type`. Raises StoreError."""
        await self._flush_if_possible()
        rows = await self._lists.run(
            lambda lists: lists.execute(
                "SELECT key, body FROM documents WHERE kind = ? ORDER BY key", (kind,)
            ).fetchall()
        )
        decoder = msgspec.json.Decoder(type)
        try:
            return {key: decoder.decode(body) for key, body in rows}
        except msgspec.DecodeError as error:
            reason = f"{self.path}: a document of kind {kind} cannot be read: {error}"
            raise StoreError("corrupt", reason) from error

    @property
    def keeps_events(self) -> bool:
        """Whether events are found here that memory has no more: always."""
        return True

    async def events_after(self, seq: int, until: int, types: tuple[str, ...]) -> Found:
        """A page of the event log, see event_table.py. Raises StoreError."""
        return await self._lists.run(lambda lists: event_table.page(lists, seq, until, types))

    async def query(self, sql: str, params: Sequence[Any] = ()) -> Rows:
        """The rows that a SELECT gives, with everything in them that was saved before.

        It must be quick: it holds up other queries, and nothing else. Raises StoreError.
        """
        await self._flush_if_possible()
        return await self._queries.run(lambda queries: queries.execute(sql, params).fetchall())

    async def search(self, sql: str, params: Sequence[Any] = ()) -> Rows:
        """The same of a SELECT that may look at many rows: it holds up other searches alone."""
        await self._flush_if_possible()
        return await self._searches.run(lambda lists: lists.execute(sql, params).fetchall())

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` reads for a report: it holds up other reports alone.

        Raises StoreError, and what `work` raises.
        """
        await self._flush_if_possible()
        return await self._reports.run(work)

    async def _flush_if_possible(self) -> None:
        try:
            await self.flush()
        except StoreError:
            # Told in the status already; what was committed can still be read.
            log.warning("store_read_without_latest")

    def status(self) -> dict[str, Any]:
        """What engine.status says of the store."""
        commit = self._commit
        writing = 0 if commit.writing is None else len(commit.writing)
        return {
            "path": str(self.path),
            "saves": self._saves,
            "commits": commit.commits,
            "pending": len(commit.pending) + writing,
            "errors": commit.errors,
            "last_error": commit.last_error,
        }


def _read_document(body: bytes, type: type[T], kind: str) -> T:
    try:
        return msgspec.json.decode(body, type=type)
    except msgspec.DecodeError as error:
        raise StoreError("corrupt", f"a document of kind {kind} cannot be read: {error}") from error


_STORED_AS_IS = frozenset({str, float, bytes, type(None)})


def _is_storable(value: object) -> bool:
    if isinstance(value, int):
        return -(1 << 63) <= value < 1 << 63
    return value is None or isinstance(value, str | float | bytes)
