"""Scripts of callbacks: agents and customers are asked before they are joined, and after it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest

from config.queues import Queue
from engine.callbacks.retry import Outcome
from engine.calls.announcing.whisper import Announcer
from engine.job import Job
from engine.scripts.record import ScriptRecord
from media.protocol.messages import Dtmf
from media.sources import Ringing
from tests.engine.callbacks.attempts.test_attempt import attempt
from tests.support.jobs import callback_job
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene, ScriptedSpeech, run_scene
from tests.support.scripts import script, step

Conduct = Callable[[Scene], Awaitable[None]]

ONE = step("ask", "menu", keys={"1": "go", "2": "no"}, timeout_s=5.0, tries=1)
GO, NO = step("go", "connect"), step("no", "hangup", cause="they did not want to")
PRESS_ONE = script(ONE, GO, NO, name="press-one")
LATER = script(
    step("phone", "gather", into="phone", next="kept"),
    step("kept", "set", values={"wants": "a call"}, next="later"),
    step("later", "callback", number="phone", failed="no"),
    NO, name="later",
)  # fmt: skip
SLOT = script(
    step("when", "callback", text="When?", slots=1, failed="no"), NO, name="slot"
)  # fmt: skip
SUPPORT = script(
    step("when", "callback", queue="support", text="When?", slots=1), name="support"
)  # fmt: skip
RATE = script(step("rate", "rating", timeout_s=5.0, tries=1), name="rate")
AGAIN = script(step("again", "callback"), name="again")


def run(tmp_path: Path, job: Job, conduct: Conduct) -> tuple[Scene, Outcome]:
    async def main(stage: Scene) -> tuple[Scene, Outcome]:
        stage.media.ends_announcements = True
        services = stage.services
        services.announcer = cast(Announcer, ScriptedSpeech())
        services.scripts.configure([PRESS_ONE, LATER, SLOT, SUPPORT, RATE, AGAIN], [])
        task = asyncio.create_task(attempt(stage, job).run())
        await conduct(stage)
        return stage, await asyncio.wait_for(task, 1000)

    return run_scene(tmp_path, main)


async def answers(stage: Scene) -> ScriptedPhone:
    phone = await stage.phone()
    phone.answers()
    await asyncio.sleep(0.5)
    return phone


async def press(stage: Scene, nth: int, *keys: str) -> None:
    """The party of the nth leg presses keys."""
    (call,) = stage.services.registry.calls.values()
    leg = call.legs[nth]
    for key in keys:
        leg.on_media(Dtmf(leg.id, key, 100))
        await asyncio.sleep(0.5)
    await asyncio.sleep(1)


def scripts_of(job: Job) -> list[ScriptRecord]:
    return job.attempts[-1].scripts


def test_both_press_one_to_be_connected(tmp_path: Path) -> None:
    job = callback_job(agent_script="press-one", customer_script="press-one")

    async def conduct(stage: Scene) -> None:
        await answers(stage)
        assert stage.seen("callback.") == ["callback.dialing_agent"]
        await press(stage, 0, "1")
        customer = await answers(stage)
        assert stage.seen("callback.")[-1] == "callback.dialing_customer"
        assert next(iter(stage.media.heard.values()))[-1] == Ringing("GB")
        await press(stage, 1, "1")
        assert stage.seen("callback.")[-1] == "callback.bridged"
        customer.hangs_up()

    _stage, outcome = run(tmp_path, job, conduct)
    assert (outcome.state, outcome.cause) == ("completed", "customer hung up")
    assert [(one.use, one.result, one.path) for one in scripts_of(job)] == [
        ("agent", "connect", ["ask", "go"]), ("customer", "connect", ["ask", "go"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "result", "retry_cause"),
    [((), "no_answer", "operator_missed"), (("2",), "declined", "operator_missed")],
)
def test_agent_who_is_not_connected_has_missed_it(
    tmp_path: Path, keys: tuple[str, ...], result: str, retry_cause: str
) -> None:
    job = callback_job(agent_script="press-one")

    async def conduct(stage: Scene) -> None:
        agent = await answers(stage)
        await press(stage, 0, *keys)
        await asyncio.sleep(8)
        assert agent.is_hung_up

    stage, outcome = run(tmp_path, job, conduct)
    assert (outcome.result, outcome.retry_cause) == (result, retry_cause)
    assert "callback.dialing_customer" not in stage.seen("callback.")


@pytest.mark.parametrize(
    ("keys", "result", "retry_cause"),
    [((), "no_answer", "no_answer"), ("2", "declined", "rejected")],
)
def test_customer_who_is_not_connected_is_not_reached(
    tmp_path: Path, keys: tuple[str, ...], result: str, retry_cause: str
) -> None:
    job = callback_job(customer_script="press-one")

    async def conduct(stage: Scene) -> None:
        agent = await answers(stage)
        await asyncio.sleep(3)
        customer = await answers(stage)
        await press(stage, 1, *keys)
        await asyncio.sleep(8)
        assert agent.is_hung_up and customer.is_hung_up

    _stage, outcome = run(tmp_path, job, conduct)
    assert (outcome.result, outcome.retry_cause) == (result, retry_cause)
    assert "script press-one" in outcome.cause


def test_customer_who_is_called_first_is_asked_before_the_agent_rings(tmp_path: Path) -> None:
    job = callback_job(
        order="customer_first", customer_script="press-one", agent_script="press-one"
    )

    async def conduct(stage: Scene) -> None:
        customer = await answers(stage)
        assert stage.sip.phones.empty()
        await press(stage, 0, "1")
        await answers(stage)
        await press(stage, 1, "1")
        await asyncio.sleep(3)
        customer.hangs_up()

    stage, outcome = run(tmp_path, job, conduct)
    assert outcome.state == "completed"
    assert stage.last("callback.bridged")


def test_customer_asks_to_be_called_at_another_number(tmp_path: Path) -> None:
    job = callback_job(customer_script="later", to="+442079461111")

    async def conduct(stage: Scene) -> None:
        await answers(stage)
        await asyncio.sleep(3)
        await answers(stage)
        await press(stage, 1, *"02079462222#")

    _stage, outcome = run(tmp_path, job, conduct)
    assert (outcome.result, job.dial_to) == ("callback", "+442079462222")
    assert outcome.not_before is not None
    assert job.request.context["wants"] == "a call"


def test_number_that_may_not_be_called_is_not(tmp_path: Path) -> None:
    job = callback_job(customer_script="later", to="+442079461111")

    async def conduct(stage: Scene) -> None:
        await answers(stage)
        await asyncio.sleep(3)
        await answers(stage)
        await press(stage, 1, *"999#")

    _stage, outcome = run(tmp_path, job, conduct)
    assert (outcome.result, job.dial_to) == ("declined", None)


def test_customer_chooses_another_time(tmp_path: Path) -> None:
    job = callback_job(customer_script="slot", to="+442079461111")

    async def conduct(stage: Scene) -> None:
        await answers(stage)
        await asyncio.sleep(3)
        await answers(stage)
        await press(stage, 1, "1")

    _stage, outcome = run(tmp_path, job, conduct)
    assert (outcome.result, outcome.not_before) == ("callback", 3600.0)


def test_customer_chooses_no_time_that_is_full_meanwhile(tmp_path: Path) -> None:
    taken = callback_job("job-2", agent=None, queue="sales", not_before=3700.0)
    job = callback_job(customer_script="slot", to="+442079461111", agent="alice", queue="sales")

    async def conduct(stage: Scene) -> None:
        stage.services.queues.start([Queue(name="sales")])
        await answers(stage)
        await asyncio.sleep(3)
        await answers(stage)
        stage.open_jobs.add_job(taken)
        await press(stage, 1, "1")
        stage.services.queues.stop()

    _stage, outcome = run(tmp_path, job, conduct)
    assert outcome.result == "declined"
    assert scripts_of(job)[0].path == ["when", "no"]


def test_customer_is_called_again_in_the_queue_of_the_step(tmp_path: Path) -> None:
    job = callback_job(customer_script="support", to="+442079461111", agent="alice")

    async def conduct(stage: Scene) -> None:
        stage.services.queues.start([Queue(name="support")])
        await answers(stage)
        await asyncio.sleep(3)
        await answers(stage)
        await press(stage, 1, "1")
        stage.services.queues.stop()

    _stage, outcome = run(tmp_path, job, conduct)
    assert (outcome.result, job.request.queue, job.request.agent) == ("callback", "support", None)


async def talk(stage: Scene) -> tuple[ScriptedPhone, ScriptedPhone]:
    agent = await answers(stage)
    await asyncio.sleep(3)
    customer = await answers(stage)
    await asyncio.sleep(3)
    return agent, customer


def test_customer_rates_the_talk(tmp_path: Path) -> None:
    job = callback_job(after_script="rate")

    async def conduct(stage: Scene) -> None:
        agent, customer = await talk(stage)
        agent.hangs_up()
        await asyncio.sleep(0.5)
        assert not customer.is_hung_up
        await press(stage, 1, "5")

    stage, outcome = run(tmp_path, job, conduct)
    assert (outcome.state, outcome.cause) == ("completed", "agent hung up")
    assert job.rating == 5
    assert stage.last("callback.annotated")["job"] == job.id
    assert scripts_of(job)[0].use == "after"


def test_customer_who_hangs_up_is_asked_nothing(tmp_path: Path) -> None:
    job = callback_job(after_script="rate")

    async def conduct(stage: Scene) -> None:
        _agent, customer = await talk(stage)
        customer.hangs_up()

    _stage, outcome = run(tmp_path, job, conduct)
    assert outcome.cause == "customer hung up"
    assert scripts_of(job) == []


@pytest.mark.parametrize("after", ["rate", "removed", "again"])
def test_talk_is_completed_whatever_follows_it(tmp_path: Path, after: str) -> None:
    job = callback_job(after_script=after)

    async def conduct(stage: Scene) -> None:
        agent, customer = await talk(stage)
        agent.hangs_up()
        await asyncio.sleep(0.5)
        customer.hangs_up()

    _stage, outcome = run(tmp_path, job, conduct)
    assert (outcome.state, outcome.cause) == ("completed", "agent hung up")
    assert outcome.not_before is None


def test_queue_has_a_script_for_after_the_talk(tmp_path: Path) -> None:
    job = callback_job(queue="sales")

    async def conduct(stage: Scene) -> None:
        stage.services.queues.start([Queue(name="sales", after_script="rate")])
        agent, _customer = await talk(stage)
        agent.hangs_up()
        await asyncio.sleep(0.5)
        await press(stage, 1, "3")
        stage.services.queues.stop()

    run(tmp_path, job, conduct)
    assert job.rating == 3
