"""What ends the wait of a job, or sends it elsewhere: room, deadlines, overflow, hours."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.queues import Centre, Overflow, Queue, Share
from engine.acd.agents import AgentRegistry
from engine.acd.waiting import Waiting
from engine.callbacks.dispatcher import Dispatcher
from engine.routing.hours.opening_hours import OpeningHours
from tests.support.queued_jobs import queued, talks
from tests.support.scene import Scene
from tests.support.staffed import run_with_staff


def test_max_calls_holds_for_offers_as_well(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        jobs = [queued(f"job-{number}") for number in range(3)]
        for job in jobs:
            dispatcher.submit(job)
        for job in jobs:
            _agent, customer = await talks(stage, job)
            assert dispatcher.active == 1
            assert stage.sip.phones.empty()
            customer.hangs_up()
            await stage.ended(job)

    run_with_staff(tmp_path, script, "alice", "bert", "cleo", max_calls=1)


def test_an_offer_that_finds_no_room_is_given_back_when_the_job_is_cancelled(
    tmp_path: Path,
) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        first, second = queued("first"), queued("second")
        dispatcher.submit(first)
        agent = await stage.phone()
        dispatcher.submit(second)
        await asyncio.sleep(1)
        assert agents.known("bert").state == "reserved"
        await dispatcher.cancel(second)
        assert agents.known("bert").state == "available"
        await dispatcher.cancel(first)
        assert agent.is_hung_up

    run_with_staff(tmp_path, script, "alice", "bert", max_calls=1)


def test_a_deadline_ends_the_wait(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        job = queued(deadline=50.0)
        dispatcher.submit(job)
        await stage.ended(job)
        assert job.state == "expired"
        assert job.ended_at == pytest.approx(50.0)

    run_with_staff(tmp_path, script)


@pytest.mark.parametrize("who", [{"queue": "sales"}, {"agent": "alice"}])
def test_every_wait_has_a_limit(tmp_path: Path, who: dict[str, str]) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        job = queued(**who)
        dispatcher.submit(job)
        await stage.ended(job)
        assert (job.state, job.result) == ("failed", "unavailable")
        assert job.cause == "no operator within 500 s"
        assert job.ended_at == pytest.approx(500.0)

    run_with_staff(tmp_path, script, max_wait_s=500.0)


def test_a_job_that_its_queue_sends_away_ends(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        job = queued()
        dispatcher.submit(job)
        await stage.ended(job)
        assert (job.state, job.result) == ("failed", "unavailable")
        assert job.cause == "sent away by the queue: timeout"
        assert job.ended_at == pytest.approx(30.0, abs=0.2)

    run_with_staff(
        tmp_path, script, queues=(Queue(name="sales", agents=["alice"], max_wait_s=30.0),)
    )


def test_a_job_that_is_removed_from_the_queue_is_cancelled(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        job = queued()
        dispatcher.submit(job)
        assert stage.services.queues is not None
        stage.services.queues.remove("job-1")
        await stage.ended(job)
        assert job.state == "cancelled"

    run_with_staff(tmp_path, script)


def test_a_full_queue_is_tried_again(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        first, second = queued("first"), queued("second")
        dispatcher.submit(first)
        dispatcher.submit(second)
        assert second.scheduled == "queue sales is full: 1 are waiting"
        await asyncio.sleep(20)
        agents.ready("alice")
        for job in (first, second):
            _agent, customer = await talks(stage, job)
            customer.hangs_up()
            await stage.ended(job)
        assert second.queue_joined_at == 0.0

    run_with_staff(tmp_path, script, queues=(Queue(name="sales", agents=["alice"], max_length=1),))


def test_the_wait_for_a_full_queue_has_a_limit(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        first, second = queued("first"), queued("second")
        dispatcher.submit(first)
        dispatcher.submit(second)
        assert stage.services.queues is not None
        stage.services.queues.join(blocker())
        await stage.ended(second)
        assert second.cause == "queue sales is full: 1 are waiting"
        assert second.ended_at == pytest.approx(510.0)
        stage.services.queues.leave("blocker")

    def blocker() -> Waiting:
        """Takes the place of the first one, who is sent away in time."""
        now = asyncio.get_running_loop().time()
        return Waiting(
            id="blocker", kind="call", queue="sales", joined_at=now, is_back=True,
            on_offer=lambda _offer: None, on_leave=lambda _leave: None,
        )  # fmt: skip

    queue = Queue(name="sales", agents=["alice"], max_length=1)
    run_with_staff(tmp_path, script, queues=(queue,), max_wait_s=500.0)


def test_an_overflow_calls_the_outside_number_as_the_agent(tmp_path: Path) -> None:
    step = Overflow(after_s=10.0, number="sip:partner@127.0.0.1:5099")

    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        job = queued()
        dispatcher.submit(job)
        agent, customer = await talks(stage, job)
        assert agent.invitation.target == "sip:partner@127.0.0.1:5099"
        assert asyncio.get_running_loop().time() == pytest.approx(10.1)
        customer.hangs_up()
        await stage.ended(job)
        assert job.state == "completed"

    run_with_staff(
        tmp_path, script, queues=(Queue(name="sales", agents=["alice"], overflow=[step]),)
    )


def test_an_outside_number_that_does_not_answer_costs_no_attempt(tmp_path: Path) -> None:
    step = Overflow(after_s=10.0, number="sip:partner@127.0.0.1:5099")

    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        job, other = (
            queued(max_attempts=1),
            queued("other", max_attempts=1, to="sip:carl@127.0.0.1:5090"),
        )
        dispatcher.submit(job)
        for at in (10.0, 70.0):
            partner = await stage.phone()
            assert "partner" in partner.invitation.target
            assert asyncio.get_running_loop().time() == pytest.approx(at, abs=0.2)
            partner.refuses(486)
        await asyncio.sleep(40)
        agents.ready("alice")
        agent, customer = await talks(stage, job)
        assert "alice" in agent.invitation.target
        dispatcher.submit(other)
        (await stage.phone()).refuses(503)
        customer.hangs_up()
        await stage.ended(job)
        agent, customer = await talks(stage, other)
        assert "alice" in agent.invitation.target
        customer.hangs_up()
        await stage.ended(other)

    run_with_staff(
        tmp_path, script, queues=(Queue(name="sales", agents=["alice"], overflow=[step]),)
    )


def test_the_limit_of_the_queue_holds_across_outside_numbers(tmp_path: Path) -> None:
    step = Overflow(after_s=10.0, number="sip:partner@127.0.0.1:5099")

    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        job = queued()
        dispatcher.submit(job)
        for _ in range(2):
            (await stage.phone()).refuses(486)
        await stage.ended(job)
        assert job.cause == "sent away by the queue: timeout"
        assert job.ended_at == pytest.approx(100.0, abs=0.2)

    queue = Queue(name="sales", agents=["alice"], overflow=[step], max_wait_s=100.0)
    run_with_staff(tmp_path, script, queues=(queue,))


def test_a_job_that_an_outside_centre_does_not_answer_goes_to_any_agent(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        partner = Centre(name="partner", number="sip:partner@127.0.0.1:5099")
        shares = [Share(centre="partner", percent=1.0)]
        assert stage.services.queues is not None
        stage.services.queues.configure(
            [Queue(name="sales", agents=["alice"], shares=shares)], [partner]
        )
        job = queued(max_attempts=1)
        dispatcher.submit(job)
        phone = await stage.phone()
        assert "partner" in phone.invitation.target
        phone.refuses(486)
        agent, customer = await talks(stage, job)
        assert "alice" in agent.invitation.target
        customer.hangs_up()
        await stage.ended(job)

    run_with_staff(tmp_path, script)


class OpenFrom(OpeningHours):
    """Open from a moment on, for ever."""

    def __init__(self, opens_at: float) -> None:
        self._opens_at = opens_at

    def is_open(self, at: float) -> bool:
        return at >= self._opens_at

    def opens_at(self, at: float) -> float | None:
        return max(at, self._opens_at)

    def closes_at(self, at: float) -> float | None:
        return None


@pytest.mark.parametrize("when_closed", ["schedule", "refuse"])
def test_a_closed_queue_schedules_or_ends(tmp_path: Path, when_closed: Any) -> None:
    queue = Queue(name="sales", agents=["alice"], calendar="office", when_closed=when_closed)

    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        job = queued()
        dispatcher.submit(job)
        if when_closed == "refuse":
            assert (job.state, job.result) == ("failed", "unavailable")
            return
        assert (job.next_attempt_at, job.scheduled) == (500.0, "queue sales is closed")
        _agent, customer = await talks(stage, job)
        assert asyncio.get_running_loop().time() == pytest.approx(500.1)
        customer.hangs_up()
        await stage.ended(job)

    run_with_staff(
        tmp_path,
        script,
        queues=(queue,),
        staffing={"calendars": {"office": OpenFrom(500.0)}},
    )


class Closes(OpenFrom):
    """Closed from 100 s on until it opens again."""

    def is_open(self, at: float) -> bool:
        return at < 100.0 or super().is_open(at)

    def closes_at(self, at: float) -> float | None:
        return 100.0 if at < 100.0 else None


def test_a_job_that_waits_at_closing_time_waits_on_at_the_next_opening(tmp_path: Path) -> None:
    queue = Queue(
        name="sales", agents=["alice"], calendar="office", when_closed="schedule",
        at_closing="send_away",
    )  # fmt: skip

    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        job = queued()
        dispatcher.submit(job)
        await asyncio.sleep(101)
        assert (job.next_attempt_at, job.scheduled) == (9000.0, "queue sales is closed")
        await asyncio.sleep(9100)
        assert job.state == "queued", job.cause
        agents.ready("alice")
        _agent, customer = await talks(stage, job)
        customer.hangs_up()
        await stage.ended(job)

    run_with_staff(
        tmp_path, script, queues=(queue,), max_wait_s=500.0,
        staffing={"calendars": {"office": Closes(9000.0)}},
    )  # fmt: skip


def test_a_job_of_a_removed_queue_ends(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        job = queued(queue="support")
        dispatcher.resume([job])
        assert (job.state, job.result) == ("failed", "refused")

    run_with_staff(tmp_path, script)
