"""How much of something each principal may take in the long run, and at once."""

from collections.abc import Callable
from typing import Final

SHARE: Final = 0.2
"""Of the loop's time, for one principal that may only read, in the long run."""
BURST_S: Final = 0.25
"""What such a client may take at once after a pause."""
MOST_REMEMBERED: Final = 1000
LEAST_PAUSE_S: Final = 0.001


class Budgets:
    """What each principal has left. A new principal has all of it: `burst`.

    `per_s` comes back each second. Without them it is the loop's time, in seconds.
    """

    def __init__(
        self, clock: Callable[[], float], *, per_s: float = SHARE, burst: float = BURST_S
    ) -> None:
        self._clock = clock
        self._per_s = per_s
        self._burst = burst
        self._left: dict[str, tuple[float, float]] = {}  # what is left, and when

    def spend(self, principal: str, amount: float) -> None:
        """So much was used."""
        now = self._clock()
        if principal not in self._left and len(self._left) >= MOST_REMEMBERED:
            burst = self._burst
            self._left = {
                name: left for name, left in self._left.items() if self._now(name, now) < burst
            }
        self._left[principal] = self._now(principal, now) - amount, now

    def pause_s(self, principal: str) -> float:
        """For how long nothing is left; 0: there is some."""
        if principal not in self._left:
            return 0.0
        pause_s = -self._now(principal, self._clock()) / self._per_s
        return pause_s if pause_s >= LEAST_PAUSE_S else 0.0

    def _now(self, principal: str, now: float) -> float:
        left, at = self._left.get(principal, (self._burst, now))
        return min(self._burst, left + (now - at) * self._per_s)
