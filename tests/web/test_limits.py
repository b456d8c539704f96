"""How many requests there may be in an hour."""

import pytest

from web.limits import HourlyLimits


def test_a_limit_fills_up_again_within_an_hour() -> None:
    limits = HourlyLimits()
    assert [limits.admit([("a", 2)], 0) for _ in range(2)] == [None, None]
    assert limits.admit([("a", 2)], 0) == pytest.approx(1800)
    assert limits.admit([("a", 2)], 900) == pytest.approx(900)
    assert limits.admit([("a", 2)], 1800) is None
    assert limits.admit([("a", 2)], 1e6) is None
    assert limits.admit([("a", 2)], 1e6) is None
    assert limits.admit([("a", 2)], 1e6) is not None, "no more than the limit is saved up"


def test_what_one_limit_refuses_counts_towards_no_other() -> None:
    limits = HourlyLimits()
    assert limits.admit([("address", 1), ("site", 2)], 0) is None
    assert limits.admit([("address", 1), ("site", 2)], 0) == pytest.approx(3600)
    assert limits.admit([("other address", 1), ("site", 2)], 0) is None


def test_zero_is_no_limit() -> None:
    limits = HourlyLimits()
    assert all(limits.admit([("a", 0)], 0) is None for _ in range(100))


def test_what_was_used_longest_ago_is_forgotten_first() -> None:
    limits = HourlyLimits(most=2)
    for name in ("a", "b"):
        assert limits.admit([(name, 1)], 0) is None
    assert limits.admit([("a", 1)], 1) is not None
    assert limits.admit([("c", 1)], 2) is None, "b is forgotten, a was asked for since"
    assert limits.admit([("a", 1)], 3) is not None
    assert limits.admit([("b", 1)], 4) is None
