"""How much of the event loop's time clients may take that may only read."""

from collections.abc import Callable
from typing import Final

SHARE: Final = 0.2
"""Of the loop's time, for one principal, in the long run."""
BURST_S: Final = 0.25
"""What a client may take at once after a pause."""
MOST_REMEMBERED: Final = 1000
LEAST_PAUSE_S: Final = 0.001


class Budgets:
    """The loop's time that each principal has left. A new principal has all of it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}  # seconds left, and when

    def spend(self, principal: str, seconds: float) -> None:
        """So much was used."""
        now = self._clock()
        if principal not in self._left and len(self._left) >= MOST_REMEMBERED:
            self._left = {
                name: left for name, left in self._left.items() if self._now(name, now) < BURST_S
            }
        self._left[principal] = self._now(principal, now) - seconds, now

    def pause_s(self, principal: str) -> float:
        """For how long nothing is left; 0: there is some."""
        if principal not in self._left:
            return 0.0
        pause_s = -self._now(principal, self._clock()) / SHARE
        return pause_s if pause_s >= LEAST_PAUSE_S else 0.0

    def _now(self, principal: str, now: float) -> float:
        left_s, at = self._left.get(principal, (BURST_S, now))
        return min(BURST_S, left_s + (now - at) * SHARE)
