"""A customer is kept for the agent who last talked to their number, in a callback or in a call."""

import asyncio
import time
from pathlib import Path
from typing import Any

from config.agents import Agent
from config.inbound import Inbound
from config.queues import Queue
from config.rules import Rule
from config.sections import Route, Trunk
from tests.support.engines.virtual import Script, VirtualEngine, run_engine
from tests.support.phones.virtual import SILENT, Step

SHOP, CUSTOMER, OTHER = "+442079460000", "+442079460123", "+442079460124"
TALKS = (Step(0.5, "answers"), Step(5, "hangs_up"))
STAYS = (Step(0.5, "answers"),)
LAST: dict[str, Any] = {"name": "last", "set": {"last_agent_days": 7}}


def run_shop(tmp_path: Path, script: Script) -> None:
    """A shop whose agent `anna` comes first in the queue, and `zoe` only where she is wanted."""
    run_engine(
        tmp_path,
        script,
        conducts={"anna": [STAYS], "zoe": [STAYS], CUSTOMER: [TALKS], OTHER: [TALKS]},
        trunks=[Trunk(name="pbx", uri="sip:127.0.0.1:5071")],
        routes=[Route(prefix="+", trunks=["pbx"])],
        queues=[Queue(name="sales", strategy="ordered", agents=["anna", "zoe"], known_agent_s=60)],
        inbound=[Inbound(name="shop", queue="sales")],
        rules=[Rule.model_validate(LAST)],
        agents=[Agent(name=name, uri=f"sip:{name}@127.0.0.1:5080") for name in ("anna", "zoe")],
    )


async def agent_of(engine: VirtualEngine, **request: Any) -> str:
    """Who talks in a callback."""
    job = await engine.ask("callback.request", **request)
    await asyncio.sleep(20)
    record = await engine.ask("record.get", id=job["id"])
    assert record["result"] == "completed"
    return str(record["agent"])


def test_the_agent_who_talked_last_gets_the_next_callback_and_the_next_call(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        assert await agent_of(engine, to=CUSTOMER, agent="zoe") == "zoe"
        explained = await engine.ask("route.explain", to=CUSTOMER, queue="sales")
        assert explained["set"]["known_agent"] == "zoe"
        assert await agent_of(engine, to=CUSTOMER, queue="sales") == "zoe"
        assert await agent_of(engine, to=OTHER, queue="sales") == "anna"
        call = engine.sip.call(CUSTOMER, SHOP, SILENT)
        await asyncio.sleep(5)
        call.act("hangs_up")
        await asyncio.sleep(5)
        assert (await engine.ask("record.list"))["records"][-1]["agent"] == "zoe"
        assert await agent_of(engine, to=CUSTOMER, queue="sales", known_agent="anna") == "anna"
        assert await agent_of(engine, to=CUSTOMER, queue="sales") == "anna"

    run_shop(tmp_path, script)


def test_a_talk_of_long_ago_no_longer_counts(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        assert await agent_of(engine, to=CUSTOMER, agent="zoe") == "zoe"
        week_later = time.time() + 8 * 86400
        explained = await engine.ask("route.explain", to=CUSTOMER, queue="sales", at=week_later)
        assert "known_agent" not in explained["set"]

    run_shop(tmp_path, script)
