"""The tables of the store, and how an older file is brought up to date."""

import sqlite3
import time

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
