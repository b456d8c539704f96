"""Jobs for an agent by name."""

import asyncio
from pathlib import Path

from engine.acd.agents import AgentRegistry
from engine.callbacks.dispatcher import Dispatcher
from tests.support.queued_jobs import queued, talks
from tests.support.scene import Scene
from tests.support.staffed import run_with_staff


def test_a_named_agent_is_called_at_once_and_reserved_meanwhile(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        first, second = queued("first", agent="alice"), queued("second", agent="alice")
        assert dispatcher.will_start(first)
        dispatcher.submit(first)
        assert agents.known("alice").work == "first"
        assert not dispatcher.will_start(second)
        dispatcher.submit(second)
        assert stage.seen("queue.") == ["queue.joined"]
        _agent, customer = await talks(stage, first)
        assert stage.sip.phones.empty()
        assert second.state == "queued"
        customer.hangs_up()
        _agent, customer = await talks(stage, second)
        customer.hangs_up()
        await stage.ended(second)

    run_with_staff(tmp_path, script)


def test_a_named_agent_who_does_not_answer_is_not_paused_and_the_job_ends(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        for number in range(5):
            job = queued(f"job-{number}", agent="alice")
            dispatcher.submit(job)
            (await stage.phone()).refuses(486, "Busy Here")
            await stage.ended(job)
            assert (job.state, job.result) == ("failed", "busy")
            assert job.cause == "agent busy: 486 Busy Here, while dialing_agent"
        assert agents.known("alice").state == "available"

    run_with_staff(tmp_path, script)


def test_a_named_agent_is_tried_again_as_asked(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        job = queued(agent="alice", max_attempts=3)
        dispatcher.submit(job)
        for _ in range(3):
            (await stage.phone()).refuses(486)
        await stage.ended(job)
        assert [attempt.result for attempt in job.attempts] == ["busy"] * 3

    run_with_staff(tmp_path, script, retry_s=7.0)


def test_cancelling_a_job_that_waits_for_its_agent(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        job = queued(agent="alice")
        dispatcher.submit(job)
        await asyncio.sleep(10)
        await dispatcher.cancel(job)
        agents.ready("alice")
        await asyncio.sleep(10)
        assert stage.sip.phones.empty()

    run_with_staff(tmp_path, script)
