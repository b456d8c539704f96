"""Rules that look at who waits and who is free: the request goes where they say, as explained."""

import asyncio
from pathlib import Path
from typing import Any

from config.agents import Agent
from config.inbound import Inbound
from config.queues import Queue
from config.rules import Rule
from config.sections import Route, Trunk
from tests.support.engines.virtual import Script, VirtualEngine, run_engine
from tests.support.phones.virtual import SILENT, Step

SHOP, CALLERS = "+442079460000", [f"+44207946111{number}" for number in range(3)]
TALKS = (Step(0.5, "answers"), Step(600, "hangs_up"))

FULL_HOUSE: dict[str, Any] = {
    "name": "full_house",
    "match": {"waiting": {"queue": "sales", "min": 1}},
    "set": {"queue": "help"},
}
NOBODY_FREE: dict[str, Any] = {
    "name": "nobody_free",
    "match": {"queue": "sales", "agents_free": {"max": 0}},
    "set": {"queue": "help"},
}


def run_shop(tmp_path: Path, script: Script, rule: dict[str, Any]) -> None:
    run_engine(
        tmp_path,
        script,
        conducts={"alice": [TALKS]},
        trunks=[Trunk(name="pbx", uri="sip:127.0.0.1:5071")],
        routes=[Route(prefix="+", trunks=["pbx"])],
        queues=[Queue(name="sales"), Queue(name="help")],
        inbound=[Inbound(name="shop", queue="sales")],
        rules=[Rule.model_validate(rule)],
        agents=[Agent(name="alice", uri="sip:alice@127.0.0.1:5080", queues=["sales"])],
    )


async def queue_of(engine: VirtualEngine, user: str) -> str:
    """The queue that a call enters, which is the one that is explained."""
    explained = await engine.ask("route.explain", to=user, from_trunk="pbx", dialled=SHOP)
    engine.sip.call(user, SHOP, SILENT)
    await asyncio.sleep(2)
    for call in (await engine.ask("call.list"))["calls"]:
        if call["context"]["caller"] == user:
            assert explained["queue"]["queue"] == call["queue"]
            return str(call["queue"])
    raise AssertionError(f"{user} has no call")


def test_one_more_who_would_wait_goes_elsewhere(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        found = [await queue_of(engine, user) for user in CALLERS]
        assert found == ["sales", "sales", "help"]  # the first talks, the second waits

    run_shop(tmp_path, script, FULL_HOUSE)


def test_where_no_agent_is_free_the_call_goes_elsewhere(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        found = [await queue_of(engine, user) for user in CALLERS[:2]]
        assert found == ["sales", "help"]

    run_shop(tmp_path, script, NOBODY_FREE)
