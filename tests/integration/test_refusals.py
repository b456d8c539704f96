"""Callbacks that one side does not take: every answer becomes a result, a cause and a failure.

SIPp is the phone: its scenario fails unless each refusal is acknowledged as RFC 3261 wants.
"""

from pathlib import Path

import pytest

from tests.support.engines.process import EngineClient
from tests.support.phones.real.sipp import Sipp
from tests.support.phones.wire.phone import MakeWire
from tests.support.ports import free_port

REFUSALS = [
    (486, "Busy Here", "busy"),
    (603, "Decline", "declined"),
    (480, "Temporarily Unavailable", "unavailable"),
    (404, "Not Found", "not_found"),
    (503, "Service Unavailable", "unreachable"),
    (488, "Not Acceptable Here", "incompatible"),
]


@pytest.mark.parametrize(("status", "phrase", "result"), REFUSALS)
async def test_the_agent_refuses(
    engine: EngineClient, wire: MakeWire, tmp_path: Path, status: int, phrase: str, result: str
) -> None:
    sipp = await Sipp.start("refuse", tmp_path, keys={"status": str(status), "phrase": phrase})
    customer = wire("customer")
    job = await engine.callback(customer.uri, sipp.uri)
    record = await engine.ended(job)
    await sipp.finished()
    assert (record["state"], record["result"]) == ("failed", result)
    assert record["failure"]["side"] == "agent"
    assert record["failure"]["moment"] == "dialing_agent"
    assert record["failure"]["sip_status"] == status
    assert record["failure"]["sip_reason"] == phrase
    assert str(status) in record["cause"] and "agent" in record["cause"]
    assert not customer.messages.items, "the customer must not be called"


@pytest.mark.parametrize(("status", "phrase", "result"), REFUSALS[:3])
async def test_the_customer_refuses(
    engine: EngineClient, wire: MakeWire, tmp_path: Path, status: int, phrase: str, result: str
) -> None:
    sipp = await Sipp.start("refuse", tmp_path, keys={"status": str(status), "phrase": phrase})
    agent_phone = wire("agent")
    job = await engine.callback(sipp.uri, agent_phone.uri)
    agent = await agent_phone.answer()
    await agent.receive("BYE")
    record = await engine.ended(job)
    await sipp.finished()
    assert (record["state"], record["result"]) == ("failed", result)
    assert record["failure"]["side"] == "customer"
    assert record["failure"]["moment"] == "dialing_customer"
    assert record["failure"]["sip_status"] == status


async def test_the_agent_does_not_answer(
    engine: EngineClient, wire: MakeWire, tmp_path: Path
) -> None:
    sipp = await Sipp.start("never_answer", tmp_path)
    job = await engine.callback(wire("customer").uri, sipp.uri, ring_s=0.6)
    record = await engine.ended(job)
    await sipp.finished()  # it has seen CANCEL, and the ACK for its 487
    assert (record["state"], record["result"]) == ("failed", "no_answer")
    assert record["failure"]["side"] == "agent"
    rang = sipp.received("CANCEL")[0].time - sipp.received("INVITE")[0].time
    assert rang < 20.0  # and not the 30 s of who says nothing
    assert "reason: sip;cause=408" in sipp.received("CANCEL")[0].text.lower()


async def test_the_customer_does_not_answer(
    engine: EngineClient, wire: MakeWire, tmp_path: Path
) -> None:
    sipp = await Sipp.start("never_answer", tmp_path)
    agent_phone = wire("agent")
    job = await engine.callback(sipp.uri, agent_phone.uri, ring_s=0.6)
    agent = await agent_phone.answer()
    await agent.receive("BYE")
    record = await engine.ended(job)
    await sipp.finished()
    assert (record["state"], record["result"]) == ("failed", "no_answer")
    assert record["failure"]["side"] == "customer"


async def test_nobody_is_at_the_agents_address(engine: EngineClient, wire: MakeWire) -> None:
    """ICMP says so at once; a caller need not wait for timer B."""
    job = await engine.callback(wire("customer").uri, f"sip:gone@127.0.0.1:{free_port()}")
    record = await engine.ended(job, timeout_s=20.0)
    assert (record["state"], record["result"]) == ("failed", "unreachable")


async def test_the_agents_phone_is_silent_until_the_ring_time_is_over(
    engine: EngineClient, wire: MakeWire
) -> None:
    """No response at all: nothing may be CANCELled yet (RFC 3261 9.1), yet the job ends in time."""
    agent_phone = wire("agent")
    job = await engine.callback(wire("customer").uri, agent_phone.uri, ring_s=0.4)
    await agent_phone.called()
    record = await engine.ended(job, timeout_s=20.0)
    assert (record["state"], record["result"]) == ("failed", "unreachable")
    assert "no response within 0.4 s" in record["cause"]
    assert [message.what for message in agent_phone.messages.items] == ["INVITE"]
    agent_phone.calls[0].ring()  # a late 1xx: now it is CANCELled
    await agent_phone.calls[0].receive("CANCEL")


async def test_a_busy_agent_is_tried_again_up_to_max_attempts(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri, max_attempts=3)
    await agent_phone.refuse(486, "Busy Here")
    await agent_phone.refuse(480, "Temporarily Unavailable")
    agent = await agent_phone.answer()
    customer = await customer_phone.answer()
    await engine.state("bridged", job)
    customer.bye()
    await agent.receive("BYE")
    record = await engine.ended(job)
    assert record["state"] == "completed"
    assert [attempt["result"] for attempt in record["attempts"]] == [
        "busy",
        "unavailable",
        "completed",
    ]
    assert engine.story(job).count("queued") == 3


async def test_attempts_come_to_an_end(engine: EngineClient, wire: MakeWire) -> None:
    agent_phone = wire("agent")
    job = await engine.callback(wire("customer").uri, agent_phone.uri, max_attempts=2)
    await agent_phone.refuse(486, "Busy Here")
    await agent_phone.refuse(486, "Busy Here")
    record = await engine.ended(job)
    assert (record["state"], record["result"]) == ("failed", "busy")
    assert len(record["attempts"]) == 2
