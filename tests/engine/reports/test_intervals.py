"""Cutting a span into quarters, hours and days of a place whose clock is set forward and back."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.reports.intervals import Interval, Intervals, TooManyIntervals, start_of

LONDON = ZoneInfo("Europe/London")
# Midnight is skipped when the clock is set forward, half-hour steps, a quarter's offset.
ZONES = ["Europe/London", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]


def at(text: str, zone: ZoneInfo = LONDON) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def test_a_day_has_as_many_hours_as_the_clock_says() -> None:
    spring = Intervals(at("2026-03-29"), at("2026-03-30"), "hour", LONDON, most=100)
    autumn = Intervals(at("2026-10-25"), at("2026-10-26"), "hour", LONDON, most=100)
    assert len(spring.starts) == 23
    assert len(autumn.starts) == 25
    days = Intervals(at("2026-10-24"), at("2026-10-27"), "day", LONDON, most=100)
    assert [b - a for a, b in map(days.bounds, range(3))] == [86400, 90000, 86400]


def test_the_first_and_the_last_interval_may_be_cut_short() -> None:
    cut = Intervals(at("2026-01-01T09:10"), at("2026-01-01T11:05"), "hour", LONDON, most=9)
    assert [datetime.fromtimestamp(start, UTC).strftime("%H:%M") for start in cut.starts] == [
        "09:10",
        "10:00",
        "11:00",
    ]
    assert cut.bounds(2) == (at("2026-01-01T11:00"), at("2026-01-01T11:05"))


def test_the_total_is_one_interval_and_too_many_are_refused() -> None:
    assert Intervals(0.0, 1e9, "total", None, most=1).starts == [0.0]
    with pytest.raises(TooManyIntervals):
        Intervals(0.0, 1e9, "15min", None, most=1000)


@given(
    begin=st.floats(1.4e9, 2e9),
    length=st.floats(1.0, 86400.0 * 4),
    where=st.floats(0.0, 0.999),
    interval=st.sampled_from(["15min", "hour", "day"]),
    name=st.sampled_from(ZONES),
)
def test_each_moment_falls_into_exactly_one_interval(
    begin: float, length: float, where: float, interval: Interval, name: str
) -> None:
    zone = ZoneInfo(name)
    cut = Intervals(begin, begin + length, interval, zone, most=10_000)
    assert cut.starts == sorted(set(cut.starts))
    moment = begin + where * length
    low, high = cut.bounds(cut.index(moment))
    assert low <= moment < high
    assert max(begin, start_of(moment, interval, zone)) == low
