"""The tables of the store, and how an older file is brought up to date."""

import sqlite3
import time

from . import record_schema

# One entry for each version, oldest first. Never change one that was released; add another.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # `number` counts acceptance: it is the stable order of lists and their cursor.
        """
        CREATE TABLE jobs (
            number     INTEGER PRIMARY KEY,
            id         TEXT NOT NULL UNIQUE,
            state      TEXT NOT NULL,
            created    REAL NOT NULL,
            not_before REAL,
            body       BLOB NOT NULL
        )
        """,
        "CREATE INDEX jobs_by_state ON jobs (state, number)",
    ),
    (
        # `called` is the customer's number in E.164, where he has one.
        "ALTER TABLE jobs ADD COLUMN called TEXT",
        "ALTER TABLE jobs ADD COLUMN ended_at REAL",
        """
        UPDATE jobs SET ended_at = json_extract(CAST(body AS TEXT), '$.ended_at')
        WHERE state IN ('completed', 'failed', 'cancelled', 'expired')
        """,
        "CREATE INDEX jobs_by_called ON jobs (called, number) WHERE called IS NOT NULL",
        "CREATE INDEX jobs_by_end ON jobs (ended_at) WHERE ended_at IS NOT NULL",
        # The event log; `body` is the event's parameters as JSON.
        """
        CREATE TABLE events (
            seq  INTEGER PRIMARY KEY,
            time REAL NOT NULL,
            type TEXT NOT NULL,
            body BLOB NOT NULL
        )
        """,
        # What belongs to the file as a whole, such as the epoch of its event log.
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        # Whatever else the parts of the engine keep, each under a kind of its own, as JSON.
        """
        CREATE TABLE documents (
            kind TEXT NOT NULL,
            key  TEXT NOT NULL,
            body BLOB NOT NULL,
            PRIMARY KEY (kind, key)
        ) WITHOUT ROWID
        """,
        *record_schema.STATEMENTS,
    ),
    (
        # Who asked for what on the control socket; `params` is JSON, or its beginning.
        """
        CREATE TABLE audit (
            number   INTEGER PRIMARY KEY,
            time     REAL NOT NULL,
            who      TEXT NOT NULL,
            role     TEXT NOT NULL,
            peer     TEXT NOT NULL,
            method   TEXT NOT NULL,
            params   TEXT,
            outcome  TEXT NOT NULL,
            reason   TEXT,
            repeated INTEGER NOT NULL
        )
        """,
        "CREATE INDEX audit_by_time ON audit (time)",
    ),
    # 1 where the agent left an offer unanswered before; its reason may say what he asked for.
    (
        "ALTER TABLE agent_periods ADD COLUMN missed INTEGER",
        # As it was told until now: by whether there is a reason.
        "UPDATE agent_periods SET missed = 1 WHERE reason IS NOT NULL AND state <> 'down'",
    ),
)

VERSION = len(MIGRATIONS)


class SchemaTooNew(Exception):
    """The file was written by a later version of the engine."""


def migrate(connection: sqlite3.Connection, now: float | None = None) -> None:
    """Bring the file to VERSION, each step in a transaction of its own. Raises SchemaTooNew.

    `connection` is in autocommit mode (isolation_level None).
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, applied REAL NOT NULL)"
    )
    (present,) = connection.execute("SELECT COALESCE(MAX(version), 0) FROM migrations").fetchone()
    if present > VERSION:
        raise SchemaTooNew(f"its schema is version {present}, this engine knows up to {VERSION}")
    for version in range(present + 1, VERSION + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in MIGRATIONS[version - 1]:
                connection.execute(statement)
            connection.execute(
                "INSERT INTO migrations VALUES (?, ?)",
                (version, time.time() if now is None else now),
            )
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
