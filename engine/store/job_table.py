"""Jobs as the store reads them: one by its id, a page of a list, the open ones at a start."""

import sqlite3
from typing import Any

import msgspec

from ..job import TERMINAL_STATES, TRANSITIONS, Job
from .errors import StoreError

Jobs = list[Job]
Page = tuple[Jobs, str | None]  # jobs, and the cursor of the next page

# A page of a list ends early when it holds this much, so that it fits into a line of the wire.
PAGE_BYTES = 512 * 1024

OPEN_STATES = tuple(
    sorted({state for table in TRANSITIONS.values() for state in table} - TERMINAL_STATES)
)

_decoder = msgspec.json.Decoder(Job)


def decode(body: bytes) -> Job:
    """The job that `body` holds. Raises StoreError."""
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise StoreError("corrupt", f"a job in the store cannot be read: {error}") from error


def find(connection: sqlite3.Connection, job_id: str) -> Job | None:
    """The job of this id."""
    found = connection.execute("SELECT body FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return None if found is None else decode(found[0])


def load_open(connection: sqlite3.Connection) -> Jobs:
    """Every job that has not ended, oldest first."""
    marks = ",".join("?" * len(OPEN_STATES))
    query = f"SELECT body FROM jobs WHERE state IN ({marks}) ORDER BY number"
    return [decode(body) for (body,) in connection.execute(query, OPEN_STATES)]


def count(connection: sqlite3.Connection) -> dict[str, int]:
    """How many jobs are in each state."""
    return dict(connection.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state").fetchall())


def page(connection: sqlite3.Connection, state: str | None, limit: int, before: int | None) -> Page:
    """At most `limit` jobs, newest first, that were accepted before job number `before`."""
    where: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    if state is not None:
        where, values = (*where, "state = ?"), (*values, state)
    if before is not None:
        where, values = (*where, "number < ?"), (*values, before)
    condition = f"WHERE {' AND '.join(where)}" if where else ""
    rows = connection.execute(
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
        jobs.append(decode(body))
        last = number
    rows.close()
    return jobs, str(last) if with_more else None
