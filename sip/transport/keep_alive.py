"""When a connection is pinged, and when its peer counts as gone (RFC 5626 section 4.4.1)."""

import random
from typing import Final, Literal

PONG: Final = b"\r\n"


class KeepAlive:
    """The pings of one connection that we opened. Times are seconds on the caller's clock.

    A ping is sent after 80 to 100 % of `every_s`; 0: never. A peer has `pong_s` to answer it.
    """

    __slots__ = ("_every_s", "_ping_at", "_pinged_at", "_pong_s", "_rng")

    def __init__(self, every_s: float, pong_s: float, rng: random.Random | None = None) -> None:
        self._every_s = every_s
        self._pong_s = pong_s
        self._rng = rng or random.Random()
        self._ping_at: float | None = None
        self._pinged_at: float | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a ping was sent and no pong has come."""
        return self._pinged_at is not None

    def answered(self) -> None:
        """A pong has come."""
        self._pinged_at = None

    def due(self, now: float, *, answers: bool) -> Literal["ping", "lost"] | None:
        """What is to be done now: send a ping, or take the connection to be lost.

        Many peers answer no ping. Only one that `answers`, as it did before, is held to it.
        """
        if self._every_s <= 0.0:
            return None
        if self._pinged_at is not None and now - self._pinged_at > self._pong_s:
            self._pinged_at = None
            if answers:
                return "lost"
        is_due = self._ping_at is not None and now >= self._ping_at
        if is_due or self._ping_at is None:
            self._ping_at = now + self._every_s * self._rng.uniform(0.8, 1.0)
        if is_due and self._pinged_at is None:
            self._pinged_at = now
        return "ping" if is_due else None
