"""`call.hangup`: who is called by a callback is called no further, and the callback ends."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.agents import Agent
from config.inbound import Inbound
from config.queues import Queue
from config.sections import Trunk
from engine.errors import EngineError
from tests.support.engines.virtual import Script, VirtualEngine, run_engine
from tests.support.phones.virtual import MOBILE, SILENT
from tests.support.virtual_loop import turns_until

JOB = "mine"


def run_with_callback(tmp_path: Path, script: Script, **queue: Any) -> None:
    """Request a callback of a queue whose agents have a second phone, and run the script."""

    async def with_callback(engine: VirtualEngine) -> None:
        await engine.ask(
            "callback.request", id=JOB, to="sip:carol@127.0.0.1:5090", queue="sales", max_attempts=5
        )
        await script(engine)

    run_with_callers(tmp_path, with_callback, **queue)


def run_with_callers(tmp_path: Path, script: Script, **queue: Any) -> None:
    """Run the script where nobody waits yet, and callers come in by a trunk."""
    run_engine(
        tmp_path,
        script,
        trunks=[Trunk(name="pbx", uri="sip:127.0.0.1:5071")],
        inbound=[Inbound(name="shop", queue="sales")],
        queues=[Queue.model_validate({"name": "sales", "ring_s": 10.0} | queue)],
        agents=[
            Agent.model_validate({
                "name": name, "queues": ["sales"],
                "addresses": [
                    {"uri": f"sip:{name}@127.0.0.1:5080", "ring_s": 5.0},
                    {"uri": f"sip:{name}{MOBILE}@127.0.0.1:5080"},
                ],
            })
            for name in ("alice", "bert")
        ],
    )  # fmt: skip


async def call_of(engine: VirtualEngine) -> dict[str, Any]:
    (call,) = (await engine.ask("call.list"))["calls"]
    found: dict[str, Any] = call
    return found


@pytest.mark.parametrize("what", ["call", "leg"])
@pytest.mark.parametrize("strategy", ["ordered", "ring_several"])
def test_no_other_phone_of_an_agent_rings(tmp_path: Path, what: str, strategy: str) -> None:
    async def script(engine: VirtualEngine) -> None:
        network = engine.world.network
        (await network.call_of("alice")).act("rings")
        call = await call_of(engine)
        ref = call["call"] if what == "call" else call["legs"][0]["leg"]
        await engine.ask("call.hangup", **{what: ref})
        await asyncio.sleep(20)
        job = await engine.ask("callback.get", id=JOB)
        assert (job["state"], job["cause"]) == ("failed", "hung up by command")
        assert not network.interrupted_calls("alice") and not network.interrupted_calls("bert")
        assert not network.calls_of("alice" + MOBILE) and not network.calls_of("bert" + MOBILE)
        agents = (await engine.ask("agent.list"))["agents"]
        assert {(one["state"], one["missed"]) for one in agents} == {("available", 0)}

    run_with_callback(tmp_path, script, strategy=strategy)


def test_nobody_is_called_who_was_about_to_be(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        await turns_until(lambda: engine.daemon.registry.calls)
        call = await call_of(engine)
        assert not call["legs"]
        await engine.ask("call.hangup", call=call["call"])
        await asyncio.sleep(20)
        assert (await engine.ask("callback.get", id=JOB))["cause"] == "hung up by command"
        assert not engine.world.network.calls

    run_with_callback(tmp_path, script)


def test_a_leg_that_has_ended_cannot_be_hung_up(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        network = engine.world.network
        (await network.call_of("alice")).act("is_busy")
        (await network.call_of("alice" + MOBILE)).act("rings")
        first, _second = (await call_of(engine))["legs"]
        with pytest.raises(EngineError) as refused:
            await engine.ask("call.hangup", leg=first["leg"])
        assert (refused.value.kind, refused.value.field) == ("state", "leg")
        (await network.call_of("alice" + MOBILE)).act("answers")
        customer = await network.call_of("carol")
        customer.act("answers")
        await asyncio.sleep(5)
        customer.act("hangs_up")
        await asyncio.sleep(1)
        assert (await engine.ask("callback.get", id=JOB))["cause"] == "customer hung up"

    run_with_callback(tmp_path, script)


@pytest.mark.parametrize("strategy", ["ordered", "ring_several"])
def test_a_caller_whose_ringing_agent_is_hung_up_gets_another(
    tmp_path: Path, strategy: str
) -> None:
    async def script(engine: VirtualEngine) -> None:
        network = engine.world.network
        engine.sip.call("+442079461111", "+442079460000", SILENT)
        (await network.call_of("alice")).act("rings")
        call = await call_of(engine)
        leg = next(leg["leg"] for leg in call["legs"] if "alice" in leg["uri"])
        await engine.ask("call.hangup", leg=leg)
        bert = await network.call_of("bert")
        await asyncio.sleep(1)
        bert.act("answers")
        await asyncio.sleep(20)
        assert not network.calls_of("alice" + MOBILE)
        assert (await call_of(engine))["state"] == "bridged"
        states = {one["agent"]: one for one in (await engine.ask("agent.list"))["agents"]}
        assert (states["alice"]["state"], states["alice"]["missed"]) == ("available", 0)
        bert.act("hangs_up")
        await asyncio.sleep(1)

    run_with_callers(tmp_path, script, strategy=strategy)


def test_an_agent_hung_up_at_the_last_phone_is_called_no_further(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        network = engine.world.network
        caller = engine.sip.call("+442079461111", "+442079460000", SILENT)
        (await network.call_of("alice")).act("is_busy")
        mobile = await network.call_of("alice" + MOBILE)
        mobile.act("rings")
        await engine.ask("call.hangup", leg=(await call_of(engine))["legs"][-1]["leg"])
        assert not mobile.call.is_up
        await network.call_of("bert")
        assert len(network.calls_of("alice")) == 2
        await engine.ask("call.hangup", call=(await call_of(engine))["call"])
        await asyncio.sleep(1)
        assert not caller.call.is_up and not network.interrupted_calls("bert")
        assert not network.calls_of("bert" + MOBILE)

    run_with_callers(tmp_path, script, strategy="ordered")
