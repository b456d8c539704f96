"""Strangers: whoever sends calls and is no trunk. They are refused, counted, and kept from costing.

Each address is answered a few times a second, and all of them together not much more; beyond that
an INVITE gets no answer and leaves no trace. The log has one line a minute, however many there are.
"""

import structlog

from sip.rate_limit import RateLimit, RateLimiter

log = structlog.get_logger()

ONE = RateLimit(messages_per_s=5.0, burst=10.0)
TOGETHER = RateLimit(messages_per_s=50.0, burst=100.0)
TELL_AGAIN_S = 60.0


class UnknownSources:
    """Counts those who were refused, and those who were not even answered."""

    def __init__(self) -> None:
        self.refused = 0
        self.ignored = 0
        self._one = RateLimiter(ONE)
        self._together = RateLimiter(TOGETHER)
        self._told_at: float | None = None
        self._told = 0

    def may_knock(self, host: str, now: float) -> bool:
        """Whether a stranger's INVITE from `host` is answered at all."""
        if self._one.allow(host, now) and self._together.allow("", now):
            return True
        self.ignored += 1
        return False

    def refuse(self, host: str, now: float) -> None:
        """One more was refused; tell of it, if it is time."""
        self.refused += 1
        if self._told_at is not None and now < self._told_at + TELL_AGAIN_S:
            return
        log.warning(
            "stranger_refused",
            host=host,
            refused=self.refused - self._told,
            refused_in_all=self.refused,
            ignored_in_all=self.ignored,
        )
        self._told_at, self._told = now, self.refused
