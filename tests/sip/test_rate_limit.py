"""The token bucket of each source address."""

import pytest

from sip.rate_limit import RateLimit, RateLimiter, SourceLimits, SourceRates


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


def limits() -> SourceLimits:
    rates = SourceRates(
        each=RateLimit(messages_per_s=1_000, burst=1_000),
        unknown=RateLimit(messages_per_s=10, burst=10),
        unknown_together=RateLimit(messages_per_s=20, burst=20),
    )
    return SourceLimits(rates, lambda host: host.startswith("192."))


def test_an_unknown_source_has_a_small_rate_of_its_own() -> None:
    under_test = limits()
    assert sum(under_test.allow("10.0.0.1", 0.0) for _ in range(100)) == 10
    assert sum(under_test.allow("10.0.0.1", 1.0) for _ in range(100)) == 10


def test_all_unknown_sources_share_one_rate() -> None:
    under_test = limits()
    assert sum(under_test.allow(f"10.0.0.{number}", 0.0) for number in range(100)) == 20


def test_unknown_sources_use_up_nothing_of_a_configured_peer() -> None:
    under_test = limits()
    for number in range(1_000):
        under_test.allow(f"10.0.{number >> 8}.{number & 255}", 0.0)
    assert sum(under_test.allow("192.0.2.1", 0.0) for _ in range(2_000)) == 1_000


def test_what_is_refused_for_all_costs_a_source_nothing() -> None:
    under_test = limits()
    for number in range(20):
        under_test.allow(f"10.0.1.{number}", 0.0)
    for _ in range(50):
        assert not under_test.allow("10.0.0.1", 0.0)
    assert sum(under_test.allow("10.0.0.1", 0.5) for _ in range(50)) == 10


def test_a_source_that_can_wait_is_told_how_long() -> None:
    limiter = RateLimiter(RateLimit(messages_per_s=10, burst=1))
    assert limiter.wait_s("a", 0.0) == 0.0
    assert limiter.wait_s("a", 0.0) == pytest.approx(0.1)
    assert limiter.wait_s("a", 0.05) == pytest.approx(0.05)
    assert limiter.wait_s("a", 0.1) == 0.0
