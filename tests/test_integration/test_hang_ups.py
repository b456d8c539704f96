"""Somebody hangs up, or a command ends the callback, at every moment that there is."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.support.control_line import Refused
from tests.support.engine_process import Engine
from tests.support.wire_phone import WirePhone

from .conftest import MakeWire

LONG_WHISPER = {"tone": "1100/20000"}


async def test_the_agent_hangs_up_during_the_whisper(engine: Engine, wire: MakeWire) -> None:
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


async def test_the_agent_hangs_up_while_the_customer_rings(engine: Engine, wire: MakeWire) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.answer()
    customer = await customer_phone.called()
    customer.ring()
    await engine.event("leg.ringing", job, role="customer")
    sent = agent.bye()
    cancel = await customer.receive("CANCEL")
    assert cancel.time - sent < 0.1
    await customer.acknowledged()
    record = await engine.ended(job)
    assert (record["state"], record["result"]) == ("failed", "hung_up")
    assert record["failure"]["side"] == "agent"
    assert record["failure"]["moment"] == "dialing_customer"


async def test_the_customers_200_crosses_the_cancel(engine: Engine, wire: MakeWire) -> None:
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


async def test_a_job_can_be_cancelled_in_every_state(engine: Engine, wire: MakeWire) -> None:
    """Each row: how far the callback goes, and what the phones must see then."""

    async def queued(
        job: str, agent: WirePhone, customer: WirePhone
    ) -> Callable[[], Awaitable[object]]:
        return lambda: asyncio.sleep(0)

    async def dialing_agent(
        job: str, agent: WirePhone, customer: WirePhone
    ) -> Callable[[], Awaitable[object]]:
        call = await agent.called()
        call.ring()
        await engine.event("leg.ringing", job)
        return lambda: call.receive("CANCEL")

    async def whispering(
        job: str, agent: WirePhone, customer: WirePhone
    ) -> Callable[[], Awaitable[object]]:
        call = await agent.answer()
        await engine.state("whispering", job)
        return lambda: call.receive("BYE")

    async def dialing_customer(
        job: str, agent: WirePhone, customer: WirePhone
    ) -> Callable[[], Awaitable[object]]:
        agent_call = await agent.answer()
        call = await customer.called()
        call.ring()
        await engine.event("leg.ringing", job, role="customer")
        return lambda: asyncio.gather(agent_call.receive("BYE"), call.receive("CANCEL"))

    async def bridged(
        job: str, agent: WirePhone, customer: WirePhone
    ) -> Callable[[], Awaitable[object]]:
        calls = [await agent.answer(), await customer.answer()]
        await engine.state("bridged", job)
        return lambda: asyncio.gather(*(call.receive("BYE") for call in calls))

    for reach in (queued, dialing_agent, whispering, dialing_customer, bridged):
        agent, customer = wire("agent"), wire("customer")
        parameters: dict[str, object] = {}
        if reach is queued:
            parameters["not_before"] = 4e9
        if reach is whispering:
            parameters["whisper"] = LONG_WHISPER
        job = await engine.callback(customer.uri, agent.uri, **parameters)
        seen = await reach(job, agent, customer)
        reply = await engine.line.call("callback.cancel", id=job)
        assert reply["state"] == "cancelled", reach.__name__
        await seen()
        record = await engine.ended(job)
        assert (record["state"], record["result"]) == ("cancelled", "cancelled"), reach.__name__
        with pytest.raises(Refused) as refused:
            await engine.line.call("callback.cancel", id=job)
        assert refused.value.data["kind"] == "state"


async def test_a_call_can_be_hung_up_by_command(engine: Engine, wire: MakeWire) -> None:
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


async def test_a_phone_that_falls_silent_is_let_go(
    own_engine: Callable[..., Awaitable[Engine]], wire: MakeWire
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
