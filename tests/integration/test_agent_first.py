"""Agent-first callbacks that go well: who hears what, when, and what is published.

The phones are bare wire, so that every packet and its time of arrival counts.
"""

import asyncio

import pytest

from tests.support.engines.process import EngineClient
from tests.support.gaps import AT_ONCE_S, KeptFromCores, PauseLimit
from tests.support.phones.wire.phone import MakeWire, WireCall
from tests.support.talk import AGENT_HZ, CUSTOMER_HZ, TONES, Talk, begin_talk

WHISPER_HZ, HOLD_HZ = 1100, 350
RINGING_HZ = 400  # of the British ringback tone, 400 + 450 Hz


async def whispered_talk(
    engine: EngineClient, wire: MakeWire, *, ring_s: float, talk_s: float
) -> Talk:
    """An agent-first callback with a whisper of 0.8 s, up to the moment before hanging up."""
    whisper = {"tone": f"{WHISPER_HZ}/800"}
    talk = await begin_talk(engine, wire, tones=TONES, ring_s=ring_s, whisper=whisper)
    await asyncio.sleep(talk_s)
    return talk


async def test_each_side_hears_what_it_should_at_every_moment(
    engine: EngineClient, wire: MakeWire
) -> None:
    job, agent, customer = await whispered_talk(engine, wire, ring_s=1.2, talk_s=1.2)
    customer.bye()
    await agent.receive("BYE")
    record = await engine.ended(job)
    assert (record["state"], record["result"]) == ("completed", "completed")
    assert record["cause"] == "customer hung up"
    agent_leg, customer_leg = record["attempts"][0]["legs"]

    whispering = agent.rtp.heard(agent_leg["answered"], customer_leg["started"])
    assert whispering.hears(WHISPER_HZ, for_s=0.6)
    assert not whispering.hears(RINGING_HZ)
    ringing = agent.rtp.heard(customer_leg["started"], customer_leg["answered"])
    assert ringing.hears(RINGING_HZ) and not ringing.between(0.1).hears(WHISPER_HZ)
    talking = agent.rtp.heard(customer_leg["answered"] + 0.2)
    assert talking.hears(CUSTOMER_HZ, for_s=0.8)
    assert not talking.hears(RINGING_HZ) and not talking.hears(WHISPER_HZ)
    assert not agent.rtp.heard().hears(AGENT_HZ)
    assert not agent.rtp.heard().hears(HOLD_HZ)

    heard = customer.rtp.heard()
    assert heard.hears(AGENT_HZ, for_s=0.8)
    for hz in (CUSTOMER_HZ, WHISPER_HZ, RINGING_HZ, HOLD_HZ):
        assert not heard.hears(hz)


async def test_each_side_gets_one_unbroken_stream(engine: EngineClient, wire: MakeWire) -> None:
    pauses = PauseLimit(engine.process)
    job, agent, customer = await whispered_talk(engine, wire, ring_s=0.3, talk_s=0.8)
    limit_s = pauses.limit_s(agent.rtp, customer.rtp)
    agent.bye()
    await customer.receive("BYE")
    await engine.ended(job)
    for call in (agent, customer):
        assert call.rtp.flaws() == []
        assert call.rtp.longest_pause_s() <= limit_s
        # No burst when the source changes; a worker that was kept from its core catches up.
        gap_s = call.rtp.longest_gap_s()
        assert most_packets_within(call, 0.02) <= max(4, 2 + gap_s / 0.02)


def most_packets_within(call: WireCall, span_s: float) -> int:
    times = [packet.time for packet in call.rtp.packets]
    return max(sum(start <= time < start + span_s for time in times) for start in times)


