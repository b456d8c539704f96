"""The engine is killed again and again on a busy day: nothing is lost, nobody is called twice.

A day takes minutes, so it is lived through only when asked for: `make busy-day`, which is 500
callbacks and 200 kills, or with RINGBACK_BUSY_DAY=CALLBACKS,KILLS in the environment.
"""

import os
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.busy_day import Day, PhoneCall, Plan, live_through

ASKED_FOR = os.environ.get("RINGBACK_BUSY_DAY", "")
pytestmark = pytest.mark.skipif(not ASKED_FOR, reason="a busy day takes minutes: make busy-day")


@pytest.fixture(scope="module")
def plan() -> Plan:
    callbacks, kills = ASKED_FOR.split(",")
    return Plan(callbacks=int(callbacks), kills=int(kills))


def ended_before(calls: list[PhoneCall], moment: float) -> int:
    return sum(call.began <= moment for call in calls)


def answered_legs(job: dict[str, Any], role: str) -> int:
    return sum(
        leg["answered"] is not None
        for attempt in job["attempts"]
        for leg in attempt["legs"]
        if leg["role"] == role
    )


@pytest.mark.timeout(1800)
async def test_a_busy_day_with_kills(tmp_path: Path, plan: Plan) -> None:
    day = await live_through(tmp_path, plan)
    nothing_is_lost(day, plan)
    nobody_is_called_twice_at_once(day)
    what_has_ended_is_not_repeated(day)
    no_agent_gets_two_calls(day)
    events_are_whole(day)
    reports_say_what_the_phones_saw(day)
    print(summary(day))


def nothing_is_lost(day: Day, plan: Plan) -> None:
    assert len(day.jobs) == plan.callbacks
    states = Counter(job["state"] for job in day.jobs.values())
    assert states == {"completed": plan.callbacks}, {
        job_id: (job["state"], job["cause"])
        for job_id, job in day.jobs.items()
        if job["state"] != "completed"
    }
    for job_id in day.jobs:
        assert any(call.whole for call in day.customers[job_id]), f"{job_id} never talked"


def nobody_is_called_twice_at_once(day: Day) -> None:
    for user, calls in day.customers.items():
        for earlier, later in pairwise(calls):
            assert later.began >= earlier.ended, f"{user}: {earlier} and {later} at once"


def what_has_ended_is_not_repeated(day: Day) -> None:
    for job_id, job in day.jobs.items():
        calls = day.customers[job_id]
        assert ended_before(calls, job["ended_at"]) == len(calls), f"{job_id} called after its end"
        talks = sum(call.whole for call in calls)
        # A talk that a kill cut off may be repeated; one that was told as completed may not.
        assert talks <= 1 + sum(calls[0].began <= kill <= job["ended_at"] for kill in day.kills)


def no_agent_gets_two_calls(day: Day) -> None:
    for agent, calls in day.operators.items():
        for earlier, later in pairwise(calls):
            orphaned = any(earlier.began <= kill <= later.began for kill in day.kills)
            assert orphaned or later.began >= earlier.ended, f"{agent}: {earlier}, {later} at once"


def events_are_whole(day: Day) -> None:
    assert day.gaps == []
    numbers = [event["seq"] for event in day.events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    ended = Counter(event["job"] for event in day.events if event["type"] == "callback.completed")
    assert ended == dict.fromkeys(day.jobs, 1)


def reports_say_what_the_phones_saw(day: Day) -> None:
    for job_id, job in day.jobs.items():
        told, seen = answered_legs(job, "customer"), day.customers[job_id]
        kills = sum(seen[0].began - 1 <= kill <= job["ended_at"] for kill in day.kills)
        # What a kill forgets is the answer of the very moment; the call itself is always known.
        assert sum(call.whole for call in seen) <= told + kills
        assert told <= sum(call.answered is not None for call in seen)
    queue = day.reports["queue"]["total"]
    # One who is called again after a kill waits once more.
    kinds = Counter(event["type"] for event in day.events)
    assert queue["answered"] == kinds["queue.answered"]
    assert queue["offered"] == queue["answered"] + queue["withdrawn"] + queue["lost"]
    assert queue["offered"] >= len(day.jobs)
    assert queue["abandoned"] == queue["short_abandoned"] == queue["waiting"] == 0
    total = day.reports["job"]["total"]
    assert (total["requested"], total["completed"]) == (len(day.jobs), len(day.jobs))
    sites = day.reports["site"]["rows"]
    assert sum(row["completed"] for row in sites) == len(day.jobs)


def summary(day: Day) -> str:
    calls = sum(len(calls) for calls in day.customers.values())
    return (
        f"{len(day.jobs)} callbacks, {len(day.kills)} kills, {calls} calls at the customers' "
        f"phones, {len(day.events)} events"
    )
