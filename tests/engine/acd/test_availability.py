"""What outsiders are told of a queue."""

import random

from config.calendars import Calendar
from config.queues import Queue
from engine.acd.availability import DAY_S, availability
from engine.acd.queue import CallQueue
from engine.routing.hours.opening_hours import opening_hours

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
