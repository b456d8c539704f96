"""When jobs are looked at, and which of the ready ones comes first."""

import asyncio

from engine.callbacks.schedule import MOST_STALE, JobSchedule, Why
from engine.clock import Timer
from tests.support.jobs import callback_job
from tests.support.virtual_loop import run


def test_each_is_looked_at_in_its_time_and_not_before() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        seen: list[tuple[float, str]] = []

        def look() -> None:
            seen.extend((loop.time(), job_id) for job_id in schedule.due(loop.time()))
            timer.set(schedule.next_at)

        schedule, timer = JobSchedule(), Timer(loop.time, look)
        entries: list[tuple[str, float, Why]] = [
            ("late", 500.0, "due"), ("soon", 5.0, "due"), ("early", 1.0, "wait"),
            ("soon", 7.0, "deadline"),
        ]  # fmt: skip
        for job_id, at, why in entries:
            schedule.look_at(callback_job(job_id), at, why)
            timer.set(schedule.next_at)
        await asyncio.sleep(1000)
        assert seen == [(1.0, "early"), (5.0, "soon"), (7.0, "soon"), (500.0, "late")]

    run(main())


def test_the_next_time_is_the_earliest_that_still_counts() -> None:
    schedule = JobSchedule()
    assert schedule.next_at is None
    schedule.look_at(callback_job("late"), 50.0, "due")
    schedule.look_at(callback_job("early"), 10.0, "due")
    assert schedule.next_at == 10.0
    schedule.look_at(callback_job("early"), 70.0, "due")
    assert schedule.next_at == 50.0


def test_ready_jobs_come_by_priority_then_by_age_then_in_order() -> None:
    schedule = JobSchedule()
    for one in (
        callback_job("new", created=2.0),
        callback_job("old", created=1.0),
        callback_job("low", created=0.0, priority=-5),
        callback_job("urgent", created=3.0, priority=5),
        callback_job("same age", created=2.0),
    ):
        schedule.add_ready(one)
    assert schedule.count_ready == 5
    order = [schedule.next_ready() for _ in range(5)]
    assert order == ["urgent", "old", "new", "same age", "low"]
    assert schedule.count_ready == 0


def test_a_new_time_for_the_same_reason_replaces_the_one_before() -> None:
    schedule = JobSchedule()
    for at in (5.0, 1.0, 9.0):
        schedule.look_at(callback_job("moved"), at, "due")
        schedule.look_at(callback_job("moved"), 7.0, "deadline")
    assert list(schedule.due(8.0)) == ["moved"]
    assert list(schedule.due(9.0)) == ["moved"]


def test_a_job_that_is_ready_again_has_the_place_of_its_new_priority() -> None:
    schedule = JobSchedule()
    for one in (
        callback_job("first", priority=5),
        callback_job("second", priority=1),
        callback_job("first", priority=0),
    ):
        schedule.add_ready(one)
    assert schedule.count_ready == 2
    assert [schedule.next_ready() for _ in range(2)] == ["second", "first"]
    assert schedule.count_ready == 0


def test_a_job_that_is_due_later_is_not_ready() -> None:
    schedule = JobSchedule()
    schedule.add_ready(callback_job("postponed"))
    schedule.look_at(callback_job("postponed"), 5.0, "due")
    assert schedule.count_ready == 0
    assert list(schedule.due(5.0)) == ["postponed"]


def test_replaced_entries_and_ended_jobs_do_not_pile_up() -> None:
    schedule = JobSchedule()
    for number in range(5000):
        schedule.look_at(callback_job("moved"), 1000.0 + number, "due")
        schedule.add_ready(callback_job("urged", priority=number))
        schedule.look_at(callback_job(f"over {number}"), 1000.0, "deadline")
        schedule.forget(callback_job(f"over {number}"))
    assert len(schedule) <= 4 + 2 * MOST_STALE
    assert list(schedule.due(1e9)) == ["moved"]


def test_many_at_once_are_looked_at_as_one_by_one() -> None:
    schedule = JobSchedule()
    schedule.look_at(callback_job("known"), 3.0, "deadline")
    schedule.look_at(callback_job("known"), 1.0, "due")
    schedule.look_at_all([(callback_job(one), at) for one, at in (("late", 9.0), ("soon", 2.0))])
    schedule.look_at_all([(callback_job("known"), 5.0)])
    assert schedule.next_at == 2.0
    assert list(schedule.due(4.0)) == ["soon", "known"]
    assert list(schedule.due(9.0)) == ["known", "late"]
    assert schedule.next_at is None
