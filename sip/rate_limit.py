"""A token bucket for each source address, in bounded memory."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Messages a second and burst allowed to one source address; 0 a second is no limit.

    At most `sources` addresses are remembered; the one heard longest ago is forgotten first.
    """

    messages_per_s: float = 5_000.0
    burst: float = 10_000.0
    sources: int = 10_000


class RateLimiter:
    """Says whether a source may have another message handled."""

    __slots__ = ("_buckets", "_burst", "_rate", "_sources")

    def __init__(self, limit: RateLimit) -> None:
        self._rate = limit.messages_per_s
        self._burst = limit.burst
        self._sources = limit.sources
        # host -> [tokens, time of the last message]; in order of first message since forgotten.
        self._buckets: dict[str, list[float]] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def allow(self, host: str, now: float) -> bool:
        """Take one token of `host`; False when it has none."""
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
        """Forget one source, sparing those whose bucket is not full again.

        A source that is being limited must not regain its burst because others, perhaps forged,
        push it out of the table: a few of the oldest are looked at, the least indebted goes.
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
