"""The memory that lines without an end may take, of all connections together.

A client may send a line of a MiB in as many pieces as it likes. Many that begin such lines and do
not end them would hold hundreds of MiB. Where all of them together hold too much, the line that was
begun first is given up.
"""

from typing import Final, Protocol

MOST_BYTES: Final = 16 << 20
# Less than that is not looked at: it is what a connection costs anyway.
SMALL_BYTES: Final = 16 << 10


class Holder(Protocol):
    """A connection that holds part of a line."""

    def give_up_line(self) -> None:
        """Forget the line that has been begun, skip the rest of it, and say so."""


class HalfLines:
    """Knows who holds how much of a line that has no end yet, in the order they began."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
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
