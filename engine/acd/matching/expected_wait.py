"""The expected wait of an entry: from how fast the queue moved lately, and the position.

A queue's clock runs only while somebody waits in it, and each answer is noted by that clock: so the
time between two answers says how fast agents become free, not how seldom anybody calls. The wait
of the n-th is n times the mean time between the last answers. Answers older than an hour say
nothing; without any the wait is not known.
"""

from collections import deque

from ...clock import shifted

ANSWERS = 30
WINDOW_S = 3600.0


class ExpectedWait:
    """The estimate of one queue."""

    def __init__(self) -> None:
        self._answers: deque[tuple[float, float]] = deque()
        self._anchor = 0.0  # the queue's clock at the last answer that is forgotten
        self._busy_s = 0.0
        self._busy_since: float | None = None

    def waits(self, somebody: bool, now: float) -> None:
        """From now on somebody waits, or nobody does."""
        if somebody and self._busy_since is None:
            self._busy_since = now
        elif not somebody and self._busy_since is not None:
            self._busy_s += max(0.0, now - self._busy_since)
            self._busy_since = None

    def answered(self, now: float) -> None:
        """An entry was answered."""
        self._answers.append((now, self._clock(now)))
        if len(self._answers) > ANSWERS:
            self._anchor = self._answers.popleft()[1]

    def interval_s(self, now: float) -> float | None:
        """The time between two answers while somebody waits; None where it is not known."""
        while self._answers and self._answers[0][0] < now - WINDOW_S:
            self._anchor = self._answers.popleft()[1]
        if not self._answers:
            return None
        count = len(self._answers)
        # A queue that has come to a stand grows slower with each moment.
        standing = (self._clock(now) - self._anchor) / (count + 1)
        return max((self._answers[-1][1] - self._anchor) / count, standing)

    def wait_s(self, place: int, now: float) -> float | None:
        """How long the one at `place` (from 1) may still wait, from now."""
        interval_s = self.interval_s(now)
        return None if interval_s is None else place * interval_s

    def shift(self, by_s: float) -> None:
        """The clock was stepped."""
        self._answers = deque((at + by_s, clock_s) for at, clock_s in self._answers)
        self._busy_since = shifted(self._busy_since, by_s)

    def _clock(self, now: float) -> float:
        since = self._busy_since
        return self._busy_s + (max(0.0, now - since) if since is not None else 0.0)
