"""Which jobs are looked at when, and which of the ready ones comes first."""

import asyncio

from engine.callbacks.schedule import MOST_STALE, JobSchedule, Why
from engine.job import Job, Request
from tests.support.virtual_loop import run


def job(job_id: str, created: float = 0.0, priority: int = 0) -> Job:
    request = Request(to="sip:bob@127.0.0.1", agent="alice", priority=priority)
    return Job(id=job_id, request=request, created=created)


def test_each_is_looked_at_in_its_time_and_not_before() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        seen: list[tuple[float, str]] = []

        def look() -> None:
            seen.extend((loop.time(), job_id) for job_id in agenda.due(loop.time()))
            agenda.set_timer()

        agenda = JobSchedule(loop.time, look)
        entries: list[tuple[str, float, Why]] = [
            ("late", 500.0, "due"), ("soon", 5.0, "due"), ("early", 1.0, "wait"),
            ("soon", 7.0, "deadline"),
        ]  # fmt: skip
        for job_id, at, why in entries:
            agenda.look_at(job(job_id), at, why)
            agenda.set_timer()
        await asyncio.sleep(1000)
        assert seen == [(1.0, "early"), (5.0, "soon"), (7.0, "soon"), (500.0, "late")]

    run(main())


def test_an_earlier_time_that_comes_later_is_not_missed() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        times: list[float] = []
        agenda = JobSchedule(loop.time, lambda: times.append(loop.time()))
        agenda.look_at(job("late"), 50.0, "due")
        agenda.set_timer()
        agenda.look_at(job("early"), 10.0, "due")
        agenda.set_timer()
        await asyncio.sleep(20)
        assert times == [10.0]
        agenda.stop()
        await asyncio.sleep(100)
        assert times == [10.0]

    run(main())


def test_a_step_of_the_wall_clock_is_noticed_within_a_minute() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        step_s = 0.0
        times: list[float] = []

        def look() -> None:
            if list(agenda.due(loop.time() + step_s)):
                times.append(loop.time())
            agenda.set_timer()

        agenda = JobSchedule(lambda: loop.time() + step_s, look)
        agenda.look_at(job("far"), 100_000.0, "due")
        agenda.set_timer()
        await asyncio.sleep(1)
        step_s = 200_000.0
        await asyncio.sleep(100)
        assert times == [60.0]

    run(main())


def test_who_is_ready_comes_by_priority_then_by_age_then_in_order() -> None:
    agenda = JobSchedule(lambda: 0.0, lambda: None)
    for one in (
        job("new", created=2.0),
        job("old", created=1.0),
        job("low", created=0.0, priority=-5),
        job("urgent", created=3.0, priority=5),
        job("same age", created=2.0),
    ):
        agenda.ready(one)
    assert agenda.count_ready == 5
    order = [agenda.next_ready() for _ in range(5)]
    assert order == ["urgent", "old", "new", "same age", "low"]
    assert agenda.count_ready == 0


def test_another_time_for_the_same_reason_is_in_the_place_of_the_one_before() -> None:
    agenda = JobSchedule(lambda: 0.0, lambda: None)
    for at in (5.0, 1.0, 9.0):
        agenda.look_at(job("moved"), at, "due")
        agenda.look_at(job("moved"), 7.0, "deadline")
    assert list(agenda.due(8.0)) == ["moved"]
    assert list(agenda.due(9.0)) == ["moved"]


def test_what_is_ready_again_has_the_place_of_its_priority_now() -> None:
    agenda = JobSchedule(lambda: 0.0, lambda: None)
    for one in (job("first", priority=5), job("second", priority=1), job("first", priority=0)):
        agenda.ready(one)
    assert agenda.count_ready == 2
    assert [agenda.next_ready() for _ in range(2)] == ["second", "first"]
    assert agenda.count_ready == 0


def test_who_is_due_later_is_not_ready() -> None:
    agenda = JobSchedule(lambda: 0.0, lambda: None)
    agenda.ready(job("put off"))
    agenda.look_at(job("put off"), 5.0, "due")
    assert agenda.count_ready == 0
    assert list(agenda.due(5.0)) == ["put off"]


def test_nothing_is_kept_of_changes_and_of_jobs_that_have_ended() -> None:
    agenda = JobSchedule(lambda: 0.0, lambda: None)
    for number in range(5000):
        agenda.look_at(job("moved"), 1000.0 + number, "due")
        agenda.ready(job("urged", priority=number))
        agenda.look_at(job(f"over {number}"), 1000.0, "deadline")
        agenda.forget(job(f"over {number}"))
    assert len(agenda) <= 4 + 2 * MOST_STALE
    assert list(agenda.due(1e9)) == ["moved"]
