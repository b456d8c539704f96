"""How many events the phone at the other end of a leg may cause.

Digits, holds and moves of its RTP come from outside. Each costs a row on the disk, and pushes an
older event out of what is kept. So they have a rate, and an end.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from ...job import LegRecord

BURST: Final = 40
RATE_PER_S: Final = 2.0
MOST: Final = 1000
"""In the whole life of a leg."""


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


class EventBudget:
    """A token bucket with a total. `dropped` counts what it has refused."""

    __slots__ = ("_at", "_clock", "_left", "_tokens", "dropped")

    def __init__(self, clock: Callable[[], float] = _loop_time) -> None:
        self.dropped = 0
        self._clock = clock
        self._at: float | None = None
        self._tokens = float(BURST)
        self._left = MOST

    def spend(self) -> bool:
        """Whether one more event may be published; it is counted."""
        now = self._clock()
        if self._at is not None:
            self._tokens = min(BURST, self._tokens + (now - self._at) * RATE_PER_S)
        self._at = now
        if self._tokens < 1 or not self._left:
            self.dropped += 1
            return False
        self._tokens -= 1
        self._left -= 1
        return True


class Recorded(Protocol):
    """A leg: it has a record."""

    @property
    def record(self) -> LegRecord:
        """What views show of it."""


class BoundedPublisher:
    """Publishes by `publish` what the phone at the other end of a leg causes, within its budget."""

    __slots__ = ("_budget", "_publish")

    def __init__(self, publish: Callable[..., None]) -> None:
        self._publish = publish
        self._budget: EventBudget | None = None  # until there is such an event: mostly never

    def __call__(self, kind: str, leg: Recorded, /, **fields: Any) -> bool:
        """Publish an event of the leg, unless its phone has caused too many. Returns whether."""
        budget = self._budget = self._budget or EventBudget()
        if not budget.spend():
            leg.record.events_dropped = budget.dropped
            return False
        self._publish(kind, leg, **fields)
        return True
