"""Somebody hangs up, or a command ends the callback, at every moment that there is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.control_line import Refused
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.gaps import AT_ONCE_S, KeptFromCores
from tests.support.phones.errors import PeerError
from tests.support.phones.wire.phone import MakeWire, WirePhone

LONG_WHISPER = {"tone": "1100/20000"}


async def test_the_agent_hangs_up_during_the_whisper(engine: EngineClient, wire: MakeWire) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri, whisper=LONG_WHISPER)
    agent = await agent_phone.answer()
    await engine.state("whispering", job)
    await asyncio.sleep(0.2)
    agent.bye()
    record = await engine.ended(job)
    assert (record["state"], record["result"]) == ("failed", "hung_up")
    assert record["failure"]["side"] == "agent"
    assert record["failure"]["moment"] == "whispering"
    assert not customer_phone.messages.items


async def test_the_agent_hangs_up_while_the_customer_rings(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.answer()
    customer = await customer_phone.called()
    customer.ring()
    await engine.event("leg.ringing", job, role="customer")
    kept = KeptFromCores.of(engine.process)
    sent = agent.bye()
    cancel = await customer.receive("CANCEL")
    assert cancel.time - sent < AT_ONCE_S + kept.s
    await customer.acknowledged()
    record = await engine.ended(job)
    assert (record["state"], record["result"]) == ("failed", "hung_up")
    assert record["failure"]["side"] == "agent"
    assert record["failure"]["moment"] == "dialing_customer"


async def test_the_customers_200_crosses_the_cancel(engine: EngineClient, wire: MakeWire) -> None:
    """RFC 3261 9.1: what is answered after all is acknowledged, then hung up."""
    agent_phone, customer_phone = wire("agent"), wire("customer")
    customer_phone.answers_cancel = False
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.answer()
    customer = await customer_phone.called()
    customer.ring()
    await engine.event("leg.ringing", job, role="customer")
    agent.bye()
    cancel = await customer.receive("CANCEL")
    customer.accept()
    customer.respond(200, request=cancel)
    await customer.acknowledged()
    await customer.receive("BYE")
    record = await engine.ended(job)
    assert (record["state"], record["result"]) == ("failed", "hung_up")


async def test_a_phone_whose_200_crossed_the_cancel_rings_again_once_its_bye_is_answered(
    engine: EngineClient, wire: MakeWire
) -> None:
    phone = wire("agent")
    phone.answers_cancel = phone.answers_bye = False
    given_up = await engine.callback(wire("customer").uri, phone.uri)
    first = await phone.called()
    first.ring()
    await engine.event("leg.ringing", given_up)
    await engine.line.call("callback.cancel", id=given_up)
    cancel = await first.receive("CANCEL")
    await engine.callback(wire("customer").uri, phone.uri, id="next")
    first.accept()
    first.respond(200, request=cancel)
    bye = await first.receive("BYE")
    with pytest.raises(PeerError, match="was not called"):
        await phone.called(timeout_s=1.0)
    answered = first.respond(200, request=bye)
    again = await phone.called()
    assert again.invite.time >= answered
    phone.answers_cancel = True
    again.ring()
    await engine.line.call("callback.cancel", id="next")
    await again.receive("CANCEL")


Seen = Callable[[], Awaitable[object]]
Reach = Callable[[EngineClient, str, WirePhone, WirePhone], Awaitable[Seen]]


async def queued(engine: EngineClient, job: str, agent: WirePhone, customer: WirePhone) -> Seen:
    return lambda: asyncio.sleep(0)


async def dialing_agent(
    engine: EngineClient, job: str, agent: WirePhone, customer: WirePhone
) -> Seen:
    call = await agent.called()
    call.ring()
    await engine.event("leg.ringing", job)
    return lambda: call.receive("CANCEL")


async def whispering(engine: EngineClient, job: str, agent: WirePhone, customer: WirePhone) -> Seen:
    call = await agent.answer()
    await engine.state("whispering", job)
    return lambda: call.receive("BYE")


async def dialing_customer(
    engine: EngineClient, job: str, agent: WirePhone, customer: WirePhone
) -> Seen:
    agent_call = await agent.answer()
    call = await customer.called()
    call.ring()
    await engine.event("leg.ringing", job, role="customer")
    return lambda: asyncio.gather(agent_call.receive("BYE"), call.receive("CANCEL"))


async def bridged(engine: EngineClient, job: str, agent: WirePhone, customer: WirePhone) -> Seen:
    calls = [await agent.answer(), await customer.answer()]
    await engine.state("bridged", job)
    return lambda: asyncio.gather(*(call.receive("BYE") for call in calls))


async def customer_waits(
    engine: EngineClient, job: str, agent: WirePhone, customer: WirePhone
) -> Seen:
    call = await customer.answer()
    agent_call = await agent.called()
    agent_call.ring()
    await engine.event("leg.ringing", job, role="agent")
    return lambda: asyncio.gather(call.receive("BYE"), agent_call.receive("CANCEL"))


async def whispering_while_the_customer_waits(
    engine: EngineClient, job: str, agent: WirePhone, customer: WirePhone
) -> Seen:
    calls = [await customer.answer(), await agent.answer()]
    await engine.state("whispering", job)
    return lambda: asyncio.gather(*(call.receive("BYE") for call in calls))


STATES: list[tuple[Reach, dict[str, Any]]] = [
    (queued, {"not_before": 4e9}),
    (dialing_agent, {}),
    (whispering, {"whisper": LONG_WHISPER}),
    (dialing_customer, {}),
    (bridged, {}),
    (customer_waits, {"order": "customer_first"}),
    (
        whispering_while_the_customer_waits,
        {"order": "customer_first", "whisper": LONG_WHISPER},
    ),
]


@pytest.mark.parametrize(("reach", "params"), STATES)
async def test_a_job_can_be_cancelled_in_every_state(
    engine: EngineClient, wire: MakeWire, reach: Reach, params: dict[str, Any]
) -> None:
    agent, customer = wire("agent"), wire("customer")
    job = await engine.callback(customer.uri, agent.uri, **params)
    seen = await reach(engine, job, agent, customer)
    reply = await engine.line.call("callback.cancel", id=job)
    assert reply["state"] == "cancelled"
    await seen()
    record = await engine.ended(job)
    assert (record["state"], record["result"]) == ("cancelled", "cancelled")
    with pytest.raises(Refused) as refused:
        await engine.line.call("callback.cancel", id=job)
    assert refused.value.data["kind"] == "state"


async def test_a_call_can_be_hung_up_by_command(engine: EngineClient, wire: MakeWire) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.answer()
    customer = await customer_phone.answer()
    await engine.state("bridged", job)
    (call,) = (await engine.line.call("call.list"))["calls"]
    assert call["job"] == job
    await engine.line.call("call.hangup", call=call["call"])
    await asyncio.gather(agent.receive("BYE"), customer.receive("BYE"))
    record = await engine.ended(job)
    assert record["state"] == "completed"
    assert "command" in record["cause"]


async def test_a_phone_that_falls_silent_is_hung_up(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    """No BYE, no RTP any more: the cable has been pulled."""
    engine = await own_engine(media={"timeout_s": 0.8})
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.answer(tone_hz=600)
    customer = await customer_phone.answer(tone_hz=1500)
    await engine.state("bridged", job)
    await asyncio.sleep(0.4)
    customer.rtp.fall_silent()
    await agent.receive("BYE")
    record = await engine.ended(job)
    assert record["result"] == "no_media"
    assert record["failure"]["side"] == "customer"
