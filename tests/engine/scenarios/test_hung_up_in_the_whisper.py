"""An agent who answers and hangs up in the whisper has missed the offer, whatever the strategy."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest

from config.agents import Agent
from config.inbound import Inbound as Route
from config.queues import Queue, StrategyName
from config.sections import Route as TrunkRoute
from config.sections import Trunk
from tests.support.engines.virtual import VirtualEngine, run_engine
from tests.support.invariants import Seen
from tests.support.phones.virtual import SILENT, Step

WHISPER = {"tone": "440/5000"}
DROPS = (Step(0.1, "answers"), Step(0.1, "hangs_up"))
SLOW = (Step(1.5, "rings"), Step(0.1, "answers"))
CUSTOMER = "+442079460222"
STRATEGIES = pytest.mark.parametrize("strategy", get_args(StrategyName))


def rung_by(
    tmp_path: Path,
    script: Callable[[VirtualEngine], Awaitable[None]],
    *,
    agents: tuple[str, ...] = ("alice", "bob"),
    missed_limit: int = 0,
    **queue: Any,
) -> list[float]:
    """Run a script in which alice drops every call. Returns when her phone was called."""
    times: list[float] = []

    async def main(engine: VirtualEngine) -> None:
        await script(engine)
        times.extend(call.began for call in engine.world.network.by_user["alice"])

    run_engine(
        tmp_path,
        main,
        conducts={"alice": [DROPS], "bob": [SLOW], CUSTOMER: [SLOW]},
        trunks=[Trunk(name="pbx", uri="sip:127.0.0.1:5071")],
        routes=[TrunkRoute(prefix="+", trunks=["pbx"])],
        queues=[Queue(name="q", agents=list(agents), **queue)],
        inbound=[Route(name="i", number="", queue="q", whisper="A caller of the shop")],
        agents=[
            Agent(name=name, uri=f"sip:{name}@127.0.0.1:5080", missed_limit=missed_limit)
            for name in agents
        ],
    )
    return times


def gaps(times: list[float]) -> list[float]:
    return [round(after - before, 1) for before, after in pairwise(times)]


@STRATEGIES
def test_a_caller_comes_to_the_colleague(tmp_path: Path, strategy: StrategyName) -> None:
    async def script(engine: VirtualEngine) -> None:
        seen = Seen()
        engine.daemon.events.listen(seen.listen)
        engine.sip.call("+442079461111", "+442079460000", SILENT)
        await asyncio.sleep(9)
        assert [event["agent"] for event in seen.of("call.bridged")] == ["bob"]
        alice = await engine.ask("agent.get", agent="alice")
        assert alice["missed"] == len(engine.world.network.by_user["alice"])

    rung = rung_by(tmp_path, script, strategy=strategy, ring_at_once=2)
    assert len(rung) <= 1


@STRATEGIES
@pytest.mark.parametrize("order", ["agent_first", "customer_first"])
def test_a_callback_is_withheld_from_them_too(
    tmp_path: Path, strategy: StrategyName, order: str
) -> None:
    async def script(engine: VirtualEngine) -> None:
        await engine.ask("callback.request", id="j", to=CUSTOMER, queue="q", order=order,
                         whisper=WHISPER)  # fmt: skip
        await asyncio.sleep(25)
        job = await engine.ask("callback.get", id="j")
        assert job["state"] in ("queued", "holding", "dialing_agent")
        assert len(engine.world.network.by_user[CUSTOMER]) == (order == "customer_first")

    rung = rung_by(tmp_path, script, agents=("alice",), strategy=strategy, again_s=10.0)
    assert len(rung) == 3
    assert gaps(rung) == pytest.approx([10.2, 10.2], abs=0.3)


@STRATEGIES
def test_there_is_a_second_between_two_offers_whatever_is_configured(
    tmp_path: Path, strategy: StrategyName
) -> None:
    async def script(engine: VirtualEngine) -> None:
        engine.sip.call("+442079461111", "+442079460000", SILENT)
        await asyncio.sleep(8)

    rung = rung_by(tmp_path, script, agents=("alice",), strategy=strategy, again_s=0.0)
    assert len(rung) > 3
    assert min(gaps(rung)) >= 1.0


def test_too_often_in_a_row_means_a_pause(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        engine.sip.call("+442079461111", "+442079460000", SILENT)
        await asyncio.sleep(30)
        alice = await engine.ask("agent.get", agent="alice")
        assert (alice["state"], alice["reason"]) == ("paused", "3 offers unanswered in a row")

    rung = rung_by(tmp_path, script, agents=("alice",), missed_limit=3, again_s=2.0)
    assert len(rung) == 3


def test_an_agent_who_is_named_is_rung_once_a_second_at_most(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        retry = {"operator_missed": {"attempts": 100, "spacing_s": [0.1]}}
        await engine.ask("callback.request", to=CUSTOMER, agent="alice", whisper=WHISPER,
                         retry=retry, max_attempts=100)  # fmt: skip
        await asyncio.sleep(9)

    times = rung_by(tmp_path, script)
    assert len(times) > 5
    assert min(gaps(times)) >= 1.0
