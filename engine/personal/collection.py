"""What the store has of one person: jobs, records, events, audit entries, recordings.

All of it is read in the store's reading thread, a bounded part at a time, so that reports asked for
meanwhile have their turn.
"""

import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ..job import Job
from ..store import job_table, recording_files
from ..store.store import Store
from .person import SEPARATORS, Person

# So many rows of the event log and of the audit log are looked through in one turn.
ROWS_PER_READ = 20_000

Body = dict[str, Any]


def _without_separators(column: str) -> str:
    """SQL for the text of a column in which the digits of a number follow each other.

    SQL finds more than the numbers with it, and Person.is_in what is one.
    """
    text = f"CAST({column} AS TEXT)"
    for separator in SEPARATORS:
        text = f"replace({text}, '{separator}', '')"
    return text


_BODY, _PARAMS, _REASON = (_without_separators(one) for one in ("body", "params", "reason"))


@dataclass(frozen=True, slots=True)
class Traces:
    """The jobs and records of a person, and the ids of their calls."""

    jobs: tuple[Job, ...] = ()
    records: tuple[tuple[str, Body], ...] = ()
    """Each record's id and body."""
    notes: dict[str, Body] = field(default_factory=dict)
    """What was written about a record, by its id."""

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all jobs and calls: events and recordings name them."""
        attempts = [
            *(attempt.call for job in self.jobs for attempt in job.attempts),
            *(call for _id, record in self.records for call in recording_files.calls_of(record)),
        ]
        return frozenset(
            [*(job.id for job in self.jobs), *(id for id, _record in self.records), *attempts]
        )

    def recordings(self, directory: Path) -> tuple[Path, ...]:
        """The files of `directory` in which the person talks, that exist."""
        found: set[str] = set()
        for job in self.jobs:
            calls = [attempt.call for attempt in job.attempts]
            found.update(recording_files.names(job.id, job.recording, calls))
        for id, record in self.records:
            calls = list(recording_files.calls_of(record))
            found.update(recording_files.names(id, record.get("recording"), calls))
        files = [directory / name for name in sorted(found)]
        return tuple(file for file in files if file.is_file())


async def find_traces(store: Store, person: Person) -> Traces:
    """The person's jobs and records. Raises StoreError."""
    return await store.read(lambda connection: _traces(connection, person))


def _traces(connection: sqlite3.Connection, person: Person) -> Traces:
    like = f"%{person.search_text}%"
    jobs = []
    rows = connection.execute(
        f"SELECT body FROM jobs WHERE called = ? UNION SELECT body FROM jobs WHERE {_BODY} LIKE ?",
        (person.e164, like),
    )
    for (body,) in rows:
        job = job_table.decode(body)
        if is_of(job, person):
            jobs.append(job)
    records = []
    rows = connection.execute(
        "SELECT id, body FROM records WHERE number = ? UNION"
        f" SELECT id, body FROM records WHERE {_BODY} LIKE ?",
        (person.e164, like),
    )
    for id, body in rows:
        record = msgspec.json.decode(body)
        if any(person.is_number(record.get(name)) for name in ("number", "to", "from")):
            records.append((id, record))
    notes = {id: _notes_of(connection, id) for id, _record in records}
    jobs.sort(key=lambda job: job.created)
    records.sort(key=lambda found: found[1].get("created") or 0.0)
    return Traces(tuple(jobs), tuple(records), {id: note for id, note in notes.items() if note})


async def find_traces_of_one(store: Store, id: str) -> Traces:
    """One job or call, and its record. Raises StoreError."""
    return await store.read(lambda connection: _traces_of_one(connection, id))


def _traces_of_one(connection: sqlite3.Connection, id: str) -> Traces:
    jobs = connection.execute("SELECT body FROM jobs WHERE id = ?", (id,)).fetchall()
    records = connection.execute("SELECT body FROM records WHERE id = ?", (id,)).fetchall()
    note = _notes_of(connection, id)
    return Traces(
        tuple(job_table.decode(body) for (body,) in jobs),
        tuple((id, msgspec.json.decode(body)) for (body,) in records),
        {} if note is None else {id: note},
    )


def is_of(job: Job, person: Person) -> bool:
    """Whether the job calls this person, by any of its numbers."""
    return any(
        person.is_number(text) for text in (job.called, job.request.to, *job.request.numbers)
    )


def _notes_of(connection: sqlite3.Connection, id: str) -> Body | None:
    found = connection.execute(
        "SELECT outcome, rating, notes FROM annotations WHERE id = ?", (id,)
    ).fetchone()
    if found is None:
        return None
    outcome, rating, notes = found
    return {"outcome": outcome, "rating": rating, "notes": msgspec.json.decode(notes)}


