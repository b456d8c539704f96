"""Jobs that wait for agents, in queues: who gets them, and when."""

import asyncio
from pathlib import Path

import pytest

from config.queues import Overflow, Queue
from engine.acd.agents import AgentRegistry
from engine.callbacks.dispatcher import Dispatcher
from engine.job import Failure, Request, RetryRule
from tests.support.queued_jobs import later, queued, talks
from tests.support.scene import Scene
from tests.support.staffed import run_with_staff


def test_a_job_of_a_queue_is_offered_to_a_free_agent(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        job = queued()
        dispatcher.submit(job)
        _agent, customer = await talks(stage, job)
        assert agents.known("alice").state == "talking"
        assert agents.known("alice").work == "job-1"
        customer.hangs_up()
        await stage.ended(job)
        assert job.state == "completed"
        (offer,) = job.offers
        assert (offer.agent, offer.queue, offer.result) == ("alice", "sales", "answered")
        assert list(stage.seen("queue.")) == [
            "queue.joined", "queue.offered", "queue.answered",
        ]  # fmt: skip

    run_with_staff(tmp_path, script)


def test_a_job_waits_until_an_agent_is_free_and_nobody_is_called_before(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice", "lunch")
        job = queued()
        dispatcher.submit(job)
        await asyncio.sleep(600)
        assert stage.sip.phones.empty()
        assert (job.state, job.queue_joined_at, job.under_way) == ("queued", 0.0, False)
        agents.ready("alice")
        _agent, customer = await talks(stage, job)
        customer.hangs_up()
        await stage.ended(job)

    run_with_staff(tmp_path, script)


def test_a_second_agent_is_offered_the_job_that_the_first_missed(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        job = queued(max_attempts=1)
        dispatcher.submit(job)
        first = await stage.phone()
        first.refuses(486)
        second = await stage.phone()
        assert second.invitation.target != first.invitation.target
        second.answers()
        customer = await stage.phone()
        customer.answers()
        await asyncio.sleep(1)
        customer.hangs_up()
        await stage.ended(job)
        assert job.state == "completed"
        assert [offer.result for offer in job.offers] == ["busy", "answered"]
        assert stage.seen("queue.").count("queue.joined") == 1

    run_with_staff(tmp_path, script, "alice", "bert")


def test_an_agent_is_rung_for_the_ring_time_of_the_queue(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        job = queued(ring_s=300.0)
        dispatcher.submit(job)
        agent = await stage.phone()
        agent.rings()
        await asyncio.sleep(19.5)
        assert not agent.is_hung_up
        await asyncio.sleep(1)
        assert agent.is_hung_up
        await dispatcher.cancel(job)

    run_with_staff(tmp_path, script)


def test_a_missed_job_keeps_its_place(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        first, second = queued("first"), queued("second")
        dispatcher.submit(first)
        (await stage.phone()).refuses(480)
        dispatcher.submit(second)
        # Alice has just left the first unanswered: she gets the second, and then the first.
        _agent, customer = await talks(stage, second)
        await asyncio.sleep(60)
        customer.hangs_up()
        _agent, customer = await talks(stage, first)
        assert first.queue_joined_at == 0.0
        customer.hangs_up()
        await stage.ended(first)

    run_with_staff(tmp_path, script)


def test_misses_cost_no_attempt_and_only_the_last_are_kept(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        job = queued(max_attempts=1)
        dispatcher.submit(job)
        for _ in range(30):
            (await stage.phone()).refuses(486)
        _agent, customer = await talks(stage, job)
        customer.hangs_up()
        await stage.ended(job)
        assert job.state == "completed"
        assert len(job.attempts) == 21

    run_with_staff(tmp_path, script, staffing={"defaults": {"missed_limit": 0}})


def test_a_retry_rule_for_operator_missed_ends_the_job(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        rule = RetryRule(attempts=2, spacing_s=(100.0,))
        job = queued(max_attempts=10, retry={"operator_missed": rule})
        dispatcher.submit(job)
        (await stage.phone()).refuses(486)
        (await stage.phone()).refuses(486)
        assert asyncio.get_running_loop().time() == pytest.approx(100.0)
        await stage.ended(job)
        assert (job.state, job.result) == ("failed", "busy")

    run_with_staff(tmp_path, script)


def test_a_customer_who_is_busy_is_tried_again_from_the_head_of_the_queue(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        rule = RetryRule(attempts=2, spacing_s=(50.0,))
        first = queued("first", retry={"busy": rule}, max_attempts=2)
        dispatcher.submit(first)
        (await stage.phone()).answers()
        (await stage.phone()).refuses(486)
        await asyncio.sleep(1)
        assert (first.state, first.attempts[0].retry_cause) == ("queued", "busy")
        agents.pause("alice")
        others = [queued(f"other-{number}") for number in range(3)]
        for other in others:
            dispatcher.submit(other)
        await asyncio.sleep(100)
        agents.ready("alice")
        _agent, customer = await talks(stage, first)
        customer.hangs_up()
        for other in others:
            _agent, customer = await talks(stage, other)
            customer.hangs_up()
        await stage.ended(others[-1])

    run_with_staff(tmp_path, script)


def test_a_retry_has_the_whole_waiting_time_again(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        job = later()
        dispatcher.submit(job)
        (await stage.phone()).answers()
        (await stage.phone()).refuses(486)
        await asyncio.sleep(1)
        agents.pause("alice")
        await asyncio.sleep(1300)
        assert job.state == "queued", job.cause
        agents.ready("alice")
        (await stage.phone()).refuses(486)  # alice misses it: the wait goes on
        await asyncio.sleep(1)
        assert (job.state, job.next_attempt_at) == ("queued", None)
        agents.pause("alice")
        await stage.ended(job)
        assert job.cause == "no operator within 500 s"
        assert job.failure == Failure(side="engine", moment="queued")
        assert job.ended_at == pytest.approx(1500.0, abs=1.0)

    run_with_staff(tmp_path, script, max_wait_s=500.0)


def test_a_retry_begins_the_overflow_of_its_queue_again(tmp_path: Path) -> None:
    step = Overflow(after_s=100.0, number="sip:partner@127.0.0.1:5099")

    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        job = later()
        dispatcher.submit(job)
        (await stage.phone()).answers()
        (await stage.phone()).refuses(486)
        await asyncio.sleep(1)
        agent, customer = await talks(stage, job)
        assert "alice" in agent.invitation.target, "who is free now"
        customer.hangs_up()
        await stage.ended(job)

    run_with_staff(
        tmp_path, script, queues=(Queue(name="sales", agents=["alice"], overflow=[step]),)
    )


@pytest.mark.parametrize("moment", ["waiting", "offered", "ringing", "answered", "dialing"])
def test_cancelling_in_every_state_frees_the_agent(tmp_path: Path, moment: str) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        if moment == "waiting":
            agents.pause("alice")
        job = queued()
        dispatcher.submit(job)
        if moment == "offered":
            assert agents.known("alice").state == "reserved"
        elif moment != "waiting":
            agent = await stage.phone()
            if moment != "ringing":
                agent.answers()
                if moment == "dialing":
                    await stage.phone()
                    await asyncio.sleep(1)
        await dispatcher.cancel(job)
        assert (job.state, job.result) == ("cancelled", "cancelled")
        assert agents.known("alice").state in ("available", "paused")
        await asyncio.sleep(100)
        assert stage.sip.phones.empty()

    run_with_staff(tmp_path, script)


@pytest.mark.parametrize("agent_is_first", [True, False])
def test_an_agent_who_hangs_up_as_the_customer_answers(
    tmp_path: Path, agent_is_first: bool
) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        job = queued(max_attempts=1)
        dispatcher.submit(job)
        agent = await stage.phone()
        agent.answers()
        customer = await stage.phone()
        customer.rings()
        await asyncio.sleep(1)
        if agent_is_first:
            agent.hangs_up()
            customer.answers()
        else:
            customer.answers()
            agent.hangs_up()
        await stage.ended(job)
        ends = [kind for kind in stage.seen("callback.") if kind.split(".")[1] in (
            "completed", "failed", "cancelled", "expired")]  # fmt: skip
        assert len(ends) == 1
        assert customer.is_hung_up
        assert agents.known("alice").state == "available"

    run_with_staff(tmp_path, script)


@pytest.mark.parametrize("cancel_is_first", [True, False])
def test_an_agent_who_answers_as_the_job_is_cancelled(
    tmp_path: Path, cancel_is_first: bool
) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        job = queued()
        dispatcher.submit(job)
        agent = await stage.phone()
        agent.rings()
        await asyncio.sleep(1)
        if cancel_is_first:
            cancelling = asyncio.ensure_future(dispatcher.cancel(job))
            await asyncio.sleep(0)
            agent.answers()
        else:
            agent.answers()
            cancelling = asyncio.ensure_future(dispatcher.cancel(job))
        await cancelling
        assert job.state == "cancelled"
        assert agent.is_hung_up
        assert agents.known("alice").state == "available"

    run_with_staff(tmp_path, script)


def test_a_customer_called_first_holds_until_an_agent_is_free(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        job = queued(order="customer_first")
        dispatcher.submit(job)
        customer = await stage.phone()
        customer.answers()
        await asyncio.sleep(30)
        assert job.state == "holding"
        dispatcher.changed(job)  # as another priority would
        agents.ready("alice")
        agent = await stage.phone()
        agent.answers()
        await asyncio.sleep(5)
        assert job.bridged_at is not None
        agent.hangs_up()
        await stage.ended(job)
        assert customer.is_hung_up

    run_with_staff(tmp_path, script)


def test_nobody_is_called_first_while_the_queue_is_full(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        waiting, job = queued("waiting"), queued(order="customer_first")
        dispatcher.submit(waiting)
        dispatcher.submit(job)
        await asyncio.sleep(10)
        assert stage.sip.phones.empty()
        await dispatcher.cancel(waiting)
        customer = await stage.phone()
        await dispatcher.cancel(job)
        assert customer.is_hung_up

    run_with_staff(tmp_path, script, queues=(Queue(name="sales", agents=["alice"], max_length=1),))


def test_a_new_priority_changes_the_place_in_the_queue(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        jobs = [queued(f"job-{number}") for number in range(3)]
        for job in jobs:
            dispatcher.submit(job)
        last = jobs[-1]
        last.request = Request(to=last.request.to, queue="sales", priority=5)
        dispatcher.changed(last)
        assert stage.services.queues is not None
        assert stage.services.queues.place(last.id) == 1
        agents.ready("alice")
        for job in (last, *jobs[:2]):
            _agent, customer = await talks(stage, job)
            customer.hangs_up()
            await stage.ended(job)

    run_with_staff(tmp_path, script)


def test_a_later_time_removes_a_job_from_the_queue_until_then(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        job = queued()
        dispatcher.submit(job)
        job.request = Request(to=job.request.to, queue="sales", not_before=100.0)
        dispatcher.changed(job)
        agents.ready("alice")
        _agent, customer = await talks(stage, job)
        assert asyncio.get_running_loop().time() == pytest.approx(100.1)
        customer.hangs_up()
        await stage.ended(job)

    run_with_staff(tmp_path, script)


def test_a_rescheduled_job_has_the_whole_waiting_time_then(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        job = queued()
        dispatcher.submit(job)
        for not_before in (9000.0, 4000.0):  # the second thought is an earlier time
            job.request = Request(to=job.request.to, queue="sales", not_before=not_before)
            dispatcher.changed(job)
        await stage.ended(job)
        assert job.cause == "no operator within 500 s"
        assert job.ended_at == pytest.approx(4500.0)

    run_with_staff(tmp_path, script, max_wait_s=500.0)


def test_jobs_of_an_earlier_engine_queue_in_the_order_of_their_places(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        await asyncio.sleep(100)
        jobs = [queued(f"job-{number}") for number in range(3)]
        for job, joined_at in zip(jobs, (50.0, 20.0, 30.0), strict=True):
            job.queue_joined_at = joined_at
        dispatcher.resume(jobs)
        agents.ready("alice")
        for job in (jobs[1], jobs[2], jobs[0]):
            _agent, customer = await talks(stage, job)
            customer.hangs_up()
            await stage.ended(job)

    run_with_staff(tmp_path, script)
