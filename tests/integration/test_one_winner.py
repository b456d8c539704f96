"""What happens at the same moment on the wire has one winner.

tests/engine/scenarios/test_one_winner.py has every order of events to the instant.
"""

import asyncio
from typing import Literal

import pytest

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.wire.phone import MakeWire, WirePhone

ELSEWHERE = "Call completed elsewhere"


async def test_two_agents_answer_at_once(own_engine: StartEngine, wire: MakeWire) -> None:
    anna, bert, customer_phone = wire("anna"), wire("bert"), wire("customer")
    engine = await own_engine(
        agents=[{"name": "anna", "uri": anna.uri}, {"name": "bert", "uri": bert.uri}],
        queues=[{"name": "sales", "strategy": "ring_several", "agents": ["anna", "bert"]}],
    )
    job = await engine.line.call("callback.request", to=customer_phone.uri, queue="sales")
    calls = {"anna": await anna.called(), "bert": await bert.called()}
    for call in calls.values():
        call.accept()
    for call in calls.values():
        await call.acknowledged()
    customer = await customer_phone.answer()
    await engine.state("bridged", job["id"])
    offers = {offer["agent"]: offer["result"] for offer in (await engine.job(job["id"]))["offers"]}
    assert sorted(offers.values()) == ["answered", "lost"]
    lost = next(agent for agent, result in offers.items() if result == "lost")
    won = next(agent for agent, result in offers.items() if result == "answered")
    bye = await calls[lost].receive("BYE")
    assert ELSEWHERE in bye["Reason"]
    customer.bye()
    await calls[won].receive("BYE")
    assert (await engine.ended(job["id"]))["state"] == "completed"
    await engine.assert_idle()


@pytest.mark.parametrize("first", ["answer", "hang_up"])
async def test_the_agent_hangs_up_as_the_customer_answers(
    engine: EngineClient, wire: MakeWire, first: Literal["answer", "hang_up"]
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    customer_phone.answers_cancel = False
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.answer()
    customer = await customer_phone.called()
    customer.ring()
    await engine.event("leg.ringing", job, role="customer")
    both = [customer.accept, agent.bye]
    for act in both if first == "answer" else reversed(both):
        act()
    await customer.acknowledged()
    await customer.receive("BYE")
    record = await engine.ended(job)
    # Two who were joined for a moment have talked.
    assert record["state"] in ("failed", "completed")
    assert record["cause"].startswith("agent hung up")
    await engine.assert_idle()


@pytest.mark.parametrize("order", ["agent_first", "customer_first"])
async def test_answering_during_cancel(engine: EngineClient, wire: MakeWire, order: str) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri, order=order)
    phones: list[WirePhone] = [agent_phone, customer_phone]
    first, second = phones if order == "agent_first" else reversed(phones)
    first.answers_cancel = second.answers_cancel = False
    one = await first.answer()
    two = await second.called()
    two.ring()
    role = "customer" if second is customer_phone else "agent"
    await engine.event("leg.ringing", job, role=role)
    cancelling = asyncio.create_task(engine.line.call("callback.cancel", id=job))
    await two.receive("CANCEL")
    two.accept()
    await two.acknowledged()
    await asyncio.gather(one.receive("BYE"), two.receive("BYE"))
    assert (await cancelling)["state"] == "cancelled"
    assert "bridged" not in engine.story(job)
    await engine.assert_idle()
