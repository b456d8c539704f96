"""Which playouts the clock calls in each frame, beside those whose clips it plays."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

P = TypeVar("P")


def _nobody() -> None:
    """Wakes no clock."""


class ClockedPlayouts(Generic[P]):
    """The playouts that code a stream anew, and those that have no source at the moment.

    The clock may be resting when the first comes: `wake` lets it tick within a frame.
    """

    __slots__ = ("_playouts", "_wake")

    def __init__(self, wake: Callable[[], None] = _nobody) -> None:
        self._playouts: dict[P, None] = {}
        self._wake = wake

    def __len__(self) -> int:
        return len(self._playouts)

    def __iter__(self) -> Iterator[P]:
        """All of them as they are now: adding and removing meanwhile is safe."""
        return iter(tuple(self._playouts))

    def add_playout(self, playout: P) -> None:
        """Call this playout from the next frame on."""
        is_first = not self._playouts
        self._playouts[playout] = None
        if is_first:
            self._wake()

    def discard_playout(self, playout: P) -> None:
        """Call it no more, if it was called."""
        self._playouts.pop(playout, None)
