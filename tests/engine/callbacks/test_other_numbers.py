"""Jobs with several numbers, and numbers that policy or the hour forbid."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.policy import Hours
from config.retry import RetryCause
from engine.callbacks.dispatcher import Dispatcher
from engine.job import Job, RetryRule
from engine.routing.admission import Admission, PolicySettings
from engine.routing.blocking.do_not_call import Blocked
from tests.support.jobs import callback_job
from tests.support.scene import Scene, run_with_dispatcher


def admitting(stage: Scene, **policy: Any) -> Admission:
    """Let admission go by these policies."""
    stage.admission.apply(PolicySettings(**policy))
    return stage.admission


def calling(number: str = "+442079460123", **request: Any) -> Job:
    under_test = callback_job(to=number, **request)
    under_test.called = number
    return under_test


def test_other_numbers_are_tried_in_turn(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        rules: dict[RetryCause, RetryRule] = {
            "busy": RetryRule(attempts=2, spacing_s=(60.0,)),
            "no_answer": RetryRule(attempts=1),
        }
        under_test = calling(numbers=["+442079460777"], retry=rules, max_attempts=10)
        dispatcher.submit(under_test)
        dialled, times = [], []
        for status in (486, 486, 486, 408):
            (await stage.phone()).answers()
            customer = await stage.phone()
            times.append(asyncio.get_running_loop().time())
            dialled.append(customer.invitation.target.partition("@")[0][4:])
            if status == 408:
                customer.rings()  # so that it is said of the party, and not of the trunk
            customer.refuses(status)
        await stage.ended(under_test)
        first, other = "+442079460123", "+442079460777"
        assert dialled == [first, other, first, other]
        assert [attempt.number for attempt in under_test.attempts] == [None, other, None, other]
        assert times == pytest.approx([0.0, 5.0, 60.0, 65.0])
        assert [one.retry_cause for one in under_test.attempts] == [
            "busy", "busy", "busy", "no_answer",
        ]  # fmt: skip
        assert (under_test.state, under_test.result) == ("failed", "no_answer")

    run_with_dispatcher(tmp_path, script)


def test_a_number_that_is_blocked_while_the_agent_rings_is_not_called(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        admission = admitting(stage)
        under_test = calling(max_attempts=5)
        dispatcher.submit(under_test)
        agent = await stage.phone()
        agent.rings()
        entry = Blocked(number="+442079460123", reason="asked us", since=0.0)
        await admission.do_not_call.block(entry)  # a running attempt goes on
        agent.answers()
        await stage.ended(under_test)
        assert (under_test.state, under_test.result) == ("failed", "refused")
        assert under_test.cause == "+442079460123 is not to be called: asked us"
        assert agent.is_hung_up
        assert stage.sip.phones.empty()

        again = calling()
        dispatcher.submit(again)
        assert (again.state, again.result) == ("failed", "refused")

    run_with_dispatcher(tmp_path, script)


@pytest.mark.parametrize("as_it_rings", [False, True])
def test_a_blocked_number_does_not_prevent_attempts_to_the_others(
    tmp_path: Path, as_it_rings: bool
) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        admission = admitting(stage)
        blocked, third = "+442079460777", "+442079460888"
        under_test = calling(numbers=[blocked, third], max_attempts=6)
        dispatcher.submit(under_test)
        (await stage.phone()).answers()
        (await stage.phone()).refuses(486)
        entry = Blocked(number=blocked, reason="asked us", since=0.0)
        if as_it_rings:
            agent = await stage.phone()
            await admission.do_not_call.block(entry)
            agent.answers()
        else:
            await admission.do_not_call.block(entry)
        (await stage.phone()).answers()
        customer = await stage.phone()
        assert customer.invitation.target.startswith(f"sip:{third}@")
        customer.answers()
        await asyncio.sleep(5)
        customer.hangs_up()
        await stage.ended(under_test)
        assert under_test.state == "completed"

    run_with_dispatcher(tmp_path, script)


def test_a_retry_that_is_due_out_of_hours_waits_for_them(tmp_path: Path) -> None:
    # Virtual time begins with 1970: a Thursday, 01:00 in London.
    hours = Hours(enforce=True, hours=["thu 00:00-02:00", "thu 03:00-23:00"])

    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        admitting(stage, hours=hours)
        under_test = calling(max_attempts=2)
        dispatcher.submit(under_test)
        (await stage.phone()).refuses(486)
        await asyncio.sleep(3605)
        assert under_test.state == "queued"
        assert under_test.next_attempt_at == 3600.0 * 2
        assert "out of calling hours" in (under_test.scheduled or "")
        assert stage.stored("job-1").next_attempt_at == 3600.0 * 2
        await asyncio.sleep(3550)
        assert stage.sip.phones.empty()
        await asyncio.sleep(100)
        (await stage.phone()).refuses(486)
        await stage.ended(under_test)
        assert len(under_test.attempts) == 2

    run_with_dispatcher(tmp_path, script, retry_s=3600.0)


def test_hours_that_begin_after_the_deadline_expire_the_job(tmp_path: Path) -> None:
    hours = Hours(enforce=True, hours=["thu 03:00-23:00"])

    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        admitting(stage, hours=hours)
        under_test = calling(deadline=3600.0)
        dispatcher.submit(under_test)
        assert under_test.state == "expired"
        assert "before its deadline" in (under_test.cause or "")

    run_with_dispatcher(tmp_path, script)
