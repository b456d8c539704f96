"""The engine is killed again and again on a busy day: nothing is lost, nobody is called twice.

A slice of the day is lived through always. The whole takes minutes: `make busy-day`, which is 500
callbacks and 200 kills, or RINGBACK_BUSY_DAY=CALLBACKS,KILLS in the environment.
"""

import os
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.job import TERMINAL_STATES
from tests.support.busy_day import Day, PhoneCall, Plan, live_through
from tests.support.invariants import STATES, check_path

ASKED_FOR = os.environ.get("RINGBACK_BUSY_DAY", "12,4")


@pytest.fixture(scope="module")
def plan() -> Plan:
    callbacks, kills = ASKED_FOR.split(",")
    return Plan(callbacks=int(callbacks), kills=int(kills))


def began_by(calls: list[PhoneCall], moment: float) -> int:
    return sum(call.began <= moment for call in calls)


def has_ended_well(job: dict[str, Any]) -> bool:
    """Whether the two have talked; a talk that ends with the media worker is not repeated."""
    cut_off = job["bridged_at"] is not None and "media worker died" in job["cause"]
    return job["state"] == "completed" or (job["state"] == "failed" and cut_off)


def kills_during(day: Day, calls: list[PhoneCall], job: dict[str, Any]) -> int:
    return sum(calls[0].began - 1 <= kill <= job["ended_at"] for kill in day.kills)


def answered_legs(job: dict[str, Any], role: str) -> int:
    return sum(
        leg["answered"] is not None
        for attempt in job["attempts"]
        for leg in attempt["legs"]
        if leg["role"] == role
    )


def gave_up_waiting(job: dict[str, Any]) -> int:
    """How often the customer is said to have hung up before an agent was there."""
    return sum(
        attempt["result"] == "hung_up"
        and any(leg["role"] == "customer" and leg["answered"] for leg in attempt["legs"])
        for attempt in job["attempts"]
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
    for job_id, job in day.jobs.items():
        assert has_ended_well(job), f"{job_id} {job['state']}\n{day.story(job_id)}"
        has_talked = any(call.whole for call in day.customers[job_id])
        assert has_talked, f"{job_id} never talked\n{day.story(job_id)}"


def nobody_is_called_twice_at_once(day: Day) -> None:
    for user, calls in day.customers.items():
        for earlier, later in pairwise(calls):
            assert later.began >= earlier.ended, f"{user} twice at once\n{day.story(user)}"


def what_has_ended_is_not_repeated(day: Day) -> None:
    for job_id, job in day.jobs.items():
        calls = day.customers[job_id]
        late = len(calls) - began_by(calls, job["ended_at"])
        assert not late, f"{job_id} is called after its end\n{day.story(job_id)}"
        # A talk that a kill cut off may be repeated; one that was published as completed may not.
        talks, kills = sum(call.whole for call in calls), kills_during(day, calls, job)
        talks -= gave_up_waiting(job)
        assert talks <= 1 + kills, f"{job_id} talked {talks} times\n{day.story(job_id)}"


def no_agent_gets_two_calls(day: Day) -> None:
    for agent, calls in day.agent_sides.items():
        for earlier, later in pairwise(calls):
            # What a dead engine left to a phone is not known to the next.
            orphaned = any(earlier.began <= kill <= later.began for kill in day.kills)
            apart = orphaned or later.began >= earlier.ended
            assert apart, f"{agent} has two calls\n{day.story(agent)}"


def events_are_whole(day: Day) -> None:
    assert day.gaps == []
    numbers = [event["seq"] for event in day.events]
    assert numbers == list(range(1, 1 + len(numbers)))
    heard = defaultdict(list)
    for event in day.events:
        if event["type"] in STATES:
            heard[event["job"]].append(event["type"].removeprefix("callback."))
    assert set(heard) == set(day.jobs)
    for job_id, job in day.jobs.items():
        states = heard[job_id]
        ends = [state for state in states if state in TERMINAL_STATES]
        assert ends == [job["state"]], f"{job_id} ended {ends}\n{day.story(job_id)}"
        check_path(job_id, job["order"], states)


def reports_say_what_the_phones_saw(day: Day) -> None:
    for job_id, job in day.jobs.items():
        heard, seen = answered_legs(job, "customer"), day.customers[job_id]
        # What a kill forgets is the answer of the very moment; the call itself is always known.
        whole = sum(call.whole for call in seen)
        answered = sum(call.answered is not None for call in seen)
        agree = whole <= heard + kills_during(day, seen, job) and heard <= answered
        assert agree, f"{job_id}: said {heard}, seen {answered}\n{day.story(job_id)}"
    total = day.reports["job"]["total"]
    completed = sum(job["state"] == "completed" for job in day.jobs.values())
    assert (total["requested"], total["completed"]) == (len(day.jobs), completed)
    sites = day.reports["site"]["rows"]
    assert sum(row["completed"] for row in sites) == completed
    queue = day.reports["queue"]["total"]
    kinds = Counter(event["type"] for event in day.events)
    assert queue["answered"] == kinds["queue.answered"]
    # One who is called again after a kill waits once more.
    gone = queue["abandoned"] + queue["short_abandoned"]
    assert queue["offered"] == queue["answered"] + queue["withdrawn"] + queue["lost"] + gone
    assert queue["offered"] >= len(day.jobs)
    assert queue["waiting"] == 0
    # Only customers who are called first can give up a queue.
    assert gone == kinds["queue.abandoned"]
    for event in day.events:
        if event["type"] == "queue.abandoned":
            assert day.jobs[event["job"]]["order"] == "customer_first"
    for row in day.reports["agent"]["totals"]:
        agent = row["agent"]
        answered = sum(call.answered is not None for call in day.agent_sides[agent])
        agree = row["answered"] <= answered <= row["answered"] + len(day.kills)
        assert agree, f"{agent}: said {row['answered']}, seen {answered}\n{day.story(agent)}"


def summary(day: Day) -> str:
    calls = sum(len(calls) for calls in day.customers.values())
    return (
        f"{len(day.jobs)} callbacks, {len(day.kills)} kills, {calls} calls at the customers' "
        f"phones, {len(day.events)} events; {day.took_s:.0f} s, of which "
        f"{sum(day.starts_s):.0f} s for {len(day.starts_s)} starts"
    )