# Where the number may be in what is kept of others: notes, contexts.
_MENTIONS = (
    ("jobs", "id", "body", "state IN ('completed', 'failed', 'cancelled', 'expired')"),
    ("records", "id", "body", "TRUE"),
    ("annotations", "id", "notes", "TRUE"),
)


async def mentions_of(store: Store, person: Person) -> list[tuple[str, str, str, bytes]]:
    """Where the number is in what is kept of others, once everything of the person is erased.

    Each as a table, its text column, the row's id, and the JSON text without the number.
    """
    return await store.read(lambda connection: list(_mentions(connection, person)))


def _mentions(
    connection: sqlite3.Connection, person: Person
) -> Iterator[tuple[str, str, str, bytes]]:
    for table, key, column, which in _MENTIONS:
        rows = connection.execute(
            f"SELECT {key}, {column} FROM {table}"
            f" WHERE {which} AND {_without_separators(column)} LIKE ?",
            (f"%{person.search_text}%",),
        )
        for id, text in rows:
            if person.is_in(bytes(text).decode(errors="replace")):
                kept = person.without(msgspec.json.decode(text))
                yield table, column, id, msgspec.json.encode(kept)


_EVENTS = f"""
    WITH known AS MATERIALIZED (SELECT value FROM json_each(?1))
    SELECT seq, body, COALESCE(
        json_extract(CAST(body AS TEXT), '$.job') IN (SELECT value FROM known)
        OR json_extract(CAST(body AS TEXT), '$.call') IN (SELECT value FROM known), 0
    ) AS is_theirs
    FROM events WHERE seq > ?2 AND seq <= ?3
    AND (is_theirs OR {_BODY} LIKE ?4) ORDER BY seq
"""
_AUDIT = f"""
    WITH known AS MATERIALIZED (SELECT value FROM json_each(?1))
    SELECT number, time, who, method, params, outcome, reason, CASE
        WHEN json_valid(params) THEN
            COALESCE(json_extract(params, '$.id') IN (SELECT value FROM known), 0)
        -- What is longer than fits there is cut, and no JSON any more.
        ELSE EXISTS (SELECT 1 FROM known WHERE instr(params, '"id":"' || value || '"'))
        END AS is_theirs
    FROM audit WHERE number > ?2 AND number <= ?3
    AND (is_theirs OR {_PARAMS} LIKE ?4 OR {_REASON} LIKE ?4) ORDER BY number
"""


async def events_of(
    store: Store, person: Person, ids: Iterable[str]
) -> AsyncIterator[tuple[int, Body, bool]]:
    """The events that are about the person.

    Each with its number, and whether it is of one of their jobs or calls (`ids`); where it is not,
    the event contains their number.
    """
    span = "SELECT COALESCE(MIN(seq), 1), COALESCE(MAX(seq), 0) FROM events"
    async for seq, body, is_theirs in _in_parts(store, person, ids, span, _EVENTS):
        if is_theirs or person.is_in(bytes(body).decode(errors="replace")):
            yield seq, msgspec.json.decode(body), bool(is_theirs)


async def audit_of(
    store: Store, person: Person, ids: Iterable[str]
) -> AsyncIterator[tuple[int, Body, bool]]:
    """The audit entries that name the person or one of their jobs.

    Each with its number, and whether it is about one of their jobs (`ids`).
    """
    span = "SELECT COALESCE(MIN(number), 1), COALESCE(MAX(number), 0) FROM audit"
    async for row in _in_parts(store, person, ids, span, _AUDIT):
        number, moment, who, method, params, outcome, reason, is_theirs = row
        if is_theirs or person.is_in(params or "") or person.is_in(reason or ""):
            entry = {
                "time": moment, "who": who, "method": method, "params": params,
                "outcome": outcome, "reason": reason,
            }  # fmt: skip
            yield number, entry, bool(is_theirs)


async def _in_parts(
    store: Store, person: Person, ids: Iterable[str], span: str, select: str
) -> AsyncIterator[tuple[Any, ...]]:
    """The rows that `select` finds, ROWS_PER_READ numbers at a time.

    `span` gives the first and the last number. `select` gets the ids as JSON, the number before
    the part and its last one, and the pattern of the person's number.
    """
    known = msgspec.json.encode(sorted(ids)).decode()
    like = f"%{person.search_text}%"
    ((oldest, newest),) = await store.query(span)
    for begin in range(oldest - 1, newest, ROWS_PER_READ):
        end = min(begin + ROWS_PER_READ, newest)
        for row in await store.query(select, (known, begin, end, like)):
            yield row
