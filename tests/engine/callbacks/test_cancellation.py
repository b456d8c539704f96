"""Jobs that are cancelled: queued, running, or in the instant in which they end."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from engine.callbacks.dispatcher import Dispatcher
from engine.errors import EngineError
from tests.support.jobs import callback_job, new_job
from tests.support.scene import Scene, run_with_dispatcher


def test_cancelling_a_queued_job(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        under_test = callback_job(not_before=500.0)
        dispatcher.submit(under_test)
        await dispatcher.cancel(under_test)
        assert (under_test.state, under_test.cause) == ("cancelled", "cancelled by command")
        await asyncio.sleep(1000)
        assert stage.sip.phones.empty()

    run_with_dispatcher(tmp_path, script)


def test_who_has_cancelled_it_is_kept(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        waits, rings = callback_job(not_before=500.0), callback_job("job-2")
        for under_test in (waits, rings):
            dispatcher.submit(under_test)
        await stage.phone()
        await dispatcher.cancel(waits)
        await dispatcher.cancel(rings, "visitor")
        said = [(one.result, one.cause, one.cancelled_by) for one in (waits, rings)]
        assert said == [
            ("cancelled", "cancelled by command", "client"),
            ("cancelled", "cancelled by the visitor", "visitor"),
        ]

    run_with_dispatcher(tmp_path, script)


def test_cancelling_before_the_first_step(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        under_test = callback_job()
        dispatcher.submit(under_test)
        await dispatcher.cancel(under_test)
        assert under_test.state == "cancelled"
        assert stage.sip.phones.empty()
        assert dispatcher.active == 0

    run_with_dispatcher(tmp_path, script)


@pytest.mark.parametrize("answers", [0, 1, 2])
def test_cancelling_a_running_job_waits_until_all_is_hung_up(tmp_path: Path, answers: int) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        under_test = callback_job()
        dispatcher.submit(under_test)
        phones = [await stage.phone()]
        for _ in range(answers):
            phones[-1].answers()
            await asyncio.sleep(1)
            if not stage.sip.phones.empty():
                phones.append(await stage.phone())
        await asyncio.gather(*(dispatcher.cancel(under_test) for _ in range(3)))
        assert under_test.state == "cancelled"
        assert all(phone.is_hung_up for phone in phones)

    run_with_dispatcher(tmp_path, script)


def test_cancelling_a_job_that_ended_is_an_error(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        under_test = callback_job()
        dispatcher.submit(under_test)
        (await stage.phone()).refuses(486)
        await stage.ended(under_test)
        with pytest.raises(EngineError, match="already ended"):
            await dispatcher.cancel(under_test)

    run_with_dispatcher(tmp_path, script)


def test_cancelling_as_an_attempt_fails_prevents_the_retry(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        running = new_job("running", max_attempts=3)
        dispatcher.submit(running)
        (await stage.phone()).refuses(486)
        await asyncio.sleep(0)  # it is read, and not done yet
        callback = dispatcher._running.get("running")
        assert callback is not None
        assert callback.is_over
        await dispatcher.cancel(running)
        assert (running.state, len(running.attempts)) == ("cancelled", 1)

    run_with_dispatcher(tmp_path, script)


def test_cancelling_in_the_instant_it_ends_has_one_winner(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        under_test = callback_job()
        dispatcher.submit(under_test)
        phone = await stage.phone()
        phone.refuses(486)
        await dispatcher.cancel(under_test)
        assert under_test.is_terminal
        assert stage.seen("callback.").count(f"callback.{under_test.state}") == 1

    run_with_dispatcher(tmp_path, script)


@pytest.mark.parametrize("by", ["cancel", "begin_cancel", "stop"])
def test_cancelling_in_the_instant_the_agent_accepts_by_key(tmp_path: Path, by: str) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher) -> None:
        plan, under_test = stage.services.dialplan, callback_job(max_attempts=3)
        alice = replace(plan.destination("alice", field="agent"), confirm="1")
        monkeypatch = pytest.MonkeyPatch()
        monkeypatch.setattr(plan, "destination", lambda *_of, **_more: alice)
        dispatcher.submit(under_test)
        agent_side = await stage.phone()
        agent_side.answers()
        await asyncio.sleep(1)
        agent_side.presses("1")
        if by == "cancel":
            async with asyncio.timeout(5):
                await dispatcher.cancel(under_test)
        elif by == "begin_cancel":
            dispatcher.begin_cancel(under_test, "not wanted any more")
        else:
            await dispatcher.stop()
        await asyncio.sleep(1)
        assert agent_side.is_hung_up
        assert dispatcher.active == 0
        assert under_test.state == ("queued" if by == "stop" else "cancelled")
        assert stage.sip.phones.empty(), "the customer must not be called"

    run_with_dispatcher(tmp_path, script)