async def test_events_and_record_follow_the_call_in_order(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    context = {"site": "shop.example", "visitor": {"pages": 3}}
    job = await engine.callback(customer_phone.uri, agent_phone.uri, context=context)
    agent = await agent_phone.answer(ring_s=0.1)
    customer = await customer_phone.answer(ring_s=0.1)
    await engine.state("bridged", job)
    agent.bye()
    await customer.receive("BYE")
    record = await engine.ended(job)
    assert engine.story(job) == [
        "queued",
        "dialing_agent",
        "whispering",
        "dialing_customer",
        "bridged",
        "completed",
    ]
    assert record["cause"] == "agent hung up"
    agent_leg, customer_leg = record["attempts"][0]["legs"]
    assert (agent_leg["role"], customer_leg["role"]) == ("agent", "customer")
    assert agent_leg["uri"] == agent_phone.uri
    for leg in (agent_leg, customer_leg):
        assert leg["started"] < leg["ringing"] < leg["answered"] < leg["ended"]
        assert leg["sip_status"] == 200
    assert agent_leg["answered"] < customer_leg["started"]
    assert customer_leg["answered"] <= record["bridged_at"] <= record["ended_at"]
    mine = engine.line.events.that(lambda event: event.get("job") == job)
    kinds = [event["type"] for event in mine]
    for kind in ("leg.dialing", "leg.ringing", "leg.answered", "bridge.joined", "leg.ended"):
        assert kinds.count(kind) == 2, kinds
    assert all(event["context"] == context for event in mine)
    numbers = [event["seq"] for event in engine.line.events.items]
    assert numbers == sorted(set(numbers))


async def test_the_context_reaches_the_agents_phone_only(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(
        customer_phone.uri, agent_phone.uri, context={"site": "shop.example\r\nX-Evil: 1"}
    )
    agent = await agent_phone.answer()
    customer = await customer_phone.answer()
    assert agent.invite["x-ringback-job"] == job
    assert agent.invite["x-ringback-site"] == "shop.example X-Evil: 1"
    assert not customer.invite.all("x-ringback-job")
    agent.bye()
    await engine.ended(job)


async def test_a_hang_up_reaches_the_other_side_at_once(
    engine: EngineClient, wire: MakeWire
) -> None:
    """Both times are the wire's: of sending here, of arrival by the kernel."""
    for first in ("agent", "customer"):
        job, agent, customer = await whispered_talk(engine, wire, ring_s=0.0, talk_s=0.1)
        ends, other = (agent, customer) if first == "agent" else (customer, agent)
        kept = KeptFromCores.of(engine.process)
        sent = ends.bye()
        bye = await other.receive("BYE")
        answer = await ends.receive("200")
        assert max(bye.time, answer.time) - sent < AT_ONCE_S + kept.s
        await engine.ended(job)


@pytest.mark.parametrize("seconds", [0.4])
async def test_the_maximum_duration_ends_the_talk(
    engine: EngineClient, wire: MakeWire, seconds: float
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri, max_duration_s=seconds)
    agent = await agent_phone.answer()
    customer = await customer_phone.answer()
    byes = [await call.receive("BYE") for call in (agent, customer)]
    record = await engine.ended(job)
    assert record["state"] == "completed"
    assert "maximum duration" in record["cause"]
    assert all(seconds - 0.05 < bye.time - record["bridged_at"] < seconds + 0.5 for bye in byes)


async def test_a_customer_whose_machine_answered_is_called_again(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    retry = {"machine": {"attempts": 2, "spacing_s": [0.5]}}
    job = await engine.callback(customer_phone.uri, agent_phone.uri, retry=retry)
    agent, mailbox = await agent_phone.answer(), await customer_phone.answer()
    bridged = await engine.state("bridged", job)
    await engine.line.call("callback.annotate", id=job, outcome="machine")
    await engine.line.call("call.hangup", call=bridged["call"])
    await asyncio.gather(agent.receive("BYE"), mailbox.receive("BYE"))
    queued = await engine.event("callback.queued", job, nth=2)
    assert queued["next_attempt_at"] > queued["time"]
    agent, _customer = await agent_phone.answer(), await customer_phone.answer()
    await engine.event("callback.bridged", job, nth=2)
    agent.bye()
    record = await engine.ended(job)
    assert (record["state"], record["outcome"]) == ("completed", None)
    assert [one["result"] for one in record["attempts"]] == ["machine", "completed"]
