"""Takes the log of the store (WAL) over into the file, beside the commits.

SQLite does it by itself within a commit, once the log has 1,000 pages. That commit, and all who
wait for it, then take 30 to 90 ms more: some 4 MB are copied, and two files are synced. Here a
thread with a connection of its own does it, and no commit waits (SQLite, "Write-Ahead Logging").
"""

import sqlite3
import threading
from typing import Final

import structlog

log = structlog.get_logger()

COMMITS: Final = 100
ROWS: Final = 1000
"""How many of either are written before the log is taken over: some 1,000 pages."""
MOST_PAGES: Final = 16_000
"""Where so many are in the log, a commit takes it over itself: of commits without a pause the
thread never reaches the last, and the log would grow without end. Then little is left to copy."""


class Checkpoints:
    """The thread. `connection` is nobody else's, and is closed with it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._commits = self._rows = 0
        self._is_due = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="store-checkpoints", daemon=True)
        self._thread.start()

    def committed(self, rows: int) -> None:
        """A batch of `rows` rows is in the log. Called by the writing thread alone."""
        self._commits += 1
        self._rows += rows
        if self._commits >= COMMITS or self._rows >= ROWS:
            self._commits = self._rows = 0
            self._is_due.set()

    def close(self) -> None:
        """Finish what is due, and end."""
        self._is_over = True
        self._is_due.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while True:
            self._is_due.wait()
            is_last = self._is_over
            self._is_due.clear()
            try:
                # PASSIVE waits for nobody. What a reader or another checkpoint holds comes next.
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            except sqlite3.Error as error:
                log.warning("store_log_not_taken_over", reason=str(error))
            if is_last:
                return
