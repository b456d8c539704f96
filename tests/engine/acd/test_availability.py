"""What outsiders are told of a queue."""

import random
from types import SimpleNamespace
from typing import cast

import pytest

from config.calendars import Calendar
from config.queues import Queue
from engine.acd import availability as of_queues
from engine.acd.agent_pool import PooledAgent
from engine.acd.availability import (
    DAY_S,
    SlotQuery,
    agent_availability,
    availability,
    free_slots,
)
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


def test_the_slots_are_whole_within_the_hours_and_not_full() -> None:
    hour = 3600.0
    spans = of_queues._spans(queue("mon 09:00-12:00").hours, MONDAY, 1)  # type: ignore[arg-type]
    nine, ten, eleven = (MONDAY + n * hour for n in (9, 10, 11))
    due = [eleven - 1, nine, ten + 5, ten, MONDAY]
    assert free_slots(spans, hour, 2, due, MONDAY) == [
        {"start": nine, "end": ten, "left": 1},
        {"start": eleven, "end": eleven + hour, "left": 2},
    ]
    assert free_slots(spans, hour, 1, [], nine + 1)[0]["start"] == ten
    half = [{"opens": nine + 600, "closes": ten + 1800}]
    assert free_slots(half, hour, 1, [], MONDAY) == []  # type: ignore[arg-type]


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
