"""The history of a number: its earlier callbacks and calls, shown to the agent before they answer.

Asked in the moment an offer is made, so it does not wait: a read by an index takes some 50 us and
never waits for the writer. What has just ended and may not be on the disk yet is remembered.
"""

import sqlite3
from collections import deque
from collections.abc import Container
from pathlib import Path
from typing import Any, TypedDict

import msgspec
import structlog

from ..store.errors import explain
from .cdr import Row

log = structlog.get_logger()

REMEMBERED = 256
MOST = 100

_SHOWN = (
    "id", "kind", "created", "ended_at", "state", "result", "site", "queue", "agent", "talk_s",
)  # fmt: skip
_QUERY = f"""
    SELECT {", ".join(f"r.{name}" for name in _SHOWN)}, a.outcome, a.rating, a.notes
    FROM records r LEFT JOIN annotations a ON a.id = r.id
    WHERE r.number = ? ORDER BY r.ended_at DESC LIMIT ?
"""

_TALKED_AT = """
    SELECT MAX(since) FROM agent_periods
    WHERE work = ? AND agent = ? AND state IN ('talking', 'wrap_up')
"""


class CustomerOf(TypedDict):
    """Whose a job or a call is."""

    number: str | None
    """The number, or what was called or calls."""
    queue: str | None
    """The queue."""
    site: str | None
    """The web site."""


class History:
    """Reads the records of a number, newest first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._recent: deque[tuple[str, dict[str, Any]]] = deque(maxlen=REMEMBERED)

    def open(self) -> None:
        """Open the store's file, which is there already. Raises StoreError."""
        address = f"{self._path.resolve().as_uri()}?mode=ro"
        try:
            self._connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=0.0)
            self._connection.execute("PRAGMA query_only = ON")
        except sqlite3.Error as error:
            raise explain(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def add_record(self, row: Row) -> None:
        """A record was written."""
        if row.get("number") is not None:
            self._recent.append((row["number"], {name: row.get(name) for name in _SHOWN}))

    def customer_of(self, id: str) -> CustomerOf | None:
        """Number, queue and site of a record that was written lately."""
        for number, entry in reversed(self._recent):
            if entry["id"] == id:
                return {"number": number, "queue": entry["queue"], "site": entry["site"]}
        return None

    def forget(self, number: str) -> None:
        """Remember nothing of `number` (E.164) any more."""
        kept = [entry for entry in self._recent if entry[0] != number]
        self._recent = deque(kept, maxlen=REMEMBERED)

    def forget_record(self, id: str) -> None:
        """Remember nothing of one record any more."""
        kept = [entry for entry in self._recent if entry[1]["id"] != id]
        self._recent = deque(kept, maxlen=REMEMBERED)

    def of(self, called: str | None, limit: int = 5) -> list[dict[str, Any]]:
        """What ended earlier for this number (E.164), newest first: short dictionaries.

        Without a number there is no history. A store that cannot be read gives what is remembered.
        """
        if not called:
            return []
        limit = max(0, min(limit, MOST))
        found = {entry["id"]: entry for entry in self._read(called, limit)}
        for number, entry in self._recent:
            if number == called and entry["id"] not in found:
                found[entry["id"]] = entry
        newest_first = sorted(found.values(), key=lambda entry: -entry["ended_at"])
        return [_without_none(entry) for entry in newest_first[:limit]]

    def last_agent(self, called: str, since: float, *, among: Container[str]) -> str | None:
        """Who of `among` last talked to this number (E.164), not before `since` (Unix seconds).

        None where it was somebody else.
        """
        for entry in self.of(called, MOST):
            if entry["ended_at"] < since:
                return None
            if entry.get("talk_s") and "agent" in entry:
                return str(entry["agent"]) if entry["agent"] in among else None
        return None

    def talked_at(self, agent: str, work: str) -> float | None:
        """When an agent last began to talk on a job or call, or to wrap it up (Unix seconds)."""
        rows = self._rows(_TALKED_AT, (work, agent))
        return rows[0][0] if rows else None

    def _read(self, called: str, limit: int) -> list[dict[str, Any]]:
        return [_entry(row) for row in self._rows(_QUERY, (called, limit))]

    def _rows(self, query: str, params: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if self._connection is None:
            return []
        try:
            return self._connection.execute(query, params).fetchall()
        except sqlite3.Error as error:
            log.warning("history_not_read", reason=str(error))
            return []


def _entry(row: tuple[Any, ...]) -> dict[str, Any]:
    entry = dict(zip(_SHOWN, row, strict=False))
    outcome, rating, notes = row[len(_SHOWN) :]
    notes = msgspec.json.decode(notes) if notes else []
    return entry | {"outcome": outcome, "rating": rating, "note": notes[-1] if notes else None}


def _without_none(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if value is not None}
