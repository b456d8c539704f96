"""What the next engine makes of the jobs that a dead one had open."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.choices import OnCrash
from config.sections import Dial
from config.settings import Settings
from engine.callbacks import recovery
from engine.callbacks.dispatcher import Dispatcher
from engine.callbacks.intake import Intake
from engine.callbacks.retry import Outcome
from engine.job import AttemptRecord, Failure, Job, JobState, LegRecord, OfferRecord, Request
from engine.reports.cdr import moments_of
from engine.request import Reschedule
from engine.routing.router import Router
from tests.support.scene import Scene, run_with_dispatcher

LATER_S = 1000.0
"""When the next engine starts, in seconds after the jobs below were made."""


def left(
    state: JobState = "queued",
    policy: OnCrash = "fail",
    *,
    under_way: bool = True,
    answered: float | None = None,
    **request: Any,
) -> Job:
    """A job as a dead engine left it on the disk."""
    asked = {"to": "sip:bob@127.0.0.1", "agent": "alice", "on_crash": policy} | request
    job = Job(
        id="job-1",
        request=Request(**asked),
        created=0.0,
        state=state,
        under_way=under_way,
        queue_joined_at=5.0,
    )
    if under_way:
        leg = LegRecord(
            leg="leg-1", role="agent", uri="sip:alice@127.0.0.1", started=1.0, answered=answered
        )
        job.attempts = [AttemptRecord(call="call-1", legs=[leg])]
        job.offers = [OfferRecord(agent="alice", offered=1.0)]
    if state == "bridged":
        job.bridged_at = 4.0
    return job


def reconcile(stage: Scene, dispatcher: Dispatcher, *jobs: Job) -> None:
    now = asyncio.get_running_loop().time()
    recovery.reconcile(jobs, dispatcher, stage.services, stage.admission, now)


UNDER_WAY: list[JobState] = ["queued", "dialing_agent", "whispering", "dialing_customer", "bridged"]


@pytest.mark.parametrize("policy", ["fail", "retry", "ask"])
def test_a_job_that_was_not_dialled_is_dialled(tmp_path: Path, policy: OnCrash) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        job = left(policy=policy, under_way=False)
        reconcile(stage, dispatcher, job)
        (await stage.phone()).refuses(486)
        await asyncio.sleep(1)
        assert (job.state, job.result) == ("failed", "busy")

    run_with_dispatcher(tmp_path, script, start_s=LATER_S)


@pytest.mark.parametrize("state", UNDER_WAY)
def test_a_job_that_may_have_been_dialled_fails_by_default(tmp_path: Path, state: JobState) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        job = left(state)
        job.failure = Failure(side="customer", moment="dialing_customer", sip_status=486)  # before
        reconcile(stage, dispatcher, job)
        image = stage.stored(job.id)
        assert (image.state, image.result, image.cause) == ("failed", "failed", "engine restarted")
        assert image.failure == Failure(side="engine", moment=state)
        assert stage.last("callback.failed")["failure"] == {
            "side": "engine", "moment": state, "sip_status": None, "sip_reason": None,
            "reason_header": None,
        }  # fmt: skip
        assert image.ended_at == 1000.0
        (leg,) = image.attempts[0].legs
        assert (leg.state, leg.ended, leg.reason) == ("ended", 1000.0, "engine restarted")
        assert image.attempts[0].result == "failed"
        assert image.offers[0].result == "interrupted"
        assert stage.last("callback.failed")["cause"] == "engine restarted"
        assert not dispatcher.jobs
        await asyncio.sleep(10_000)
        assert stage.sip.phones.empty()

    run_with_dispatcher(tmp_path, script, start_s=LATER_S)


@pytest.mark.parametrize("state", UNDER_WAY[:-1])
def test_a_retry_waits_until_nobody_can_be_on_the_line(tmp_path: Path, state: JobState) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        job = left(state, "retry")
        reconcile(stage, dispatcher, job)
        image = stage.stored(job.id)
        assert (image.state, image.next_attempt_at) == ("queued", 1060.0)
        assert (image.under_way, image.queue_joined_at) == (False, 5.0)
        assert image.queue_since == 1060.0  # its place is the old one, its wait a new one
        assert stage.last("callback.queued")["cause"] == "engine restarted"
        (await stage.phone()).refuses(486)
        assert asyncio.get_running_loop().time() == pytest.approx(1060.0)
        await asyncio.sleep(1)
        assert (job.state, len(job.attempts)) == ("failed", 2)

    run_with_dispatcher(tmp_path, script, crash_pause_s=60.0, start_s=LATER_S)


@pytest.mark.parametrize(
    ("answered", "ring_s", "pause_s"),
    [(None, 30.0, 180.0), (None, 300.0, 300.0), (2.0, 30.0, 1800.0)],
)
def test_how_long_somebody_may_be_on_the_line(
    answered: float | None, ring_s: float, pause_s: float
) -> None:
    job = left("dialing_agent", "retry", answered=answered, ring_s=ring_s)
    assert recovery.pause_s(job, Dial()) == pause_s
    assert recovery.pause_s(job, Dial(crash_pause_s=7.0)) == 7.0


def test_rescheduling_does_not_shorten_the_wait_for_the_phones(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        job = left("dialing_agent", "retry")
        reconcile(stage, dispatcher, job)
        clock = asyncio.get_running_loop().time
        intake = Intake(
            stage.services,
            dispatcher,
            Settings(),
            router=Router(Settings()),
            admission=stage.admission,
            clock=clock,
        )
        await intake.reschedule(job, Reschedule(id=job.id, not_before=1010.0))
        assert job.next_attempt_at == 1060.0
        (await stage.phone()).refuses(486)
        assert asyncio.get_running_loop().time() == pytest.approx(1060.0)
        await asyncio.sleep(1)
        assert job.quiet_until is None

    run_with_dispatcher(tmp_path, script, crash_pause_s=60.0, start_s=LATER_S)


@pytest.mark.parametrize("policy", ["retry", "ask"])
def test_a_customer_who_has_talked_is_not_called_again(tmp_path: Path, policy: OnCrash) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        job = left("bridged", policy)
        job.failure = Failure(side="customer", moment="dialing_customer", sip_status=486)  # before
        reconcile(stage, dispatcher, job)
        image = stage.stored(job.id)
        assert image.failure is None
        assert (image.state, image.result, image.cause) == (
            "completed", "completed", "engine restarted",
        )  # fmt: skip
        await asyncio.sleep(10_000)
        assert stage.sip.phones.empty()

    run_with_dispatcher(tmp_path, script, start_s=LATER_S)


def test_a_decision_is_asked_for_and_nobody_is_called_before_it(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        job = left("dialing_customer", "ask")
        reconcile(stage, dispatcher, job)
        event = stage.last("callback.decision_needed")
        assert (event["job"], event["decide_by"]) == ("job-1", 1500.0)
        await asyncio.sleep(300)
        assert stage.sip.phones.empty()
        assert (job.state, job.decision) == ("queued", "needed")
        # As `callback.decide` does.
        job.decision = job.decide_by = None
        dispatcher.changed(job)
        (await stage.phone()).refuses(486)
        await asyncio.sleep(1)
        assert job.result == "busy"

    run_with_dispatcher(tmp_path, script, decide_s=500.0, crash_pause_s=60.0, start_s=LATER_S)


def test_a_decision_that_nobody_makes_fails_the_job_also_after_another_crash(
    tmp_path: Path,
) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        reconcile(stage, dispatcher, left("dialing_agent", "ask"))
        again = stage.stored(left().id)
        dispatcher.finish(dispatcher.jobs["job-1"], Outcome("failed", "failed", "set aside"))
        await asyncio.sleep(100)
        reconcile(stage, dispatcher, again)
        assert stage.seen("callback.decision_needed") == ["callback.decision_needed"]
        await asyncio.sleep(399)
        assert again.state == "queued"
        await asyncio.sleep(2)
        assert (again.state, again.result) == ("failed", "failed")
        assert again.cause == "engine restarted, and nobody decided what to do"
        assert stage.sip.phones.empty()

    run_with_dispatcher(tmp_path, script, decide_s=500.0, start_s=LATER_S)


def test_a_deadline_that_passed_while_no_engine_ran(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        waiting = left(under_way=False, deadline=900.0)
        reconcile(stage, dispatcher, waiting)
        assert waiting.state == "expired"
        cut_off = left("dialing_agent", "retry", deadline=1030.0)
        reconcile(stage, dispatcher, cut_off)
        await asyncio.sleep(100)
        assert cut_off.state == "expired"
        assert stage.sip.phones.empty()

    run_with_dispatcher(tmp_path, script, crash_pause_s=60.0, start_s=LATER_S)


def test_interrupted_calls_ended_when_the_engine_died(tmp_path: Path) -> None:
    """Not when the next one came: nobody talked meanwhile."""

    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        talked, rang = left("bridged", "retry"), left("dialing_agent", "retry")
        talked.attempts[0].legs[0].answered = 2.0
        rang.id, rang.attempts[0].legs[0].ringing = "rang", 75.0
        now = asyncio.get_running_loop().time()
        recovery.reconcile(
            [talked, rang], dispatcher, stage.services, stage.admission, now, seen_until=70.0
        )
        assert talked.ended_at == 1000.0
        moments = moments_of(talked)
        assert (moments.talk_at, moments.talk_s) == (4.0, 66.0)
        assert (talked.attempts[0].ended, talked.offers[0].ended) == (70.0, 70.0)
        # What is known of it may be later than the last event.
        assert (rang.attempts[0].legs[0].ended, rang.attempts[0].ended) == (75.0, 75.0)
        assert rang.next_attempt_at == 1180.0
        await dispatcher.cancel(rang)

    run_with_dispatcher(tmp_path, script, start_s=LATER_S)


def test_a_job_that_waits_for_a_decision_is_published_as_queued(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        job = left("dialing_agent", "ask")
        reconcile(stage, dispatcher, job)
        assert stage.seen("callback.") == ["callback.queued", "callback.decision_needed"]
        await dispatcher.cancel(job)

    run_with_dispatcher(tmp_path, script, start_s=LATER_S)


@pytest.mark.parametrize("policy", ["retry", "ask"])
def test_a_job_of_two_crashes_is_set_aside_and_never_called_by_itself(
    tmp_path: Path, policy: OnCrash
) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        job = left("dialing_agent", policy)
        job.crashes = 1
        reconcile(stage, dispatcher, job)
        image = stage.stored(job.id)
        assert (image.state, image.crashes, image.decision) == ("poisoned", 2, None)
        assert image.scheduled is not None
        assert "2 crashes" in image.scheduled
        assert stage.seen("callback.") == ["callback.poisoned"]
        seen = stage.last("callback.poisoned")
        assert (seen["job"], seen["crashes"], seen["cause"]) == ("job-1", 2, image.scheduled)
        await asyncio.sleep(100_000)
        assert stage.sip.phones.empty()
        # As after a stop and a further start.
        dispatcher.open.remove(job)
        again = stage.stored(job.id)
        reconcile(stage, dispatcher, again)
        await asyncio.sleep(100_000)
        assert (again.state, again.crashes) == ("poisoned", 2)
        assert stage.sip.phones.empty()
        # As `callback.decide` does.
        again.enter("queued")
        dispatcher.changed(again)
        (await stage.phone()).refuses(486)
        await asyncio.sleep(1)
        assert again.result == "busy"

    run_with_dispatcher(tmp_path, script, start_s=LATER_S)


def test_one_crash_sets_nothing_aside(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        job = left("dialing_agent", "retry")
        waiting = left(under_way=False)
        waiting.id = "job-2"
        reconcile(stage, dispatcher, job, waiting)
        assert (job.state, job.crashes, waiting.crashes) == ("queued", 1, 0)
        await dispatcher.cancel(job)
        await dispatcher.cancel(waiting)

    run_with_dispatcher(tmp_path, script, start_s=LATER_S)


def test_one_that_was_set_aside_can_be_cancelled(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        job = left("dialing_agent", "retry")
        job.crashes = 7
        reconcile(stage, dispatcher, job)
        await dispatcher.cancel(job)
        assert job.state == "cancelled"

    run_with_dispatcher(tmp_path, script, start_s=LATER_S)
