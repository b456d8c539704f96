"""Logs why TLS connections failed, and counts them. Unknown sources cannot fill the log."""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Final

from ...hop import Hop
from ...rate_limit import RateLimit, RateLimiter
from .failure import TlsFailed

_log = logging.getLogger(__name__)

KNOWN: Final = RateLimit(messages_per_s=1.0, burst=20.0)
UNKNOWN_AGAIN_S: Final = 60.0


class TlsFailureLog:
    """Takes each failure. `clock` is a monotonic clock in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known = RateLimiter(KNOWN)
        self._told_at: float | None = None
        self._untold = 0
        self.counts: Counter[str] = Counter()
        """How many there were, by word."""

    def log_failure(self, hop: Hop, failure: TlsFailed, *, is_known: bool) -> None:
        """Count one, and log it: each of a configured peer, one a minute of all others."""
        self.counts[failure.word] += 1
        now = self._clock()
        if is_known:
            if self._known.allow(hop.host, now):
                _log.warning("%s: %s", hop, failure.reason)
            return
        if self._told_at is not None and now - self._told_at < UNKNOWN_AGAIN_S:
            self._untold += 1
            return
        _log.warning("%s: %s (%d more like it since)", hop, failure.reason, self._untold)
        self._told_at, self._untold = now, 0
