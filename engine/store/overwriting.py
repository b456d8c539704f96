"""Takes deleted content off the disk: out of the write-ahead log, and out of the file.

`secure_delete` overwrites it in the file, but only once the pages of the log are written there; the
log itself keeps its old pages until it is cut (SQLite, "Write-Ahead Logging", checkpointing).
"""

import asyncio
import sqlite3
from pathlib import Path

import structlog

log = structlog.get_logger()

ATTEMPTS = 20
PAUSE_S = 0.25
# While it waits for readers, nobody can write.
BUSY_S = 0.05


async def overwrite_deleted(path: Path) -> None:
    """Write the log into the file and cut it. Where readers are in the way for long, that is
    logged: it is done at the next checkpoint. Raises sqlite3.Error."""
    for _ in range(ATTEMPTS):
        if await asyncio.to_thread(_cut_log, path):
            return
        await asyncio.sleep(PAUSE_S)
    log.warning("deleted_not_overwritten_yet", path=str(path))


def _cut_log(path: Path) -> bool:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete = ON")
        (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()
    return not is_busy
