"""Calling hours by the clock of the called place: spans, holidays, changes of clocks, zones."""

import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.policy import Hours, RegionHours
from engine.routing.hours.calling_hours import CallingHours, next_open
from engine.routing.hours.weekly_hours import DaySpans, LocalHours, WeeklyHours
from engine.routing.numbers.phone_number import CalledNumber, parse_written

OFFICE = ["mon-fri 09:00-17:00"]
MINUTE_S = 60
DAY_S = 86400


def at(text: str, zone: str = "Europe/London", fold: int = 0) -> float:
    wall = datetime.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return wall.timestamp()


def number(text: str) -> CalledNumber:
    found = parse_written(text, "GB")
    assert found is not None
    return found


LONDON = number("+442079460123")
NEW_YORK = number("+12125550123")
US_TOLL_FREE = number("+18005550123")


def hours(**given: object) -> CallingHours:
    return CallingHours(Hours.model_validate({"enforce": True, "hours": OFFICE} | given))


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-11-24 09:00", "2026-11-24 09:00"),  # a Tuesday
        ("2026-11-24 16:59:59", "2026-11-24 16:59:59"),
        ("2026-11-24 17:00", "2026-11-25 09:00"),
        ("2026-11-24 08:59", "2026-11-24 09:00"),
        ("2026-11-27 18:00", "2026-11-30 09:00"),  # over the weekend
        ("2026-12-24 18:00", "2026-12-29 09:00"),  # Christmas, Boxing Day observed on Monday
    ],
)
def test_opens_at_the_next_hours(moment: str, opens: str) -> None:
    assert hours().opens(LONDON, at(moment)) == at(opens)


def test_hours_are_those_of_the_called_place() -> None:
    moment = at("2026-11-24 10:00", "Europe/London")
    assert hours().opens(LONDON, moment) == moment
    assert hours().opens(NEW_YORK, moment) == at("2026-11-24 09:00", "America/New_York")


def test_off_is_any_time() -> None:
    moment = at("2026-12-25 03:00")
    assert hours(enforce=False).opens(LONDON, moment) == moment


def test_hours_hold_in_every_zone_of_a_number() -> None:
    all_day = hours(hours=["08:00-21:00"])
    opens = all_day.opens(US_TOLL_FREE, at("2026-11-24 06:00", "America/New_York"))
    # When Hawaii gets up, New York still is.
    assert opens == at("2026-11-24 08:00", "Pacific/Honolulu")
    assert "time zones" in all_day.describe(US_TOLL_FREE, at("2026-11-24 06:00"))


def test_zones_without_common_hours_never_open_unless_configured_otherwise() -> None:
    assert hours(hours=["09:00-12:00"]).opens(US_TOLL_FREE, at("2026-11-24 06:00")) is None
    seen = hours(hours=["09:00-12:00"], regions={"US": {"zones": ["America/New_York"]}})
    opens = seen.opens(US_TOLL_FREE, at("2026-11-24 06:00"))
    assert opens == at("2026-11-24 09:00", "America/New_York")


def test_hours_over_midnight_belong_to_the_day_they_begin_on() -> None:
    late = hours(hours=["fri 20:00-02:00"])
    assert late.opens(LONDON, at("2026-11-28 01:59")) == at("2026-11-28 01:59")
    assert late.opens(LONDON, at("2026-11-28 02:00")) == at("2026-12-04 20:00")
    assert late.opens(LONDON, at("2026-11-27 01:00")) == at("2026-11-27 20:00")


def test_holidays_have_their_own_hours_and_other_days_may_be_closed() -> None:
    christmas = at("2026-12-25 10:30")
    assert hours(holiday_hours=["10:00-12:00"]).opens(LONDON, christmas) == christmas
    closed = hours(closed=["2026-11-24", "11-25"])
    assert closed.opens(LONDON, at("2026-11-24 10:00")) == at("2026-11-26 09:00")


def test_a_region_has_its_own_hours_and_part() -> None:
    munich = number("+498912345678")
    bavarian = hours(regions={"DE": {"hours": ["mon-fri 10:00-12:00"], "subdivision": "BY"}})
    epiphany = at("2026-01-06 11:00", "Europe/Berlin")
    assert bavarian.opens(munich, epiphany) == at("2026-01-07 10:00", "Europe/Berlin")
    assert hours().opens(munich, epiphany) == epiphany
    assert bavarian.opens(LONDON, at("2026-11-24 09:30")) == at("2026-11-24 09:30")


def test_numbers_of_no_place_go_by_the_configured_clock() -> None:
    nowhere = number("+80012345678")
    opens = hours(unknown_zone="Asia/Tokyo").opens(nowhere, at("2026-11-24 06:00", "Asia/Tokyo"))
    assert opens == at("2026-11-24 09:00", "Asia/Tokyo")


