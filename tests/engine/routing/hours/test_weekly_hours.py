"""Weekly hours: public holidays. The properties of hours are in test_calling_hours.py."""

import datetime

from engine.routing.hours.weekly_hours import holiday_name

EPIPHANY = datetime.date(2026, 1, 6)


def test_holidays_of_a_country_and_of_its_parts() -> None:
    assert holiday_name("DE", datetime.date(2026, 12, 25)) is not None
    assert holiday_name("DE", EPIPHANY) is None
    assert holiday_name("DE-BY", EPIPHANY) is not None


def test_a_calendar_that_nobody_keeps_has_none() -> None:
    assert holiday_name("XX", datetime.date(2026, 12, 25)) is None
