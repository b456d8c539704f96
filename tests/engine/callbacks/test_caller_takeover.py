"""A call of a customer whose callback waits in the same queue: what becomes of the callback."""

import asyncio
from pathlib import Path

import pytest

from config.queues import Queue
from engine.acd.agents import AgentRegistry
from engine.callbacks.caller_takeover import CallerTakeover
from engine.callbacks.dispatcher import Dispatcher
from engine.job import Job, Request
from tests.support.scene import Scene
from tests.support.staffed import run_with_staff

NUMBER = "+442079460123"
QUEUES = [Queue(name="sales", agents=["alice"]), Queue(name="support", agents=["alice"])]


def waiting(name: str, created: float, queue: str = "sales", called: str = NUMBER) -> Job:
    request = Request(to="sip:bob@127.0.0.1", queue=queue)
    return Job(id=name, request=request, created=created, called=called)


def test_the_call_gets_the_oldest_position_of_its_queue(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        takeover = CallerTakeover(dispatcher)
        assert takeover.begin(NUMBER, "sales") is None
        jobs = []
        for name, queue, called in (
            ("first", "sales", NUMBER),
            ("second", "sales", NUMBER),
            ("elsewhere", "support", NUMBER),
            ("another", "sales", "+442079460777"),
        ):
            jobs.append(waiting(name, asyncio.get_running_loop().time(), queue, called))
            dispatcher.submit(jobs[-1])
            await asyncio.sleep(10)
        position = jobs[0].queue_joined_at
        assert position == pytest.approx(0.0, abs=0.1)
        assert takeover.position_of(NUMBER, "sales") == position
        assert takeover.position_of(NUMBER, "support") == jobs[2].queue_joined_at
        assert takeover.position_of(None, "sales") is None
        assert takeover.begin(NUMBER, "sales") == position
        for job in jobs:
            dispatcher.begin_cancel(job, "enough")
        for job in jobs:
            await stage.ended(job)

    run_with_staff(tmp_path, script, queues=QUEUES)


def test_callbacks_of_the_queue_are_done_when_the_caller_has_talked(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        agents.pause("alice")
        takeover = CallerTakeover(dispatcher)
        here, there = waiting("here", 0.0), waiting("there", 0.0, "support")
        for job in (here, there):
            dispatcher.submit(job)
        await asyncio.sleep(1)
        takeover.end_callbacks(NUMBER, "sales")
        await stage.ended(here)
        assert (here.state, here.cause) == (
            "cancelled", "the customer has called, and talked to an operator",
        )  # fmt: skip
        assert there.state == "queued"
        dispatcher.begin_cancel(there, "enough")
        await stage.ended(there)

    run_with_staff(tmp_path, script, queues=QUEUES)


def test_a_customer_who_is_being_called_already_is_not_cancelled(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, _agents: AgentRegistry) -> None:
        takeover = CallerTakeover(dispatcher)
        job = waiting("here", 0.0)
        dispatcher.submit(job)
        (await stage.phone()).answers()
        customer = await stage.phone()
        assert job.state == "dialing_customer"
        takeover.end_callbacks(NUMBER, "sales")
        await asyncio.sleep(1)
        assert job.state == "dialing_customer"
        customer.refuses(486)
        await stage.ended(job)

    run_with_staff(tmp_path, script, queues=QUEUES)
