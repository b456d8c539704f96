"""A pace: how many things begin a second at most, such as the calls by a trunk."""

from collections import deque


class Pace:
    """At most `per_s` in any second; one every `1 / per_s` seconds where that is less than one.

    Whole numbers may begin at once, and the next ones a second after each.
    """

    def __init__(self, per_s: float) -> None:
        self.per_s = per_s
        self._most = max(1, int(per_s))
        self._window_s = self._most / per_s
        self._begun: deque[float] = deque(maxlen=self._most)

    def free_in_s(self, now: float) -> float:
        """How long until the next may begin; 0.0: at once."""
        if len(self._begun) < self._most:
            return 0.0
        return max(0.0, self._begun[0] + self._window_s - now)

    def free(self, now: float) -> int:
        """How many may begin at once."""
        recent = sum(at + self._window_s > now for at in self._begun)
        return self._most - recent

    def note(self, now: float) -> None:
        """One begins, whether or not it may."""
        self._begun.append(now)

    def book(self, now: float) -> float:
        """Let the next one begin as soon as it may. Returns in how many seconds that is."""
        wait_s = self.free_in_s(now)
        self._begun.append(now + wait_s)
        return wait_s