def test_no_hours_at_all_is_never() -> None:
    assert hours(hours=[]).opens(LONDON, at("2026-11-24 10:00")) is None


# -- changes of clocks --------------------------------------------------------------------------


def test_hours_move_with_the_clock_that_is_changed() -> None:
    before, after = at("2026-10-23 18:00"), at("2026-10-26 09:00")
    opens = hours().opens(LONDON, before)
    assert opens == after
    assert after - at("2026-10-23 09:00") == 3 * DAY_S + 3600


def test_an_opening_that_the_clock_leaps_over_is_at_the_leap() -> None:
    # 2026-03-29 01:00 becomes 02:00 in London.
    early = hours(hours=["01:30-03:00"])
    assert early.opens(LONDON, at("2026-03-29 00:00")) == at("2026-03-29 02:00")


def test_an_hour_that_comes_twice_opens_twice() -> None:
    # 2026-10-25 02:00 becomes 01:00 in London.
    short = hours(hours=["01:15-01:45"])
    assert short.opens(LONDON, at("2026-10-25 01:45")) == at("2026-10-25 01:15", fold=1)
    across = hours(hours=["00:30-01:20"])
    assert across.opens(LONDON, at("2026-10-25 01:30")) == at("2026-10-25 01:00", fold=1)


# -- properties ---------------------------------------------------------------------------------

ZONES = (
    "Europe/London",
    "America/New_York",
    "America/Havana",  # changes its clocks at midnight
    "Asia/Beirut",  # the same
    "Australia/Lord_Howe",  # by half an hour
    "Pacific/Chatham",
    "Africa/Casablanca",
    "Asia/Kolkata",
)
# Around the changes of clocks of the year, and anywhere.
CHANGES = tuple(at(f"2026-{month}-01 00:00", "UTC") for month in ("03", "04", "10", "11"))
MOMENTS = st.one_of(
    st.sampled_from(CHANGES).flatmap(
        lambda change: st.integers(0, 31 * DAY_S // MINUTE_S).map(
            lambda minute: change + minute * MINUTE_S
        )
    ),
    st.integers(29_000_000, 31_000_000).map(lambda minute: float(minute * MINUTE_S)),
)


@st.composite
def spans(draw: st.DrawFn) -> DaySpans:
    start = draw(st.integers(0, 24 * 60 - 1))
    length = draw(st.integers(1, 12 * 60))
    return ((start * 60, (start + length) * 60),)


def calendar(every: DaySpans, sunday: DaySpans, holiday: DaySpans) -> WeeklyHours:
    return WeeklyHours((every,) * 6 + (sunday,), (holiday,) * 7, "GB", {})


def place(zone: str, calendar: WeeklyHours) -> LocalHours:
    return LocalHours(ZoneInfo(zone), calendar)


NO_SPANS: st.SearchStrategy[DaySpans] = st.just(())
CALENDARS = st.builds(calendar, spans(), NO_SPANS | spans(), NO_SPANS | spans())
PLACES = st.builds(place, st.sampled_from(ZONES), CALENDARS)


def may_be_called(place: LocalHours, moment: float) -> bool:
    """The wall clock, read naively."""
    wall = datetime.datetime.fromtimestamp(moment, place.zone).replace(tzinfo=None)
    for back in (0, 1):
        day = wall.date() - datetime.timedelta(days=back)
        midnight = datetime.datetime.combine(day, datetime.time())
        for start, end in place.hours.spans(day):
            if start <= (wall - midnight).total_seconds() < end:
                return True
    return False


@given(places=st.lists(PLACES, min_size=1, max_size=3).map(tuple), moment=MOMENTS)
def test_it_opens_at_the_first_minute_that_is_in_the_hours_of_every_place(
    places: tuple[LocalHours, ...], moment: float
) -> None:
    opens = next_open(places, moment)
    last = moment + 2 * DAY_S if opens is None else min(opens, moment + 4 * DAY_S)
    minute = moment
    while minute < last:
        assert not all(may_be_called(place, minute) for place in places)
        minute += MINUTE_S
    if opens is not None:
        assert opens >= moment
        assert all(may_be_called(place, opens) for place in places)
        # What is asked again at the time that was given is called.
        assert next_open(places, opens) == opens


@given(place=PLACES, moment=MOMENTS)
def test_one_place_always_opens_within_days(place: LocalHours, moment: float) -> None:
    opens = next_open((place,), moment)
    assert opens is not None
    assert opens - moment <= 7 * DAY_S


def test_defaults_are_sensible_hours() -> None:
    defaults = Hours()
    assert not defaults.enforce
    assert defaults.regions == {}
    assert RegionHours().hours is None
