"""A token bucket for each source address, in bounded memory."""

from dataclasses import dataclass


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
        if self._rate <= 0:
            return True
        bucket = self._buckets.get(host)
        if bucket is None:
            self._make_room(now)
            self._buckets[host] = [self._burst - 1.0, now]
            return True
        tokens = min(self._burst, bucket[0] + (now - bucket[1]) * self._rate)
        bucket[1] = now
        if tokens < 1.0:
            bucket[0] = tokens
            return False
        bucket[0] = tokens - 1.0
        return True

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
