"""A store with a history: copies of a callback that the engine made, and of one it has to make."""

import sqlite3
import time
from pathlib import Path

from .callbacks import Callbacks

HISTORY_S = 30 * 86_400
WITH_EVENTS = 10_000  # this many of the copies have their events kept
LATER_S = 86_400.0
LIMIT_S = 20.0

# Every copy has an id of its own, `n` counts them. The image is copied as it is but for the id.
_COUNT = "WITH RECURSIVE copies (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < ?)"
_ID = "x.id || '-' || n"
_AGO = f"(n * {HISTORY_S}.0 / ?)"


async def make_originals(callbacks: Callbacks) -> tuple[str, str]:
    """Have one callback made, and one asked for that is to be made tomorrow; their ids."""
    ended = await callbacks.request("answer-0.mute", "answer-0.bye-20.mute")
    await callbacks.all_ended([ended.id], LIMIT_S)
    waiting = await callbacks.request("noanswer", "noanswer", not_before=time.time() + LATER_S)
    return ended.id, waiting.id


def multiply(path: Path, ended: str, waiting: str, *, jobs: int, still_open: int) -> None:
    """Copy the two, until there are `jobs` of which `still_open` wait. No engine may run.

    The ended ones lie in the last 30 days, most of them for numbers called once before, each with
    its record and its customer's answer, some with their events.
    """
    store = sqlite3.connect(path, isolation_level=None)
    try:
        store.execute("BEGIN")
        copies = jobs - still_open - 1
        number = "'+44' || (7700000000 + n % 50000)"
        _copy(
            store,
            "jobs",
            ended,
            copies,
            {
                "number": "NULL",
                "created": f"x.created - {_AGO}",
                "called": number,
                "ended_at": f"x.ended_at - {_AGO}",
            },
        )
        _copy(
            store,
            "records",
            ended,
            copies,
            {
                "number": number,
                "created": f"x.created - {_AGO}",
                "due_at": f"x.due_at - {_AGO}",
                "ended_at": f"x.ended_at - {_AGO}",
            },
        )
        store.execute(
            f"{_COUNT} INSERT INTO customer_answers SELECT leg || '-' || n, record || '-' || n,"
            f" site, answered_at - {_AGO}, alone_s FROM customer_answers, copies WHERE record = ?",
            (copies, copies, ended),
        )
        store.execute(
            f"{_COUNT} INSERT INTO events (time, type, body)"
            " SELECT time, type, body FROM copies CROSS JOIN events WHERE seq <= ?",
            (min(copies, WITH_EVENTS), *store.execute("SELECT MAX(seq) FROM events").fetchone()),
        )
        _copy(store, "jobs", waiting, still_open - 1, {"number": "NULL"})
        store.execute("COMMIT")
    finally:
        store.close()


def let_wait(path: Path, waiting: str, jobs: int) -> None:
    """Copy the one that waits until `jobs` more of it do. No engine may run."""
    store = sqlite3.connect(path, isolation_level=None)
    try:
        store.execute("BEGIN")
        more = {"id": "'more-' || n", "number": "NULL"}
        more["body"] = (
            "CAST(replace(CAST(x.body AS TEXT), '\"' || x.id || '\"',"
            " '\"more-' || n || '\"') AS BLOB)"
        )
        _copy(store, "jobs", waiting, jobs, more)
        store.execute("COMMIT")
    finally:
        store.close()


def _copy(
    store: sqlite3.Connection, table: str, id: str, copies: int, changed: dict[str, str]
) -> None:
    changed = {
        "id": _ID,
        "body": f"CAST(replace(CAST(x.body AS TEXT), '\"' || x.id || '\"',"
        f" '\"' || {_ID} || '\"') AS BLOB)",
        **changed,
    }
    columns = [name for _, name, *_ in store.execute(f"PRAGMA table_info({table})")]
    values = [changed.get(name, f"x.{name}") for name in columns]
    ago = [copies] * sum(value.count("?") for value in values)
    store.execute(
        f"{_COUNT} INSERT INTO {table} SELECT {', '.join(values)}"
        f" FROM {table} AS x, copies WHERE x.id = ?",
        (copies, *ago, id),
    )
