"""The tables of the store, and how an older file is brought up to date."""

import sqlite3
import time

# The tables of call detail records and of what reports count. A part of version 2.
REPORT_TABLES = (
    # One row for each callback job and inbound call that has ended; `body` is all of it as JSON.
    # `due_at` is when it was to be called at the earliest, the other moments are first ones.
    """
    CREATE TABLE records (
        id          TEXT PRIMARY KEY,
        kind        TEXT NOT NULL,
        number      TEXT,
        site        TEXT,
        queue       TEXT,
        agent       TEXT,
        state       TEXT NOT NULL,
        result      TEXT,
        attempts    INTEGER NOT NULL,
        created     REAL NOT NULL,
        due_at      REAL NOT NULL,
        deadline    REAL,
        called_at   REAL,
        operator_at REAL,
        customer_at REAL,
        talk_at     REAL,
        ended_at    REAL NOT NULL,
        talk_s      REAL,
        cost        REAL,
        currency    TEXT,
        body        BLOB NOT NULL
    )
    """,
    "CREATE INDEX records_by_created ON records (created)",
    "CREATE INDEX records_by_end ON records (ended_at)",
    "CREATE INDEX records_by_number ON records (number, ended_at) WHERE number IS NOT NULL",
    # What people wrote about a record, before or after it ended. `notes` is a JSON array.
    """
    CREATE TABLE annotations (
        id      TEXT PRIMARY KEY,
        time    REAL NOT NULL,
        outcome TEXT,
        rating  INTEGER,
        notes   BLOB NOT NULL
    )
    """,
    # One row for each stay in a queue; without `left_at` the party still waits.
    """
    CREATE TABLE queue_stays (
        id        TEXT PRIMARY KEY,
        entry     TEXT NOT NULL,
        kind      TEXT NOT NULL,
        queue     TEXT NOT NULL,
        site      TEXT,
        joined_at REAL NOT NULL,
        left_at   REAL,
        waited_s  REAL,
        result    TEXT,
        reason    TEXT,
        agent     TEXT,
        talk_s    REAL
    )
    """,
    "CREATE INDEX queue_stays_by_joined ON queue_stays (joined_at)",
    "CREATE INDEX queue_stays_open ON queue_stays (joined_at) WHERE left_at IS NULL",
    "CREATE INDEX queue_stays_by_entry ON queue_stays (entry)",
    # Each customer who answered a callback: for how long they had no agent.
    """
    CREATE TABLE customer_answers (
        leg         TEXT PRIMARY KEY,
        record      TEXT NOT NULL,
        site        TEXT,
        answered_at REAL NOT NULL,
        alone_s     REAL NOT NULL
    )
    """,
    "CREATE INDEX customer_answers_by_time ON customer_answers (answered_at)",
    # An agent is in `state` from `since` until their next row.
    """
    CREATE TABLE agent_periods (
        number INTEGER PRIMARY KEY,
        agent  TEXT NOT NULL,
        state  TEXT NOT NULL,
        since  REAL NOT NULL,
        reason TEXT,
        work   TEXT
    )
    """,
    "CREATE INDEX agent_periods_by_agent ON agent_periods (agent, since)",
    "CREATE INDEX agent_periods_by_time ON agent_periods (since)",
)

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
        # `called` is the customer's number in E.164, where they have one.
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
        *REPORT_TABLES,
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
    # 1 where the agent left an offer unanswered before; its reason may say what they asked for.
    (
        "ALTER TABLE agent_periods ADD COLUMN missed INTEGER",
        # As it was known until now: by whether there is a reason.
        "UPDATE agent_periods SET missed = 1 WHERE reason IS NOT NULL AND state <> 'down'",
    ),
    # Whose a call is: who talked on it.
    ("CREATE INDEX agent_periods_by_work ON agent_periods (work) WHERE work IS NOT NULL",),
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
