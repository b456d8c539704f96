"""Customer-first callbacks: the customer waits with hold sound, the agent is called after."""

import asyncio

from tests.support.engine_process import HOLD_HZ, Engine

from .conftest import MakeWire

AGENT_HZ, CUSTOMER_HZ, WHISPER_HZ = 600, 1500, 1100


async def test_the_customer_hears_hold_until_joined(engine: Engine, wire: MakeWire) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(
        customer_phone.uri,
        agent_phone.uri,
        order="customer_first",
        whisper={"tone": f"{WHISPER_HZ}/600"},
    )
    customer = await customer_phone.answer(tone_hz=CUSTOMER_HZ)
    agent = await agent_phone.answer(ring_s=0.6, tone_hz=AGENT_HZ)
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
    assert waiting.hears(HOLD_HZ, for_s=1.0)
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
        assert call.rtp.longest_gap_s() <= 0.06


async def test_the_customer_is_let_go_when_the_agent_is_busy(
    engine: Engine, wire: MakeWire
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
    engine: Engine, wire: MakeWire
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
    engine: Engine, wire: MakeWire
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
