"""Why the store cannot do something, in one word for programs and a sentence for a person."""

import sqlite3
from pathlib import Path

from ..errors import EngineError

_REASONS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: ("disk_full", "the disk is full"),
    sqlite3.SQLITE_BUSY: ("locked", "another process keeps it locked"),
    sqlite3.SQLITE_LOCKED: ("locked", "it is locked"),
    sqlite3.SQLITE_READONLY: ("read_only", "it cannot be written"),
    sqlite3.SQLITE_PERM: ("read_only", "it may not be accessed"),
    sqlite3.SQLITE_CORRUPT: ("corrupt", "it is damaged"),
    sqlite3.SQLITE_NOTADB: ("corrupt", "it is not a database"),
    sqlite3.SQLITE_CANTOPEN: ("io", "it cannot be opened"),
    sqlite3.SQLITE_IOERR: ("io", "reading or writing it fails"),
}


class StoreError(EngineError):
    """The store cannot do it now. `reason`: disk_full, locked, read_only, corrupt or io."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__("unavailable", message, data={"store": reason})
        self.reason = reason


def explain(path: Path, error: sqlite3.Error) -> StoreError:
    """What `error` means to the person who runs the engine."""
    reason, words = _REASONS.get(_code(error), ("io", "it cannot be used"))
    return StoreError(reason, f"{path}: {words} ({error})")


def is_of_the_disk(error: sqlite3.Error) -> bool:
    """Whether the surroundings are to blame, so that trying again may help."""
    return _code(error) in _REASONS


def _code(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF
