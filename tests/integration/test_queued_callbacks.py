"""Callbacks that wait for agents: queues and busy agents, with real phones."""

import asyncio
from pathlib import Path

import pytest

from tests.support.engines.process import StartEngine
from tests.support.phones.errors import PeerError
from tests.support.phones.real.softphone import StartPhone
from tests.support.phones.wire.phone import MakeWire
from tests.support.recording import read_wav

AGENT_HZ, CUSTOMER_HZ = 600, 1500


async def test_the_second_agent_gets_the_callback_that_the_first_missed(
    own_engine: StartEngine, softphone: StartPhone, wire: MakeWire, tmp_path: Path
) -> None:
    absent = wire("absent")
    agent_side, customer = await asyncio.gather(
        softphone(user="agent", tone=AGENT_HZ, record=tmp_path / "agent.wav"),
        softphone(user="customer", tone=CUSTOMER_HZ, record=tmp_path / "customer.wav"),
    )
    engine = await own_engine(
        agents=[
            {"name": "anna", "uri": absent.uri},
            {"name": "bert", "uri": agent_side.uri},
        ],
        queues=[
            {"name": "sales", "strategy": "ordered", "agents": ["anna", "bert"], "ring_s": 1.0}
        ],
    )
    job = await engine.queued_callback(customer.uri, context={"site": "shop.example"})
    absent_call = await absent.called()
    absent_call.ring()
    missed = await engine.event("agent.offer_ended", job, agent="anna")
    assert missed["result"] == "no_answer"
    await absent_call.receive("CANCEL")
    absent_call.respond(487)
    bridged = await engine.state("bridged", job)
    await asyncio.sleep(1.0)
    customer.command("hangup")
    await agent_side.wait_for("state", state="disconnected")
    record = await engine.ended(job)
    assert (record["state"], record["queue"]) == ("completed", "sales")
    assert [(offer["agent"], offer["result"]) for offer in record["offers"]] == [
        ("anna", "no_answer"), ("bert", "answered"),
    ]  # fmt: skip
    story = [event["type"] for event in engine.line.events.items if event.get("job") == job]
    queue_story = [kind for kind in story if kind.startswith("queue.")]
    assert queue_story == [
        "queue.joined", "queue.offered", "queue.unanswered", "queue.offered", "queue.answered",
    ]  # fmt: skip
    (incoming,) = agent_side.seen("incoming")
    assert incoming["headers"]["X-Ringback-Site"] == "shop.example"
    await engine.assert_idle()
    await asyncio.gather(agent_side.stop(), customer.stop())
    heard = read_wav(tmp_path / "agent.wav", started=agent_side.seen("recording")[0]["time"])
    assert heard.at(bridged["time"] + 0.2, bridged["time"] + 0.9).hears(CUSTOMER_HZ, for_s=0.4)
    assert read_wav(tmp_path / "customer.wav", started=customer.seen("recording")[0]["time"]).hears(
        AGENT_HZ, for_s=0.4
    )


async def test_an_agent_gets_one_call_at_a_time_and_the_next_when_free(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    phone, customers = wire("anna"), [wire("one"), wire("two")]
    engine = await own_engine(agents=[{"name": "anna", "uri": phone.uri}])
    jobs = [await engine.queued_callback(customer.uri, agent="anna") for customer in customers]
    agent, customer = await phone.answer(), await customers[0].answer()
    await engine.state("bridged", jobs[0])
    with pytest.raises(PeerError, match="was not called"):
        await phone.called(timeout_s=0.5)
    assert (await engine.job(jobs[1]))["state"] == "queued"
    customer.bye()
    await agent.receive("BYE")
    await phone.answer()
    (await customers[1].answer()).bye()
    assert (await engine.ended(jobs[0]))["state"] == "completed"
    assert (await engine.ended(jobs[1]))["attempts"][0]["legs"][0]["role"] == "agent"
    await engine.assert_idle()


async def test_a_callback_waits_for_an_agent_and_may_be_cancelled_meanwhile(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    phone = wire("anna")
    engine = await own_engine(
        agents=[{"name": "anna", "uri": phone.uri, "login": "manual"}],
        queues=[{"name": "sales", "agents": ["anna"]}],
    )
    first, second = [await engine.queued_callback(wire("customer").uri) for _ in range(2)]
    await engine.event("queue.joined", second)
    await engine.line.call("callback.cancel", id=first)
    assert (await engine.job(first))["state"] == "cancelled"
    await engine.line.call("agent.login", agent="anna")
    call = await phone.called()
    call.ring()
    assert (await engine.job(second))["state"] == "dialing_agent"
    await engine.line.call("callback.cancel", id=second)
    await call.receive("CANCEL")
    call.respond(487)
    agents = await engine.line.call("agent.list")
    assert [agent["state"] for agent in agents["agents"]] == ["available"]
    await engine.assert_idle()
