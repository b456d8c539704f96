"""The event log as the store reads it: where it begins and ends, and a page of a replay."""

import secrets
import sqlite3
from typing import NamedTuple

# A page of a replay: one turn of the reading thread, and what a reader may hold in memory.
PAGE_EVENTS = 2_000
PAGE_BYTES = 128 * 1024

# The key of `meta` under which a running engine notes the time.
ALIVE = "alive"

Found = tuple[list[tuple[int, str, bytes]], int]


class KeptLog(NamedTuple):
    """What a file has of its log; `oldest` is `newest + 1` where it has none.

    `seen_until` is when the engine that wrote it was last known to run (Unix seconds; 0: never).
    """

    epoch: str
    oldest: int
    newest: int
    seen_until: float


def kept_log(connection: sqlite3.Connection) -> KeptLog:
    """The log of this file, whose epoch is made with it and then stays."""
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('epoch', ?) ON CONFLICT DO NOTHING",
        (secrets.token_hex(8),),
    )
    (epoch,) = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
    newest = connection.execute("SELECT MAX(seq) FROM events").fetchone()[0] or 0
    oldest = connection.execute("SELECT MIN(seq) FROM events").fetchone()[0] or newest + 1
    last = connection.execute("SELECT time FROM events WHERE seq = ?", (newest,)).fetchone()
    alive = connection.execute("SELECT value FROM meta WHERE key = ?", (ALIVE,)).fetchone()
    seen_until = max(last[0] if last else 0.0, float(alive[0]) if alive else 0.0)
    return KeptLog(epoch, oldest, newest, seen_until)


def page(connection: sqlite3.Connection, after: int, until: int, types: tuple[str, ...]) -> Found:
    """Events of `types` (prefixes; none: all) after `after`, and how far these reach.

    At most to `until`, PAGE_EVENTS events further, and PAGE_BYTES.
    """
    through = min(until, after + PAGE_EVENTS)
    matching = " OR ".join(["substr(type, 1, ?) = ?"] * len(types)) or "TRUE"
    values = [value for prefix in types for value in (len(prefix), prefix)]
    found = []
    size = 0
    rows = connection.execute(
        f"SELECT seq, type, body FROM events WHERE seq > ? AND seq <= ? AND ({matching})"
        " ORDER BY seq",
        (after, through, *values),
    )
    for row in rows:
        found.append(row)
        size += len(row[2])
        if size > PAGE_BYTES:
            through = row[0]
            break
    rows.close()
    return found, through
