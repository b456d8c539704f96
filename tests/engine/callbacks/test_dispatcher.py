"""When jobs are attempted: due times, deadlines, retries, priorities, limits."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.callbacks.dispatcher import LOOKED_AT_ONCE, RESUMED_AT_ONCE, Dispatcher
from engine.callbacks.recovery import LONGEST_RINGING_S, wait_for_phones
from engine.job import Failure, Job, Request
from tests.support.jobs import callback_job, new_job
from tests.support.scene import Scene, run_with_dispatcher, scene
from tests.support.virtual_loop import run


def test_a_job_runs_to_its_end_and_is_stored(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        under_test = callback_job()
        dispatcher.accept(under_test)
        dispatcher.submit(under_test)
        assert dispatcher.active == 1
        for _ in range(2):
            phone = await stage.phone()
            phone.answers()
        await asyncio.sleep(1)
        phone.hangs_up()
        await stage.ended(under_test)
        assert dispatcher.active == 0
        assert dispatcher.job("job-1") is None
        image = stage.stored("job-1")
        assert (image.state, image.result, image.cause) == (
            "completed", "completed", "customer hung up",
        )  # fmt: skip
        assert image.attempts[0].result == "completed"
        assert stage.seen("callback.")[0] == "callback.queued"
        assert stage.last("callback.completed")["cause"] == "customer hung up"

    run_with_dispatcher(tmp_path, script)


def test_no_attempt_before_not_before(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        under_test = callback_job(not_before=500.0)
        dispatcher.submit(under_test)
        assert dispatcher.active == 0
        phone = await stage.phone()
        assert asyncio.get_running_loop().time() == pytest.approx(500.0)
        phone.refuses(486)
        await stage.ended(under_test)

    run_with_dispatcher(tmp_path, script)


def test_a_deadline_that_passes_in_the_queue_expires_the_job(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        first, second = new_job("first", ring_s=300.0), new_job("second", deadline=50.0)
        dispatcher.submit(first)
        dispatcher.submit(second)
        phone = await stage.phone()
        await asyncio.sleep(60)
        assert second.state == "expired"
        assert stage.last("callback.expired")["job"] == "second"
        phone.refuses(486)
        await stage.ended(first)
        assert stage.sip.phones.empty()

    run_with_dispatcher(tmp_path, script, max_calls=1)


def test_retries_up_to_max_attempts(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        under_test = callback_job(max_attempts=3)
        dispatcher.accept(under_test)
        dispatcher.submit(under_test)
        times = []
        for _ in range(3):
            phone = await stage.phone()
            times.append(asyncio.get_running_loop().time())
            phone.refuses(486, "Busy Here")
        await stage.ended(under_test)
        assert times == pytest.approx([0.0, 7.0, 14.0])
        assert under_test.state == "failed"
        assert [attempt.result for attempt in under_test.attempts] == ["busy"] * 3
        assert stage.seen("callback.").count("callback.queued") == 3
        await asyncio.sleep(100)
        assert stage.sip.phones.empty()

    run_with_dispatcher(tmp_path, script, retry_s=7.0)


def test_no_retry_after_agent_and_customer_were_joined(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        under_test = callback_job(max_attempts=3)
        dispatcher.submit(under_test)
        (await stage.phone()).answers()
        phone = await stage.phone()
        phone.answers()
        await asyncio.sleep(1)
        phone.hangs_up()
        await stage.ended(under_test)
        assert len(under_test.attempts) == 1

    run_with_dispatcher(tmp_path, script)


def test_no_retry_that_would_begin_after_the_deadline(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        under_test = callback_job(max_attempts=3, deadline=6.0)
        dispatcher.submit(under_test)
        (await stage.phone()).refuses(486)
        await stage.ended(under_test)
        assert (under_test.state, under_test.result) == ("failed", "busy")

    run_with_dispatcher(tmp_path, script, retry_s=7.0)


def test_a_deadline_holds_for_a_retry_that_finds_no_room(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        first = new_job("first", max_attempts=2, deadline=20.0, ring_s=300.0)
        second = new_job("second", ring_s=300.0)
        dispatcher.submit(first)
        dispatcher.submit(second)
        (await stage.phone()).refuses(486)
        phone = await stage.phone()
        await asyncio.sleep(30)
        assert first.state == "expired"
        phone.refuses(486)
        await stage.ended(second)

    run_with_dispatcher(tmp_path, script, max_calls=1, retry_s=5.0)


async def called_in_turn(stage: Scene, count: int) -> list[str | None]:
    """The ids of the next `count` jobs, as their agents are called and refuse."""
    order = []
    for _ in range(count):
        phone = await stage.phone()
        (call,) = stage.services.registry.calls.values()
        order.append(call.job_id)
        phone.refuses(486)
    return order


def test_priority_then_age_decides_which_job_is_next(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        jobs = [new_job("running"), new_job("old"), new_job("new"), new_job("urgent", priority=5)]
        for one in jobs:
            dispatcher.submit(one)
            await asyncio.sleep(1)
        assert await called_in_turn(stage, len(jobs)) == ["running", "urgent", "old", "new"]
        await stage.ended(jobs[2])

    run_with_dispatcher(tmp_path, script, max_calls=1)


def test_a_job_with_a_lowered_priority_waits_behind_the_others(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        jobs = [new_job("running"), new_job("first"), new_job("second")]
        for one in jobs:
            dispatcher.submit(one)
            await asyncio.sleep(1)
        jobs[1].request = msgspec.structs.replace(jobs[1].request, priority=-5)
        dispatcher.changed(jobs[1])
        assert await called_in_turn(stage, len(jobs)) == ["running", "second", "first"]
        await stage.ended(jobs[1])

    run_with_dispatcher(tmp_path, script, max_calls=1)


def test_changed_and_ended_jobs_leave_no_schedule_entries(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        moved = callback_job(not_before=1e6)
        dispatcher.submit(moved)
        for number in range(1000):
            moved.request = msgspec.structs.replace(
                moved.request, not_before=2e6 + number, deadline=3e6 + number
            )
            dispatcher.changed(moved)
            over = new_job(f"over-{number}", not_before=1e6, deadline=2e6)
            dispatcher.submit(over)
            await dispatcher.cancel(over)
        assert len(dispatcher._schedule) < 150
        await dispatcher.cancel(moved)

    run_with_dispatcher(tmp_path, script)


def test_a_clock_that_is_set_back_loses_no_job(tmp_path: Path) -> None:
    async def main() -> None:
        stage = scene(tmp_path, max_calls=1)
        loop = asyncio.get_running_loop()
        step_s = 0.0
        dispatcher = stage.dispatcher(lambda: loop.time() + step_s)
        running, waiting = new_job("running"), new_job("waiting", not_before=10.0)
        dispatcher.submit(running)
        dispatcher.submit(waiting)
        phone = await stage.phone()
        await asyncio.sleep(20)
        step_s = -50.0
        phone.refuses(486)
        phone = await stage.phone()
        assert loop.time() == pytest.approx(60.0)
        phone.refuses(486)
        await stage.ended(waiting)
        stage.assert_nothing_left()

    run(main())


def test_a_job_whose_trunk_is_gone_when_it_is_due_fails(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        under_test = callback_job(to="sip:bob@elsewhere.example", max_attempts=5)
        dispatcher.submit(under_test)
        assert (under_test.state, under_test.result) == ("failed", "refused")
        assert "dial.allow_hosts" in (under_test.cause or "")

    run_with_dispatcher(tmp_path, script)


def test_draining_starts_nothing_and_waits_for_what_runs(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        running, waiting = new_job("running"), new_job("waiting")
        dispatcher.submit(running)
        phone = await stage.phone()
        assert not await dispatcher.drain(5.0)
        dispatcher.submit(waiting)
        draining = asyncio.create_task(dispatcher.drain(None))
        await asyncio.sleep(1)
        assert not draining.done()
        phone.refuses(486)
        assert await draining
        assert waiting.state == "queued"
        assert stage.sip.phones.empty()

    run_with_dispatcher(tmp_path, script)


@pytest.mark.parametrize("answers", [0, 1])
@pytest.mark.parametrize("order", ["agent_first", "customer_first"])
def test_stopping_leaves_jobs_that_were_not_bridged_to_the_next_engine(
    tmp_path: Path, order: str, answers: int
) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        dispatcher.submit(new_job("running", order=order))
        dispatcher.submit(new_job("waiting", not_before=500.0))
        phones = [await stage.phone()]
        for _ in range(answers):
            phones[-1].answers()
            phones.append(await stage.phone())
        await dispatcher.stop()
        assert all(phone.is_hung_up for phone in phones)
        left = stage.stored("running")
        assert (left.state, left.under_way, left.next_attempt_at) == ("queued", False, None)
        (attempt,) = left.attempts
        assert (attempt.result, attempt.cause) == ("interrupted", "engine stopped")
        # Only an attempt that the customer has answered counts.
        counts = order == "customer_first" and answers == 1
        assert attempt.retry_cause == ("failed" if counts else None)
        assert stage.last("callback.queued")["cause"] == "engine stopped"
        assert dispatcher.jobs["waiting"].state == "queued"
        assert [callback.job.id for callback in dispatcher.interrupted] == ["running"]

    run_with_dispatcher(tmp_path, script)


def test_stopping_ends_bridged_jobs(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        talking = new_job("talking")
        dispatcher.submit(talking)
        phones = []
        for _ in range(2):
            phones.append(await stage.phone())
            phones[-1].answers()
        await asyncio.sleep(10)
        assert talking.state == "bridged"
        await dispatcher.stop()
        assert all(phone.is_hung_up for phone in phones)
        left = stage.stored("talking")
        assert (left.state, left.result, left.cause) == ("failed", "failed", "engine stopped")
        assert dispatcher.interrupted == []

    run_with_dispatcher(tmp_path, script)


def test_a_phone_that_does_not_confirm_its_hangup_is_not_called_again_soon(
    tmp_path: Path,
) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        dispatcher.submit(new_job("confirmed"))
        (await stage.phone()).state = "terminated"
        dispatcher.submit(new_job("silent"))
        (await stage.phone()).rings()
        await dispatcher.stop()
        now = asyncio.get_running_loop().time()
        wait_for_phones(dispatcher.interrupted, stage.services, now)
        assert stage.stored("confirmed").next_attempt_at is None
        left = stage.stored("silent")
        assert left.next_attempt_at == now + LONGEST_RINGING_S
        assert left.scheduled and "did not confirm" in left.scheduled
        assert stage.last("callback.queued")["next_attempt_at"] == left.next_attempt_at

    run_with_dispatcher(tmp_path, script)


def test_a_defect_in_a_callback_ends_that_job_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        def broken(_job: Job) -> None:
            raise RuntimeError("boom")

        monkeypatch.setattr(stage.services.announcer, "prepare", broken)
        under_test = callback_job()
        dispatcher.submit(under_test)
        await stage.ended(under_test)
        assert (under_test.state, under_test.cause) == ("failed", "internal error: RuntimeError")
        assert under_test.failure == Failure(side="engine", moment="queued")
        assert dispatcher.active == 0
        stage.services.registry.calls.clear()

    run_with_dispatcher(tmp_path, script)


def test_a_job_that_is_changed_while_it_runs_gets_no_second_attempt(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        under_test = callback_job()
        dispatcher.submit(under_test)
        phone = await stage.phone()
        under_test.request = Request(to=under_test.request.to, agent="alice", priority=9)
        dispatcher.changed(under_test)
        await asyncio.sleep(1)
        assert stage.sip.phones.empty()
        phone.refuses(486)
        await stage.ended(under_test)

    run_with_dispatcher(tmp_path, script)


def test_many_that_are_due_at_once_are_begun_one_after_the_other(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        jobs = [new_job(f"job-{number}", not_before=10.0) for number in range(2000)]
        dispatcher.resume(jobs)
        for _ in jobs:
            (await stage.phone()).refuses(486)
        await stage.ended(jobs[-1])
        assert not dispatcher.jobs

    run_with_dispatcher(tmp_path, script, max_calls=50)


def test_many_jobs_of_an_earlier_engine_are_known_at_once_and_looked_at_in_portions(
    tmp_path: Path,
) -> None:
    count = RESUMED_AT_ONCE + 3 * LOOKED_AT_ONCE

    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        said: list[int] = []
        stage.services.dial = replace_dial(stage, max_calls=1)
        jobs = [new_job(f"job-{number}", deadline=50.0) for number in range(count)]
        jobs.append(new_job("later", not_before=500.0))
        await asyncio.sleep(100.0)  # nobody is called: the deadline of all has passed
        dispatcher.resume(jobs, lambda: said.append(len(dispatcher.jobs)))
        assert "later" in dispatcher.jobs
        assert len(dispatcher.jobs) == count - RESUMED_AT_ONCE + 1
        assert f"job-{count - 1}" in dispatcher.resumed
        turns = 0
        while dispatcher.resumed:
            await asyncio.sleep(0)
            turns += 1
        assert turns >= 3
        assert said == [1]
        await dispatcher.cancel(dispatcher.jobs["later"])

    run_with_dispatcher(tmp_path, script)


def test_of_the_jobs_of_an_earlier_engine_the_highest_priority_is_first(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        stage.services.dial = replace_dial(stage, max_calls=1)
        jobs = [
            new_job(
                f"job-{number}", to=f"sip:c{number}@127.0.0.1", agent=f"sip:a{number}@127.0.0.1"
            )
            for number in range(2 * LOOKED_AT_ONCE)
        ]
        jobs[-1].request = msgspec.structs.replace(jobs[-1].request, priority=5)
        dispatcher.resume(jobs)
        phone = await stage.phone()
        assert phone.invitation.target == f"sip:a{2 * LOOKED_AT_ONCE - 1}@127.0.0.1"
        phone.refuses(486)
        assert (await stage.phone()).invitation.target == "sip:a0@127.0.0.1"
        for one in tuple(dispatcher.jobs.values()):
            await dispatcher.cancel(one)

    run_with_dispatcher(tmp_path, script)


def replace_dial(stage: Scene, **changed: Any) -> Any:
    return stage.services.dial.model_copy(update=changed)


def test_while_the_engine_is_overloaded_no_attempt_begins(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        overload = stage.services.overload
        overload.reason = "the engine is overloaded"
        waiting = new_job("waiting")
        dispatcher.submit(waiting)
        await asyncio.sleep(100)
        assert stage.sip.phones.empty()
        assert waiting.state == "queued"
        overload.reason = None
        stage.services.events.publish("engine.relieved", for_s=100.0, legs=0)
        (await stage.phone()).refuses(486)
        await stage.ended(waiting)

    run_with_dispatcher(tmp_path, script)
