"""The tables of records and of what reports count."""

STATEMENTS = (
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
    # Each customer who answered a callback: for how long he had no operator.
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
    # An agent is in `state` from `since` until his next row.
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
