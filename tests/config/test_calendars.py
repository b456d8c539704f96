"""[[calendars]]: hours, holidays and exceptions, and which of them are refused."""

import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from config.calendars import DAYS, Calendar, read_hours

OFFICE: dict[str, Any] = {
    "name": "office", "zone": "Europe/London", "hours": ["mon-fri 09:00-17:30"],
}  # fmt: skip

CHRISTMAS = datetime.date(2026, 12, 24)


def days(text: str) -> str:
    """The days of some hours, as words."""
    found, _minutes = read_hours(f"{text} 09:00-17:00")
    return " ".join(DAYS[day] for day in sorted(found))


def test_days_are_spans_and_lists() -> None:
    assert days("mon-fri") == "mon tue wed thu fri"
    assert days("sat,sun") == "sat sun"
    assert days("fri-mon") == "mon fri sat sun"
    assert days("mon-tue,thu") == "mon tue thu"
    assert read_hours("09:00-17:00")[0] == frozenset(range(7))


def test_hours_may_end_on_the_next_day() -> None:
    assert read_hours("mon 09:00-17:30")[1] == (540, 1050)
    assert read_hours("fri 20:00-02:00")[1] == (1200, 1440 + 120)
    assert read_hours("mon 00:00-24:00")[1] == (0, 1440)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"hours": []}, "at least 1 item"),
        ({"hours": ["9-17"]}, "must look like"),
        ({"hours": ["mon 25:00-26:00"]}, "must look like"),
        ({"hours": ["mon 09:00-09:00"]}, "is empty; the whole day is 00:00-24:00"),
        ({"zone": "London"}, "is not a time zone"),
        ({"holidays": "XX"}, "no holidays are known of 'XX'"),
        ({"holidays": "GB", "subdivision": "BY"}, "no holidays are known of 'BY' in 'GB'"),
        ({"subdivision": "ENG"}, "no holidays are known of 'ENG' in ''"),
        (
            {"exceptions": [{"date": CHRISTMAS}, {"date": CHRISTMAS, "hours": []}]},
            "2026-12-24 stands twice",
        ),
        ({"exceptions": [{"date": "24 December"}]}, "valid date"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Calendar(**OFFICE | change)


def test_a_date_without_hours_is_closed() -> None:
    (exception,) = Calendar(**OFFICE | {"exceptions": [{"date": CHRISTMAS}]}).exceptions
    assert (exception.date, exception.hours) == (CHRISTMAS, [])
