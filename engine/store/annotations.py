"""What people, and scripts, write about a callback or a call, before or after it has ended."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec


class Executes(Protocol):
    """The part of the store that writes."""

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> None:
        """Run a statement."""


def annotate(
    store: Executes,
    id: str,
    now: float,
    *,
    outcome: str | None = None,
    rating: int | None = None,
    notes: Sequence[str] | None = None,
) -> None:
    """Write it; what is None stays as it is."""
    encoded = None if notes is None else msgspec.json.encode(notes)
    store.execute(
        """
        INSERT INTO annotations (id, time, outcome, rating, notes) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET time = excluded.time, notes = COALESCE(?, notes),
        outcome = COALESCE(excluded.outcome, outcome),
        rating = COALESCE(excluded.rating, rating)
        """,
        (id, now, outcome, rating, encoded or b"[]", encoded),
    )
