"""What lines without an end may take: the memory of all of them together, and the time of reading.

A client may send a line of a MiB in as many pieces as it likes. Many that begin such lines and do
not end them would hold hundreds of MiB. Where all of them together hold too much, the line that was
begun first is given up. Copying them takes time as well: each principal may send so many bytes a
second that end no line, and is not read while it has sent more.
"""

import time
from collections.abc import Callable
from typing import Final, Protocol

from .budgets import Budgets

MOST_BYTES: Final = 16 << 20
# Less than that is not looked at: it is what a connection costs anyway.
SMALL_BYTES: Final = 16 << 10
BYTES_PER_S: Final = 8 << 20
BURST_BYTES: Final = 4 << 20


class Holder(Protocol):
    """A connection that holds part of a line."""

    def give_up_line(self) -> None:
        """Forget the line that has been begun, skip the rest of it, and say so."""


class HalfLines:
    """Knows who holds how much of a line that has no end yet, in the order they began."""

    def __init__(
        self, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most_bytes = most_bytes
        self._rates = Budgets(clock, per_s=BYTES_PER_S, burst=BURST_BYTES)
        self._held: dict[Holder, int] = {}
        self._total = 0

    @property
    def total_bytes(self) -> int:
        """What all of them hold, but for what is small."""
        return self._total

    def note(self, holder: Holder, held_bytes: int) -> None:
        """`holder` holds this much now. Where all hold too much, the oldest are dropped."""
        before = self._held.get(holder, 0)
        if held_bytes <= SMALL_BYTES:
            if before:
                del self._held[holder]
                self._total -= before
            return
        self._held[holder] = held_bytes
        self._total += held_bytes - before
        while self._total > self._most_bytes:
            first = next(iter(self._held))
            self._total -= self._held.pop(first)
            first.give_up_line()

    def charge(self, principal: str, unended_bytes: int) -> float:
        """`unended_bytes` came that end no line. Returns for how many s `principal` is not read."""
        if not unended_bytes:
            return 0.0
        self._rates.spend(principal, unended_bytes)
        return self._rates.pause_s(principal)
