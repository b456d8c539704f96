"""SIP from unknown sources, which are no trunk's: refused, counted and rate-limited.

Each address is answered a few times a second, and all of them together not much more. Beyond that
an INVITE gets no answer and leaves no trace. The log has one line a minute at most.
"""

import structlog

from sip.rate_limit import RateLimit, RateLimiter

log = structlog.get_logger()

ONE = RateLimit(messages_per_s=5.0, burst=10.0)
TOGETHER = RateLimit(messages_per_s=50.0, burst=100.0)
LOG_AGAIN_S = 60.0


class UnknownSources:
    """Counts the calls that were refused, that were asked for a password, and that were not even
    answered."""

    def __init__(self) -> None:
        self.refused = 0
        self.ignored = 0
        self.challenged = 0
        self._one = RateLimiter(ONE)
        self._together = RateLimiter(TOGETHER)
        self._logged_at: float | None = None
        self._logged = 0

    def may_answer(self, host: str, now: float) -> bool:
        """Whether an INVITE from the unknown `host` is answered at all."""
        if self._one.allow(host, now) and self._together.allow("", now):
            return True
        self.ignored += 1
        return False

    def count_refused(self, host: str, now: float) -> None:
        """One more call was refused: log it, where the last line is long enough ago."""
        self.refused += 1
        if self._logged_at is not None and 0 <= now - self._logged_at < LOG_AGAIN_S:
            return
        log.warning(
            "stranger_refused",
            host=host,
            refused=self.refused - self._logged,
            refused_in_all=self.refused,
            ignored_in_all=self.ignored,
        )
        self._logged_at, self._logged = now, self.refused
