"""An agent has to write back the outcome of a talk before they get the next one."""

import asyncio
from pathlib import Path

import pytest

from config.agents import Agent, AgentDefaults
from config.queues import Queue
from config.sections import Route, Trunk
from engine.errors import EngineError
from tests.support.engines.virtual import Script, VirtualEngine, run_engine
from tests.support.phones.virtual import Conduct, Step

CUSTOMERS = [f"+44207946011{number}" for number in range(3)]
TALKS = (Step(0.5, "answers"), Step(5, "hangs_up"))
STAYS = (Step(0.5, "answers"),)
BUSY = (Step(0.5, "is_busy"),)


def run_shop(tmp_path: Path, script: Script, customer: Conduct = TALKS) -> None:
    run_engine(
        tmp_path,
        script,
        conducts={"alice": [STAYS], **{one: [customer] for one in CUSTOMERS}},
        trunks=[Trunk(name="pbx", uri="sip:127.0.0.1:5071")],
        routes=[Route(prefix="+", trunks=["pbx"])],
        agent_defaults=AgentDefaults(outcomes=["sold", "lost"]),
        queues=[Queue(name="sales", outcome_required=True), Queue(name="help")],
        agents=[Agent(name="alice", uri="sip:alice@127.0.0.1:5080", queues=["sales", "help"])],
    )


async def state_of_alice(engine: VirtualEngine) -> tuple[str, str | None]:
    alice = await engine.ask("agent.get", agent="alice")
    return alice["state"], alice["outcome_due"]


def test_the_next_call_comes_when_the_outcome_is_written(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        for number, customer in enumerate(CUSTOMERS[:2]):
            await engine.ask("callback.request", id=f"j{number}", to=customer, queue="sales")
        await asyncio.sleep(100)
        assert await state_of_alice(engine) == ("wrap_up", "j0")
        assert (await engine.ask("callback.get", id="j1"))["attempts"] == []
        with pytest.raises(EngineError, match="the outcome of j0 first"):
            await engine.ask("agent.ready", agent="alice")
        with pytest.raises(EngineError, match="must be one of sold, lost"):
            await engine.ask("callback.annotate", id="j0", outcome="who knows")
        await engine.ask("callback.annotate", id="j0", outcome="sold")
        await asyncio.sleep(3)
        await engine.ask("callback.annotate", id="j1", outcome="lost")  # while they talk
        await asyncio.sleep(30)
        assert await state_of_alice(engine) == ("available", None)

    run_shop(tmp_path, script)


def test_a_customer_who_was_not_reached_has_no_outcome(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        await engine.ask("callback.request", id="j", to=CUSTOMERS[0], queue="sales")
        await asyncio.sleep(20)
        assert await state_of_alice(engine) == ("available", None)

    run_shop(tmp_path, script, BUSY)


def test_a_queue_that_asks_for_none_is_as_before(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        await engine.ask("callback.request", id="j", to=CUSTOMERS[0], queue="help")
        await asyncio.sleep(20)
        assert await state_of_alice(engine) == ("available", None)

    run_shop(tmp_path, script)
