"""Jobs as the store reads them: one by its id, a page of a list, the open ones at a start."""

import sqlite3
from operator import itemgetter

import msgspec

from ..job import TERMINAL_STATES, TRANSITIONS, Job
from .errors import StoreError
from .filters import Filters, joined

Jobs = list[Job]
Page = tuple[Jobs, str | None]  # jobs, and the cursor of the next page

# A page of a list ends early when it holds this much, so that it fits into a line of the wire.
PAGE_BYTES = 512 * 1024
# So many bodies are read for a page of those in which something is looked for.
MOST_READ = 20_000

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
    # State by state the index has the order: SQLite would copy the bodies of all to sort them.
    query = "SELECT number, body FROM jobs WHERE state = ? ORDER BY number"
    found = [
        (number, decode(body))
        for state in OPEN_STATES
        for number, body in connection.execute(query, (state,))
    ]
    found.sort(key=itemgetter(0))
    return [job for _, job in found]


def count(connection: sqlite3.Connection) -> dict[str, int]:
    """How many jobs are in each state."""
    return dict(connection.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state").fetchall())


def page(connection: sqlite3.Connection, wanted: Filters, limit: int, before: int | None) -> Page:
    """At most `limit` of the wanted jobs, newest first, accepted before job number `before`.

    It may have fewer, or none, where it has looked at MOST_READ of them: the cursor leads on.
    """
    columns, inside = wanted.of_jobs()
    if before is not None:
        columns.append(("number < ?", (before,)))
    where, values = joined(columns)
    fits, more = joined(inside)
    rows = connection.execute(
        f"SELECT number, CASE WHEN {fits} THEN body END FROM jobs WHERE {where}"
        " ORDER BY number DESC LIMIT ?",
        (*more, *values, (MOST_READ if inside else limit) + 1),
    )
    jobs: Jobs = []
    size = last = 0
    with_more = False
    for seen, (number, body) in enumerate(rows):
        size += len(body or b"")
        if len(jobs) == limit or (jobs and size > PAGE_BYTES) or seen == MOST_READ:
            with_more = True
            break
        last = number
        if body is not None:
            jobs.append(decode(body))
    rows.close()
    return jobs, str(last) if with_more else None
