"""Customer-first callbacks: the customer waits with hold sound, the agent is called after."""

import asyncio
from pathlib import Path

from tests.support.engines.process import HOLD_HZ, EngineClient, StartEngine
from tests.support.gaps import PauseLimit
from tests.support.phones.wire.phone import MakeWire
from tests.support.recording import write_tone_wav
from tests.support.waiting import until

AGENT_HZ, CUSTOMER_HZ, WHISPER_HZ, MOMENT_HZ = 600, 1500, 1100, 800


async def test_the_customer_hears_hold_until_joined(engine: EngineClient, wire: MakeWire) -> None:
    pauses = PauseLimit(engine.process)
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(
        customer_phone.uri,
        agent_phone.uri,
        order="customer_first",
        whisper={"tone": f"{WHISPER_HZ}/600"},
    )
    customer = await customer_phone.answer(tone_hz=CUSTOMER_HZ)
    agent = await agent_phone.called()
    agent.ring()
    await until(lambda: customer.rtp.heard().hears(HOLD_HZ, for_s=0.6))  # once it is loaded
    agent.accept()
    await agent.acknowledged()
    agent.rtp.send_tone(AGENT_HZ)
    await engine.state("bridged", job)
    await asyncio.sleep(0.9)
    agent.bye()
    await customer.receive("BYE")
    record = await engine.ended(job)
    assert engine.story(job) == [
        "queued",
        "dialing_customer",
        "holding",
        "dialing_agent",
        "whispering",
        "bridged",
        "completed",
    ]
    joined = record["bridged_at"]
    waiting = customer.rtp.heard(until=joined)
    assert waiting.hears(HOLD_HZ, for_s=0.9)
    assert not waiting.hears(WHISPER_HZ)
    assert customer.rtp.heard(joined + 0.2).hears(AGENT_HZ, for_s=0.5)
    assert not customer.rtp.heard(joined + 0.2).hears(HOLD_HZ)
    assert agent.rtp.heard(until=joined).hears(WHISPER_HZ)
    assert not agent.rtp.heard(until=joined).hears(CUSTOMER_HZ)
    assert agent.rtp.heard(joined + 0.2).hears(CUSTOMER_HZ, for_s=0.5)
    assert not customer.rtp.heard().hears(CUSTOMER_HZ)
    assert not agent.rtp.heard().hears(AGENT_HZ)
    for call in (agent, customer):
        assert call.rtp.flaws() == []
        assert call.rtp.longest_pause_s() <= pauses.limit_s(agent.rtp, customer.rtp)


async def test_the_customer_is_hung_up_when_the_agent_is_busy(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri, order="customer_first")
    customer = await customer_phone.answer()
    await agent_phone.refuse(486, "Busy Here")
    await customer.receive("BYE")
    record = await engine.ended(job)
    assert (record["state"], record["result"]) == ("failed", "busy")
    assert record["failure"]["side"] == "agent"
    assert record["failure"]["sip_status"] == 486


async def test_the_agent_is_cancelled_when_the_waiting_customer_hangs_up(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri, order="customer_first")
    customer = await customer_phone.answer()
    agent = await agent_phone.called()
    agent.ring()
    await engine.event("leg.ringing", job, role="agent")
    customer.bye()
    await agent.receive("CANCEL")
    record = await engine.ended(job)
    assert (record["state"], record["result"]) == ("failed", "hung_up")
    assert record["failure"]["side"] == "customer"
    assert record["failure"]["moment"] == "dialing_agent"


async def test_a_customer_who_does_not_answer_costs_the_agent_nothing(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(
        customer_phone.uri, agent_phone.uri, order="customer_first", ring_s=0.5
    )
    customer = await customer_phone.called()
    customer.ring()
    await customer.receive("CANCEL")
    record = await engine.ended(job)
    assert (record["state"], record["result"]) == ("failed", "no_answer")
    assert not agent_phone.messages.items


async def test_a_customer_left_alone_hears_so_is_counted_and_may_be_called_back(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    moment = write_tone_wav(tmp_path / "moment.wav", MOMENT_HZ, 0.6)
    engine = await own_engine(
        queues=[{"name": "sales"}],
        agents=[{"name": "alice", "uri": agent_phone.uri, "queues": ["sales"]}],
        rooms=[
            {
                "name": "sales",
                "callback_digit": "5",
                "texts": {"left_waiting": f"file:{moment}", "callback_taken": ""},
            }
        ],
    )
    await engine.line.call("agent.pause", agent="alice")
    asked = {"to": customer_phone.uri, "queue": "sales", "order": "customer_first"}
    job = (await engine.line.call("callback.request", **asked, context={"site": "shop"}))["id"]
    customer = await customer_phone.answer(tone_hz=CUSTOMER_HZ)
    left = await engine.event("customer.left_waiting", job)
    await asyncio.sleep(1.0)
    customer.rtp.send_digit(5)
    await customer.receive("BYE")
    again = await engine.event("callback.queued", job, nth=2)
    assert again["cause"] == "the customer asked to be called back"
    joined = await engine.event("queue.joined", job, nth=2)
    assert joined["waited_s"] > 2.5
    assert customer.rtp.heard(left["time"]).hears(MOMENT_HZ, for_s=0.4)

    await engine.line.call("agent.ready", agent="alice")
    agent = await agent_phone.answer(tone_hz=AGENT_HZ)
    second = await customer_phone.answer(tone_hz=CUSTOMER_HZ)
    await engine.state("bridged", job)
    await asyncio.sleep(0.5)
    agent.bye()
    await second.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"
    assert second.rtp.heard().hears(AGENT_HZ, for_s=0.3)
    report = await engine.line.call("report.site", site="shop")
    # Of two answers one was left alone: what the events say, and the report.
    assert (report["total"]["left_alone"], report["total"]["left_alone_30d"]) == (1, 1)
    assert report["total"]["left_alone_percent"] == 50.0
