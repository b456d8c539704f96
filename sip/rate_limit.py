"""How many messages each source address may send: token buckets in bounded memory."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The messages a second and the burst that one source address may send.

    A rate of 0 means no limit. At most `sources` addresses are kept.
    """

    messages_per_s: float = 5_000.0
    burst: float = 10_000.0
    sources: int = 10_000


class RateLimiter:
    """Decides whether the next message of a source is handled."""

    __slots__ = ("_buckets", "_burst", "_rate", "_sources")

    def __init__(self, limit: RateLimit) -> None:
        self._rate = limit.messages_per_s
        self._burst = limit.burst
        self._sources = limit.sources
        # host -> [tokens, time of the last message], the oldest entry first.
        self._buckets: dict[str, list[float]] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def allow(self, host: str, now: float) -> bool:
        """Take one token from the bucket of `host`. Returns False if it is empty."""
        return self.wait_s(host, now) <= 0.0

    def wait_s(self, host: str, now: float) -> float:
        """Take one token and return 0; else after how many seconds there will be one."""
        if self._rate <= 0:
            return 0.0
        bucket = self._buckets.get(host)
        if bucket is None:
            self._make_room(now)
            self._buckets[host] = [self._burst - 1.0, now]
            return 0.0
        tokens = min(self._burst, bucket[0] + (now - bucket[1]) * self._rate)
        bucket[1] = now
        if tokens < 1.0:
            bucket[0] = tokens
            return (1.0 - tokens) / self._rate
        bucket[0] = tokens - 1.0
        return 0.0

    def give_back(self, host: str) -> None:
        """Put a token back that was taken for nothing."""
        bucket = self._buckets.get(host)
        if bucket is not None:
            bucket[0] = min(self._burst, bucket[0] + 1.0)

    def _make_room(self, now: float) -> None:
        """Remove one source if the table is full.

        Of the eight oldest sources, the one with the most tokens is removed. A source that is
        being limited stays, so forged sources cannot push it out and give it a new burst.
        """
        if len(self._buckets) < self._sources:
            return
        oldest = []
        for host in self._buckets:
            oldest.append(host)
            if len(oldest) == 8:
                break
        victim = max(oldest, key=lambda host: self._tokens(host, now))
        for host in oldest:
            bucket = self._buckets.pop(host)
            if host != victim:
                self._buckets[host] = bucket

    def _tokens(self, host: str, now: float) -> float:
        tokens, at = self._buckets[host]
        return min(self._burst, tokens + (now - at) * self._rate)


EACH: Final = RateLimit()
UNKNOWN: Final = RateLimit(messages_per_s=100.0, burst=200.0)
UNKNOWN_TOGETHER: Final = RateLimit(messages_per_s=500.0, burst=1_000.0)
IN_DIALOG: Final = RateLimit(messages_per_s=20.0, burst=500.0)
"""Requests within one call. Each is kept for half a minute."""
HANDSHAKES: Final = RateLimit(messages_per_s=5.0, burst=20.0)
HANDSHAKES_TOGETHER: Final = RateLimit(messages_per_s=50.0, burst=100.0)


@dataclass(frozen=True, slots=True)
class SourceRates:
    """What a configured peer may send, an unknown source, and all unknown sources together."""

    each: RateLimit = EACH
    unknown: RateLimit = UNKNOWN
    unknown_together: RateLimit = UNKNOWN_TOGETHER
    handshakes: RateLimit = HANDSHAKES
    """TLS handshakes of one unknown source. One takes a millisecond of a core."""
    handshakes_together: RateLimit = HANDSHAKES_TOGETHER


class SourceLimits:
    """Decides for each message whether it is handled now, by the address it comes from.

    `is_known` says whether an address is a configured peer's, `known_name` which name of a
    certificate. Those have a rate of their own that nobody else can use up.
    """

    def __init__(
        self,
        rates: SourceRates,
        is_known: Callable[[str], bool],
        known_name: Callable[[tuple[str, ...]], str | None] = lambda _names: None,
    ) -> None:
        self.is_known = is_known
        self.known_name = known_name
        self._each = RateLimiter(rates.each)
        self._unknown = RateLimiter(rates.unknown)
        self._together = RateLimiter(rates.unknown_together)
        self._handshakes = RateLimiter(rates.handshakes)
        self._handshakes_together = RateLimiter(rates.handshakes_together)

    def allow(self, host: str, now: float) -> bool:
        """Take the right to one message. Returns False if the host has none left."""
        return self.wait_s(host, now) <= 0.0

    def wait_s(self, host: str, now: float, *, is_known: bool = False) -> float:
        """Take the right to one message and return 0; else after how many seconds there is one.

        `is_known`: it is a configured peer, whatever its host.
        """
        if is_known or self.is_known(host):
            return self._each.wait_s(host, now)
        return _take(self._unknown, self._together, host, now)

    def handshake_wait_s(self, host: str, now: float) -> float:
        """The same for a TLS handshake of an unknown source."""
        return _take(self._handshakes, self._handshakes_together, host, now)


def _take(each: RateLimiter, together: RateLimiter, host: str, now: float) -> float:
    wait_s = each.wait_s(host, now)
    if wait_s <= 0.0:
        wait_s = together.wait_s("", now)
        if wait_s > 0.0:
            each.give_back(host)
    return wait_s
