"""What outsiders are told of a queue."""

import datetime
import random
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from config.calendars import Calendar
from config.queues import Queue
from engine.acd import availability as of_queues
from engine.acd.agent_pool import PooledAgent
from engine.acd.availability import (
    DAY_S,
    OpenDay,
    SlotQuery,
    agent_availability,
    availability,
    free_slots,
)
from engine.acd.queue import CallQueue
from engine.routing.hours.opening_hours import OpeningHours, opening_hours

MONDAY = 1_795_996_800.0  # 2026-11-30, 00:00 UTC


def queue(*hours: str) -> CallQueue:
    one = CallQueue("sales", random.Random(1))
    calendars = [Calendar(name="c", zone="UTC", hours=list(hours))] if hours else []
    one.configure(Queue(name="sales", calendar="c" if hours else ""), {}, opening_hours(calendars))
    return one


def test_who_is_present_and_who_is_free() -> None:
    agents = {"available": 2, "talking": 1, "wrap_up": 1, "paused": 3, "logged_out": 4}
    found = availability(queue(), agents, True, 7, MONDAY)
    assert (found["agents_free"], found["agents_present"]) == (2, 4)
    assert (found["open"], found["opens_at"], found["hours"]) == (True, None, None)


def test_the_hours_are_those_of_the_days_asked_for() -> None:
    found = availability(queue("mon-fri 09:00-17:00"), {}, True, 2, MONDAY)
    nine, day = MONDAY + 9 * 3600, DAY_S
    assert (found["open"], found["opens_at"]) == (False, nine)
    assert found["hours"] == [
        {"opens": nine, "closes": nine + 8 * 3600},
        {"opens": nine + day, "closes": nine + day + 8 * 3600},
    ]
    within = availability(queue("mon-fri 09:00-17:00"), {}, True, 1, nine + 60)
    assert (within["open"], within["opens_at"]) == (True, None)


def test_one_that_accepts_nobody_or_is_paused_is_not_open() -> None:
    assert not availability(queue(), {}, False, 1, MONDAY)["open"]
    paused = queue()
    paused.paused = True
    assert not availability(paused, {}, True, 1, MONDAY)["open"]


def test_the_slots_are_whole_within_the_hours_and_not_full() -> None:
    hour = 3600.0
    nine, ten, eleven = (MONDAY + n * hour for n in (9, 10, 11))
    day = OpenDay(nine, nine + 3 * hour, nine)
    due = [eleven - 1, nine, ten + 5, ten, MONDAY]
    assert free_slots([day], hour, 2, due) == [
        {"start": nine, "end": ten, "left": 1},
        {"start": eleven, "end": eleven + hour, "left": 2},
    ]
    assert free_slots([day._replace(begins=nine + 1)], hour, 1, [])[0]["start"] == ten
    # They are counted from the opening, and what is left before the end is none.
    half = OpenDay(nine + 600, ten + 1800, nine + 600)
    (only,) = free_slots([half], hour, 1, [])
    assert only["start"] == nine + 600
    assert free_slots([half._replace(begins=nine + 601)], hour, 1, []) == []


def local_starts(calendar: dict[str, Any], at: float, length_s: float) -> list[str]:
    """The beginnings of the slots of some days, by the clock of the place."""
    hours = OpeningHours(Calendar(name="shop", **calendar))
    zone = ZoneInfo(calendar["zone"])
    days = [OpenDay(*one) for one in hours.days(at, at + 3 * DAY_S)]
    return [
        f"{datetime.datetime.fromtimestamp(one['start'], zone):%a %H:%M}"
        for one in free_slots(days, length_s, 1, [])
    ]


@pytest.mark.parametrize("date", ["2026-03-28", "2026-10-24", "2026-07-04"])
def test_slots_are_the_same_before_and_after_a_change_of_clocks(date: str) -> None:
    zone = "Europe/Berlin"  # whose clocks change on the night after two of these days
    at = datetime.datetime.fromisoformat(f"{date}T00:30").replace(tzinfo=ZoneInfo(zone)).timestamp()
    times = [f"{hour}:00" for hour in ("09", "11", "13", "15")]
    shop = {"zone": zone, "hours": ["mon-sun 09:00-17:00"]}
    assert local_starts(shop, at, 7200.0) == [
        f"{day} {one}" for day in ("Sat", "Sun", "Mon") for one in times
    ]
    assert local_starts(shop, at, 8 * 3600.0) == ["Sat 09:00", "Sun 09:00", "Mon 09:00"]
    # In the day, and where the queue never closes: each day begins at its midnight.
    assert local_starts(shop, at + 10 * 3600.0, 7200.0)[:2] == ["Sat 11:00", "Sat 13:00"]
    always = {"zone": zone, "hours": ["mon-sun 00:00-24:00"]}
    eights = local_starts(always, at, 8 * 3600.0)
    assert {"Sat 08:00", "Sat 16:00", "Sun 00:00", "Mon 00:00", "Mon 08:00"} <= set(eights)


def test_slots_of_a_night_and_of_half_hours_begin_with_the_opening() -> None:
    night = {"zone": "Europe/Berlin", "hours": ["sat 22:00-06:00"]}
    saturday = datetime.datetime(2026, 7, 4, 23, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    assert local_starts(night, saturday, 3 * 3600.0) == ["Sun 01:00"]
    half = {"zone": "Asia/Kolkata", "hours": ["mon-sun 09:30-12:30"]}
    assert local_starts(half, MONDAY, 3600.0)[:3] == ["Mon 09:30", "Mon 10:30", "Mon 11:30"]


def agent(state: str) -> PooledAgent:
    return cast(PooledAgent, SimpleNamespace(name="carol", state=state))


def test_what_is_told_of_an_agent() -> None:
    hours = queue("mon 09:00-11:00").hours
    nine, hour = MONDAY + 9 * 3600, 3600.0
    found = agent_availability(
        agent("available"), hours, 2, MONDAY, SlotQuery(hour, None, lambda _one: [nine + 5])
    )
    assert found == {
        "agent": "carol", "open": False, "opens_at": nine, "free": True, "present": True,
        "hours": [{"opens": nine, "closes": nine + 2 * hour}],
        "slots": [{"start": nine + hour, "end": nine + 2 * hour, "left": 1}],
    }  # fmt: skip
    always = agent_availability(agent("paused"), None, 1, MONDAY)
    assert (always["open"], always["opens_at"], always["hours"]) == (True, None, None)
    assert (always["free"], always["present"]) == (False, False)
    within = agent_availability(agent("talking"), hours, 1, nine)
    assert (within["open"], within["free"], within["present"]) == (True, False, True)


def test_a_slot_has_room_for_as_many_as_the_queue_has_agents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(of_queues, "MOST_SLOTS", 3)
    agents = {"logged_out": 2, "talking": 1}
    found = availability(queue(), agents, True, 1, MONDAY, SlotQuery(1800.0, None, lambda _one: []))
    assert [one["left"] for one in found["slots"]] == [3, 3, 3]  # it is always open
    one = availability(queue(), {}, True, 1, MONDAY, SlotQuery(1800.0, None, lambda _one: []))
    assert one["slots"][0] == {"start": MONDAY, "end": MONDAY + 1800, "left": 1}
    assert "slots" not in availability(queue(), {}, True, 1, MONDAY)


def test_places_of_which_the_engine_does_not_know_wait_like_others() -> None:
    found = availability(queue(), {}, True, 1, MONDAY, taken=3)
    assert (found["waiting"], found["waiting_since"]) == (3, None)
