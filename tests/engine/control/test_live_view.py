"""What the live screen shows of queues and agents at this moment."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from config.agents import Agent
from config.queues import Queue
from config.settings import Settings
from engine.acd.agents import AgentRegistry
from engine.callbacks.dispatcher import Dispatcher
from engine.calls.call import Call
from engine.control.live_view import AgentView, Customers, QueueView
from engine.reports.history import History
from tests.support.jobs import callback_job
from tests.support.scene import Scene
from tests.support.staffed import run_with_staff

SALES = Queue(name="sales", agents=["alice", "bert"])


def settings(*queues: Queue) -> Settings:
    agents = [Agent(name=name, uri=f"sip:{name}@127.0.0.1") for name in ("alice", "bert")]
    return Settings(queues=list(queues), agents=agents)


class Ended:
    """The history, which knows the customer of one call that ended lately."""

    def customer_of(self, work: str) -> dict[str, str | None] | None:
        return {"number": "+44", "queue": None, "site": None} if work == "call-0" else None


def customers(stage: Scene, dispatcher: Dispatcher) -> Customers:
    return Customers(dispatcher, stage.services.registry, cast(History, Ended()))


def test_a_queue_as_it_is_now(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, _agents: AgentRegistry) -> None:
        view = QueueView(settings(SALES), stage.services.queues, customers(stage, dispatcher))
        assert view.names() == ["sales"]
        now = view.now("sales", 0.0)
        assert (now["paused"], now["open"], now["why_waiting"]) == (False, True, None)
        stage.services.queues.pause("sales")
        assert view.now("sales", 0.0)["paused"]
        assert view.now("nowhere", 0.0) == {}
        view.reconfigure(settings(SALES, Queue(name="support")))
        assert view.names() == ["sales", "support"]

    run_with_staff(tmp_path, script, "alice", "bert", queues=[SALES])


def test_an_agent_is_shown_with_the_customer_of_their_work(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        registry = stage.services.registry
        view = AgentView(agents, stage.services.queues, customers(stage, dispatcher))

        def shown(name: str) -> dict[str, object]:
            return next({**one} for one in view.all() if one["agent"] == name)

        assert shown("alice") | {"since": 0} == {
            "agent": "alice", "state": "available", "since": 0, "reason": "start", "work": None,
            "customer": None, "queues": ["sales"], "centre": None, "calls": 0, "talk_s": 0.0,
        }  # fmt: skip
        under_test = callback_job(agent=None, queue="sales", site="shop.example")
        dispatcher.submit(under_test)
        phone = await stage.phone()
        alice = shown("alice")
        assert (alice["state"], alice["work"]) == ("ringing", "job-1")
        assert alice["customer"] == {
            "number": "sip:bob@127.0.0.1:5090", "queue": "sales", "site": "shop.example",
        }  # fmt: skip
        caller = {"from": "anonymous", "queue": "sales", "context": {"site": "shop.example"}}
        registry.calls["call-1"] = Call("call-1", None, direction="inbound", about=caller)
        assert agents.reserve("bert", "call-1", 0.0)
        assert shown("bert")["customer"] == {
            "number": "anonymous", "queue": "sales", "site": "shop.example",
        }  # fmt: skip
        del registry.calls["call-1"]
        assert shown("bert")["customer"] is None
        agents.release("bert", "call-1")
        assert agents.reserve("bert", "call-0", 0.0)
        assert shown("bert")["customer"] == {"number": "+44", "queue": None, "site": None}
        agents.release("bert", "call-0")
        phone.refuses(486)
        dispatcher.begin_cancel(under_test, "enough")
        await stage.ended(under_test)

    run_with_staff(tmp_path, script, "alice", "bert", queues=[SALES])


def test_an_open_queue_expects_a_wait_from_what_it_has_seen(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, _agents: AgentRegistry) -> None:
        view = QueueView(settings(SALES), stage.services.queues, customers(stage, dispatcher))
        first = callback_job(agent=None, queue="sales")
        dispatcher.submit(first)
        await asyncio.sleep(0)
        for _ in range(2):
            (await stage.phone()).answers()
        await asyncio.sleep(60)
        dispatcher.begin_cancel(first, "enough")
        await stage.ended(first)
        now = asyncio.get_running_loop().time()
        assert view.now("sales", now)["expected_wait_s"] == pytest.approx(0.0, abs=1.0)

    run_with_staff(tmp_path, script, "alice", queues=[SALES])


def test_those_who_came_first_are_shown_over_all_queues(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        for name in ("alice", "bert"):
            agents.pause(name)
        view = QueueView(settings(SALES), stage.services.queues, customers(stage, dispatcher))
        jobs = []
        for number in range(3):
            jobs.append(callback_job(f"job-{number}", agent=None, queue="sales", priority=number))
            dispatcher.submit(jobs[-1])
            await asyncio.sleep(10)
        first, second = view.first_waiting(2, asyncio.get_running_loop().time())
        assert (first["id"], first["waited_s"], first["priority"]) == ("job-0", 30.0, 0)
        assert (second["id"], second["kind"], second["queue"]) == ("job-1", "callback", "sales")
        assert first["customer"] == {
            "number": "sip:bob@127.0.0.1:5090", "queue": "sales", "site": None,
        }  # fmt: skip
        for job in jobs:
            dispatcher.begin_cancel(job, "enough")
            await stage.ended(job)

    run_with_staff(tmp_path, script, "alice", "bert", queues=[SALES])
