"""The priority of an agent in a queue: who is asked first, and what they take first."""

import asyncio
from pathlib import Path
from typing import Any

from config.agents import Agent
from config.queues import Queue
from config.sections import Route, Trunk
from tests.support.engines.virtual import Script, VirtualEngine, run_engine
from tests.support.phones.virtual import Step

CUSTOMERS = [f"+44207946011{number}" for number in range(4)]
TALKS = (Step(0.5, "answers"), Step(60, "hangs_up"))
STAYS = (Step(0.5, "answers"),)


def run_shop(
    tmp_path: Path, script: Script, priorities: dict[str, dict[str, int]], **sales: Any
) -> None:
    run_engine(
        tmp_path,
        script,
        conducts={
            **{name: [STAYS] for name in priorities},
            **{one: [TALKS] for one in CUSTOMERS},
        },
        trunks=[Trunk(name="pbx", uri="sip:127.0.0.1:5071")],
        routes=[Route(prefix="+", trunks=["pbx"])],
        queues=[Queue(name="sales", **sales), Queue(name="service")],
        agents=[
            Agent(
                name=name,
                uri=f"sip:{name}@127.0.0.1:5080",
                queues=["sales", "service"],
                queue_priority=own,
            )
            for name, own in priorities.items()
        ],
    )


async def ask(engine: VirtualEngine, number: int, queue: str) -> None:
    await engine.ask("callback.request", id=f"j{number}", to=CUSTOMERS[number], queue=queue)
    await asyncio.sleep(2)


async def agents_of(engine: VirtualEngine) -> dict[str, str]:
    """The agent of each job that has been offered."""
    jobs = (await engine.ask("callback.list"))["jobs"]
    return {job["id"]: job["offers"][-1]["agent"] for job in jobs if job["offers"]}


def test_the_agents_of_the_highest_priority_are_asked_first(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        for number, queue in enumerate(("sales", "service", "sales")):
            await ask(engine, number, queue)
        assert await agents_of(engine) == {"j0": "zoe", "j1": "anna", "j2": "bert"}

    priorities = {"anna": {"sales": -1}, "bert": {}, "zoe": {"sales": 5}}
    run_shop(tmp_path, script, priorities, strategy="ordered")


def test_several_phones_ring_of_the_highest_priorities(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        await ask(engine, 0, "sales")
        rung = {name for name in ("anna", "bert", "zoe") if engine.world.network.by_user[name]}
        assert rung == {"bert", "zoe"}

    priorities = {"anna": {}, "bert": {"sales": 1}, "zoe": {"sales": 5}}
    run_shop(tmp_path, script, priorities, strategy="ring_several", ring_at_once=2)


def test_an_agent_of_two_queues_takes_the_one_that_comes_first_for_them(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        await engine.ask("agent.pause", agent="anna")
        for number, queue in enumerate(("sales", "service")):
            await ask(engine, number, queue)
        await engine.ask("agent.ready", agent="anna")
        await asyncio.sleep(2)
        assert await agents_of(engine) == {"j1": "anna"}
        shown = await engine.ask("agent.get", agent="anna")
        assert shown["queue_priority"] == {"service": 3}

    run_shop(tmp_path, script, {"anna": {"service": 3}})
