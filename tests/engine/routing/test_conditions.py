"""The conditions of rules: what holds when, and what the explanation says of each."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from config.rules import Match
from engine.routing.conditions import (
    CallerHistory,
    Condition,
    Facts,
    Surroundings,
    checks_of,
    drawn,
    look_up,
)


class SomeQueues:
    """Three wait in the queue sales, where one agent is free."""

    def count_waiting(self, queue: str) -> int:
        return 3 if queue == "sales" else 0

    def count_free(self, queue: str) -> int:
        return 1 if queue == "sales" else 0


def at(text: str, zone: ZoneInfo) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def facts(**known: Any) -> Facts:
    plain: dict[str, Any] = {"to": "+442079460123", "number": "+442079460123", "now": 0.0}
    return Facts(**plain | known)


def matches(match: dict[str, Any], **known: Any) -> bool:
    around = Surroundings(
        is_open=lambda name, now: name == "day" and now >= 100, queues=SomeQueues()
    )
    checks = checks_of("r", Match.model_validate(match), around)
    return all(check.passes(facts(**known)) for check in checks)


@pytest.mark.parametrize(
    ("match", "known", "expected"),
    [
        ({}, {}, True),
        ({"kind": "call"}, {}, False),
        ({"kind": "call"}, {"kind": "call"}, True),
        ({"prefix": "+44"}, {}, True),
        ({"prefix": ["+1", "+4420"]}, {}, True),
        ({"prefix": "+1"}, {}, False),
        ({"prefix": "2"}, {"to": "204", "number": None}, True),
        ({"region": ["IE", "GB"]}, {"region": "GB"}, True),
        ({"region": "IE"}, {}, False),
        ({"line_type": "mobile"}, {"line_type": "mobile"}, True),
        ({"queue": "sales"}, {"queue": "sales"}, True),
        ({"queue": "sales"}, {}, False),
        ({"agent": ["alice"]}, {"agent": "alice"}, True),
        ({"site": ["a", "b"]}, {"site": "b"}, True),
        ({"trunk": "pbx"}, {"trunk": "other"}, False),
        ({"dialled": "+4420"}, {"dialled": "+442079460001"}, True),
        ({"dialled": "+4420"}, {}, False),
        ({"calendar": "day"}, {"now": 100.0}, True),
        ({"calendar": "day"}, {"now": 99.0}, False),
        ({"calendar": "night"}, {"now": 100.0}, False),
        ({"calendar": {"name": "day", "open": False}}, {"now": 99.0}, True),
        ({"calendar": {"name": "day", "open": False}}, {"now": 100.0}, False),
        ({"waiting": {"queue": "sales", "min": 3}}, {}, True),
        ({"waiting": {"queue": "sales", "min": 4}}, {}, False),
        ({"waiting": {"queue": "sales", "max": 2}}, {}, False),
        ({"waiting": {"queue": "nowhere", "max": 0}}, {}, True),
        ({"waiting": {"min": 3}}, {"queue": "sales"}, True),
        ({"waiting": {"max": 3}}, {}, False),  # in no queue
        ({"agents_free": {"queue": "sales", "min": 1, "max": 1}}, {}, True),
        ({"agents_free": {"queue": "sales", "min": 2}}, {}, False),
        ({"agents_free": {"max": 0}}, {"queue": "night"}, True),
        ({"history": {"min_attempts": 2}}, {"history": CallerHistory(attempts=2)}, True),
        ({"history": {"min_attempts": 2}}, {"history": CallerHistory(attempts=1)}, False),
        ({"history": {"max_completed": 0}}, {}, True),
        ({"history": {"max_completed": 0}}, {"history": CallerHistory(completed=1)}, False),
        ({"history": {"last_within_s": 60.0}}, {}, False),
        (
            {"history": {"last_within_s": 60.0}},
            {"history": CallerHistory(last=40.0), "now": 100.0},
            True,
        ),
        ({"history": {"none_within_s": 60.0}}, {}, True),
        (
            {"history": {"none_within_s": 60.0}},
            {"history": CallerHistory(last=41.0), "now": 99.0},
            False,
        ),
    ],
)
def test_what_matches(match: dict[str, Any], known: dict[str, Any], expected: bool) -> None:
    assert matches(match, **known) is expected


@pytest.mark.parametrize(
    ("wanted", "context", "expected"),
    [
        ("gold", {"tier": "gold"}, True),
        ("gold", {"tier": "silver"}, False),
        ("gold", {}, False),
        (["gold", "platinum"], {"tier": "platinum"}, True),
        (5, {"tier": 5}, True),
        (5, {"tier": "5"}, True),
        (5, {"tier": 5.0}, True),
        (1, {"tier": True}, False),
        (True, {"tier": "true"}, True),
        ("gold", {"tier": ["new", "gold"]}, True),
        ("gold", {"tier": {"gold": 1}}, False),
        ({"prefix": "go"}, {"tier": "gold"}, True),
        ({"prefix": ["x", "y"]}, {"tier": "gold"}, False),
        ({"regex": "^g.*d$"}, {"tier": "gold"}, True),
        ({"regex": "^o"}, {"tier": "gold"}, False),
        ({"present": True}, {"tier": None}, False),
        ({"present": True}, {"tier": {}}, True),
        ({"present": False}, {}, True),
        ({"present": False}, {"tier": 0}, False),
        ({"prefix": "g", "regex": "z"}, {"tier": "gold"}, False),
    ],
)
def test_fields_of_the_context(wanted: object, context: dict[str, Any], expected: bool) -> None:
    assert matches({"context": {"tier": wanted}}, context=context) is expected


def test_a_field_inside_another() -> None:
    context = {"customer": {"country": "GB"}, "a.b": 1}
    assert look_up(context, "customer.country") == "GB"
    assert look_up(context, "a.b") == 1
    assert look_up(context, "customer.name") is None
    assert look_up(context, "a.b.c") is None


def test_hours_follow_the_summer() -> None:
    match = {"hours": "mon-fri 09:00-17:00", "zone": "Europe/London"}
    assert matches(match, now=at("2026-07-01T08:30", ZoneInfo("UTC")))
    assert not matches(match, now=at("2026-12-01T08:30", ZoneInfo("UTC")))


@pytest.mark.parametrize(
    ("dates", "day", "expected"),
    [
        ("2026-12-24", "2026-12-24", True),
        ("2026-12-24", "2027-12-24", False),
        ("12-24", "2027-12-24", True),
        ("12-24..01-02", "2027-01-02", True),
        ("12-24..01-02", "2026-12-23", False),
        ("12-24..01-02", "2027-01-03", False),
        ("02-28..03-01", "2028-02-29", True),
        ("2026-12-24..2027-01-02", "2026-12-31", True),
        ("2026-12-24..2027-01-02", "2027-12-31", False),
        (["05-01", "2026-06-01"], "2026-06-01", True),
    ],
)
def test_dates(dates: object, day: str, expected: bool) -> None:
    match = {"date": dates, "zone": "Pacific/Auckland"}
    midnight = at(f"{day}T00:00", ZoneInfo("Pacific/Auckland"))
    assert matches(match, now=midnight) is expected
    assert matches(match, now=midnight + 86_399) is expected


def test_hours_and_date_hold_together() -> None:
    match = {"date": "12-24", "hours": "00:00-14:00", "zone": "UTC"}
    assert matches(match, now=at("2026-12-24T13:59", ZoneInfo("UTC")))
    assert not matches(match, now=at("2026-12-24T14:00", ZoneInfo("UTC")))
    assert not matches(match, now=at("2026-12-23T13:59", ZoneInfo("UTC")))


def test_a_percentage_is_of_numbers_and_the_same_ones_each_time() -> None:
    numbers = [f"+4420794{index:05}" for index in range(10_000)]
    chosen = [one for one in numbers if matches({"percent": 20}, number=one)]
    assert 1900 <= len(chosen) <= 2100
    assert chosen == [one for one in numbers if matches({"percent": 20.0}, number=one)]
    more = {one for one in numbers if matches({"percent": 40}, number=one)}
    assert set(chosen) < more


def test_rules_draw_apart() -> None:
    numbers = [f"+4420794{index:05}" for index in range(10_000)]
    both = [one for one in numbers if drawn("a", one) < 50 and drawn("b", one) < 50]
    assert 2300 <= len(both) <= 2700
    assert all(0 <= drawn("a", one) < 100 for one in numbers)


def test_callers_who_withhold_their_number_draw_each_time() -> None:
    lots = iter([0.1, 0.9])
    (check,) = checks_of("r", Match(percent=50), Surroundings(random=lambda: next(lots)))
    caller = facts(to="anonymous", number=None)
    assert [check.passes(caller), check.passes(caller)] == [True, False]


@pytest.mark.parametrize(
    ("match", "known", "expected"),
    [
        (
            {"context": {"tier": ["gold"]}},
            {"context": {"tier": "tin"}},
            ("context.tier", "'gold'", "tin", False),
        ),
        ({"prefix": "+44"}, {}, ("prefix", "begins with '+44'", "+442079460123", True)),
        (
            {"date": "01-01..01-06", "zone": "UTC"},
            {},
            ("date", "'01-01..01-06' UTC", "1970-01-01", True),
        ),
        (
            {"waiting": {"queue": "sales", "min": 5, "max": 9}},
            {},
            ("waiting", "at least 5 and at most 9 in sales", 3, False),
        ),
        ({"agents_free": {"min": 1}}, {}, ("agents_free", "at least 1", None, False)),
        (
            {"calendar": {"name": "day", "open": False}},
            {},
            ("calendar", "day closed", "closed", True),
        ),
        (
            {"percent": 5},
            {"number": "+442079460124"},
            ("percent", "below 5", drawn("r", "+442079460124"), False),
        ),
    ],
)
def test_what_the_explanation_says(
    match: dict[str, Any], known: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    (check,) = checks_of("r", Match.model_validate(match), Surroundings(queues=SomeQueues()))
    name, wants, found, holds = expected
    assert check.judge(facts(**known)) == Condition(
        name=name, wants=wants, found=found, holds=holds
    )
