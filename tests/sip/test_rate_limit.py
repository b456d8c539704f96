"""The token bucket of each source address."""

from sip.rate_limit import RateLimit, RateLimiter


def test_burst_then_rate() -> None:
    limiter = RateLimiter(RateLimit(messages_per_s=10, burst=3))
    assert [limiter.allow("a", 0.0) for _ in range(5)] == [True, True, True, False, False]
    assert not limiter.allow("a", 0.05)
    assert limiter.allow("a", 0.1)
    assert not limiter.allow("a", 0.1)
    assert [limiter.allow("a", 100.0) for _ in range(4)] == [True, True, True, False]


def test_one_source_does_not_spend_anothers_tokens() -> None:
    limiter = RateLimiter(RateLimit(messages_per_s=1, burst=2))
    while limiter.allow("a", 0.0):
        pass
    assert limiter.allow("b", 0.0)


def test_zero_is_no_limit() -> None:
    limiter = RateLimiter(RateLimit(messages_per_s=0, burst=0))
    assert all(limiter.allow("a", 0.0) for _ in range(1_000))
    assert len(limiter) == 0


def test_the_table_is_bounded() -> None:
    limiter = RateLimiter(RateLimit(sources=100))
    for i in range(10_000):
        assert limiter.allow(f"host-{i}", i * 0.001)
        assert len(limiter) <= 100


def test_forged_sources_do_not_give_a_limited_one_its_burst_back() -> None:
    limiter = RateLimiter(RateLimit(messages_per_s=1, burst=5, sources=50))
    while limiter.allow("flooder", 0.0):
        pass
    for i in range(1_000):
        limiter.allow(f"forged-{i}", 0.001)
    assert not limiter.allow("flooder", 0.002)
