"""Opening hours: by the wall clock of the zone, with holidays and exceptions."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from config.calendars import Calendar, CalendarException
from engine.routing.hours.opening_hours import OpeningHours

LONDON = ZoneInfo("Europe/London")


def at(text: str) -> float:
    """Unix seconds of a moment in London."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).timestamp()


def hours(*spans: str, **more: Any) -> OpeningHours:
    return OpeningHours(Calendar(name="c", zone="Europe/London", hours=list(spans), **more))


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-25T08:59:59", False),
        ("2026-11-25T09:00:00", True),
        ("2026-11-25T17:29:59", True),
        ("2026-11-25T17:30:00", False),
        ("2026-11-28T12:00:00", False),  # a Saturday
    ],
)
def test_weekly_hours(moment: str, is_open: bool) -> None:
    office = hours("mon-fri 09:00-17:30")
    assert office.is_open(at(moment)) is is_open
    assert office.is_open(at(moment)) is is_open, "also when it is asked again"


def test_the_times_in_which_it_is_open() -> None:
    office = hours("mon-fri 09:00-12:00", "mon-fri 13:00-17:00")
    found = list(office.spans(at("2026-11-27T11:00:00"), at("2026-11-30T10:00:00")))
    assert found == [
        (at("2026-11-27T11:00:00"), at("2026-11-27T12:00:00")),
        (at("2026-11-27T13:00:00"), at("2026-11-27T17:00:00")),
        (at("2026-11-30T09:00:00"), at("2026-11-30T10:00:00")),
    ]
    always = hours("00:00-24:00")
    assert list(always.spans(1e9, 1e9 + 60)) == [(1e9, 1e9 + 60)]


def test_when_it_opens_and_closes() -> None:
    office = hours("mon-fri 09:00-17:30")
    friday = at("2026-11-27T18:00")
    assert office.opens_at(friday) == at("2026-11-30T09:00")
    assert office.opens_at(at("2026-11-27T10:00")) == at("2026-11-27T10:00")
    assert office.closes_at(at("2026-11-27T10:00")) == at("2026-11-27T17:30")
    assert office.closes_at(friday) == friday


def test_hours_over_midnight_belong_to_the_day_they_begin_on() -> None:
    night = hours("fri 22:00-06:00")
    assert night.is_open(at("2026-11-28T05:59"))
    assert not night.is_open(at("2026-11-27T05:59"))
    assert night.closes_at(at("2026-11-27T23:00")) == at("2026-11-28T06:00")


def test_hours_that_touch_are_one_span() -> None:
    round_the_clock = hours("00:00-24:00")
    assert round_the_clock.is_open(at("2026-11-25T00:00"))
    assert round_the_clock.closes_at(at("2026-11-25T12:00")) is None or (
        round_the_clock.closes_at(at("2026-11-25T12:00")) or 0
    ) > at("2027-11-25T12:00")
    split = hours("09:00-12:00", "12:00-15:00")
    assert split.closes_at(at("2026-11-25T10:00")) == at("2026-11-25T15:00")


def test_the_day_the_clocks_change_is_an_hour_shorter_or_longer() -> None:
    day = hours("00:00-24:00")
    shop = hours("09:00-10:00")
    for day_of, length_h in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-25", 24)):
        midnight = at(f"{day_of}T00:00")
        opens = shop.opens_at(midnight)
        assert opens == at(f"{day_of}T09:00")
        assert opens - midnight == (length_h - 24 + 9) * 3600
        assert day.is_open(midnight + length_h * 3600 - 1)


def test_public_holidays_are_closed_and_exceptions_win_over_them() -> None:
    christmas = CalendarException(date=date(2026, 12, 25), hours=["10:00-12:00"])
    office = hours("mon-fri 09:00-17:00", holidays="GB", subdivision="ENG")
    kept = hours("mon-fri 09:00-17:00", holidays="GB", exceptions=[christmas])
    assert not office.is_open(at("2026-12-25T11:00"))
    assert office.is_open(at("2026-12-23T11:00"))
    assert kept.is_open(at("2026-12-25T11:00"))
    assert not kept.is_open(at("2026-12-25T13:00"))


def test_an_exception_closes_a_day_or_opens_one() -> None:
    inventory = CalendarException(date=date(2026, 11, 25))
    sunday = CalendarException(date=date(2026, 11, 29), hours=["12:00-16:00"])
    office = hours("mon-fri 09:00-17:00", exceptions=[inventory, sunday])
    assert not office.is_open(at("2026-11-25T12:00"))
    assert office.opens_at(at("2026-11-25T10:00")) == at("2026-11-26T09:00")
    assert office.is_open(at("2026-11-29T13:00"))


def test_what_never_opens_has_no_moment() -> None:
    mondays = [date(2026, 11, 30) + timedelta(weeks=week) for week in range(60)]
    closed = [CalendarException(date=monday) for monday in mondays]
    never = hours("mon 09:00-09:30", exceptions=closed)
    assert never.opens_at(at("2026-11-25T10:00")) is None
    once = hours("mon 09:00-09:30", exceptions=closed[:1])
    assert once.opens_at(at("2026-11-25T10:00")) == at("2026-12-07T09:00")
