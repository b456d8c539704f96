"""Agents with real phones: several rung at once, at several addresses, on lines that stay up."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.errors import PeerError
from tests.support.phones.real.sipp import Sipp
from tests.support.phones.real.softphone import StartPhone
from tests.support.phones.wire.phone import MakeWire
from tests.support.recording import read_stereo_wav

AGENT_HZ, CUSTOMER_HZ, SECOND_HZ = 600, 1500, 2100
ELSEWHERE = 'Reason: SIP;cause=200;text="Call completed elsewhere"'


async def agent_is(engine: EngineClient, name: str, state: str, timeout_s: float = 6.0) -> None:
    """Wait until an agent is in this state."""
    deadline = time.monotonic() + timeout_s
    while (found := (await engine.line.call("agent.get", agent=name))["state"]) != state:
        assert time.monotonic() < deadline, f"{name} is {found}, not {state}"
        await asyncio.sleep(0.02)


async def test_of_several_rung_at_once_one_wins_and_the_other_learns_who(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    slow = await Sipp.start("never_answer", tmp_path)
    quick, customer = await asyncio.gather(
        softphone(user="quick", tone=AGENT_HZ, answer_after=0.8),
        softphone(user="customer", tone=CUSTOMER_HZ, record=tmp_path / "customer.wav"),
    )
    engine = await own_engine(
        agents=[{"name": "anna", "uri": slow.uri}, {"name": "bert", "uri": quick.uri}],
        queues=[{"name": "sales", "strategy": "ring_several", "agents": ["anna", "bert"]}],
    )
    job = await engine.queued_callback(customer.uri)
    await slow.finished()  # INVITE, 180, CANCEL, 487, ACK
    (cancel,) = slow.received("CANCEL")
    assert ELSEWHERE in cancel.text
    await engine.state("bridged", job)
    await agent_is(engine, "anna", "available")
    await agent_is(engine, "bert", "talking")
    await asyncio.sleep(0.6)
    quick.command("hangup")
    record = await engine.ended(job)
    assert {offer["agent"]: offer["result"] for offer in record["offers"]} == {
        "anna": "lost", "bert": "answered",
    }  # fmt: skip
    lost = await engine.event("agent.offer_ended", job, agent="anna")
    assert (lost["result"], lost["by"]) == ("lost", "bert")
    await agent_is(engine, "bert", "available")
    assert (await engine.line.call("agent.get", agent="anna"))["missed"] == 0
    await engine.assert_idle()
    await asyncio.gather(quick.stop(), customer.stop())
    assert customer.heard(tmp_path / "customer.wav").hears(AGENT_HZ, for_s=0.4)


async def test_the_second_address_rings_when_the_first_does_not_answer(
    own_engine: StartEngine, softphone: StartPhone, wire: MakeWire, tmp_path: Path
) -> None:
    desk = await Sipp.start("never_answer", tmp_path)
    mobile, customer = await softphone(user="mobile"), wire("customer")
    addresses = [
        {"uri": desk.uri, "kind": "desk", "ring_s": 0.7},
        {"uri": mobile.uri, "kind": "mobile"},
    ]
    engine = await own_engine(
        agents=[{"name": "anna", "addresses": addresses, "queues": ["sales"]}],
        queues=[{"name": "sales"}],
    )
    job = await engine.queued_callback(customer.uri)
    await desk.finished()
    assert "cause=408" in desk.received("CANCEL")[0].text
    call = await customer.answer()
    await engine.state("bridged", job)
    call.bye()
    record = await engine.ended(job)
    legs = record["attempts"][0]["legs"]
    assert [leg["uri"] for leg in legs] == [desk.uri, mobile.uri, customer.uri]
    rang_s = legs[1]["started"] - legs[0]["started"]
    assert rang_s == pytest.approx(0.7, abs=0.4)
    (offer,) = record["offers"]
    assert (offer["agent"], offer["result"]) == ("anna", "answered")
    await engine.assert_idle()


async def test_a_line_that_stays_up_carries_one_call_after_the_other(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    agent, first, second = await asyncio.gather(
        softphone(user="agent", tone=AGENT_HZ, record=tmp_path / "agent.wav"),
        softphone(user="first", tone=CUSTOMER_HZ, record=tmp_path / "first.wav"),
        softphone(user="second", tone=SECOND_HZ, record=tmp_path / "second.wav"),
    )
    engine = await own_engine(
        agents=[{"name": "anna", "uri": agent.uri, "permanent": True, "queues": ["sales"]}],
        queues=[{"name": "sales"}],
    )
    await agent_is(engine, "anna", "available")
    talks = []
    for customer in (first, second):
        job = await engine.queued_callback(customer.uri)
        began = (await engine.state("bridged", job))["time"]
        await asyncio.sleep(1.2)
        customer.command("hangup")
        record = await engine.ended(job)
        assert record["state"] == "completed"
        talks.append((began, record["ended_at"]))
        await agent_is(engine, "anna", "available")
        await asyncio.sleep(0.8)
    assert len(agent.seen("incoming")) == 1, "the second call used the line that was there"
    assert not agent.seen("state", state="disconnected")
    view = await engine.line.call("agent.get", agent="anna")
    assert (view["line"], view["calls"]) == ("up", 2)
    await engine.line.call("agent.logout", agent="anna")
    await agent.wait_for("state", state="disconnected")
    await engine.assert_idle()
    await asyncio.gather(agent.stop(), first.stop(), second.stop())

    heard = agent.heard(tmp_path / "agent.wav")
    (began_1, ended_1), (began_2, ended_2) = talks
    talk_1, talk_2 = heard.at(began_1 + 0.3, ended_1), heard.at(began_2 + 0.3, ended_2)
    assert talk_1.hears(CUSTOMER_HZ, for_s=0.6) and not talk_1.hears(SECOND_HZ)
    assert talk_2.hears(SECOND_HZ, for_s=0.6) and not talk_2.hears(CUSTOMER_HZ)
    between = heard.at(ended_1 + 0.25, ended_1 + 0.75)
    assert not between.hears(CUSTOMER_HZ, for_s=0.1), "nothing of the call is left on the line"
    for phone, name in ((first, "first.wav"), (second, "second.wav")):
        assert phone.heard(tmp_path / name).hears(AGENT_HZ, for_s=0.6)


async def test_on_a_line_the_whisper_is_heard_and_a_pause_waits_for_the_end_of_the_call(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    agent, customer = await asyncio.gather(
        softphone(user="agent", tone=AGENT_HZ, record=tmp_path / "agent.wav"),
        softphone(user="customer", tone=CUSTOMER_HZ, record=tmp_path / "customer.wav"),
    )
    engine = await own_engine(
        agents=[{"name": "anna", "uri": agent.uri, "permanent": True, "queues": ["sales"]}],
        queues=[{"name": "sales"}],
    )
    await agent_is(engine, "anna", "available")
    job = await engine.queued_callback(
        customer.uri, order="customer_first", whisper={"tone": f"{SECOND_HZ}/900"}
    )
    whispered = (await engine.state("whispering", job))["time"]
    joined = (await engine.state("bridged", job))["time"]
    await engine.line.call("agent.pause", agent="anna", reason="lunch")
    await asyncio.sleep(1.0)
    await agent_is(engine, "anna", "talking")
    customer.command("hangup")
    ended = (await engine.ended(job))["ended_at"]
    await agent_is(engine, "anna", "paused")
    assert (await engine.line.call("agent.get", agent="anna"))["line"] == "up"
    await engine.line.call("agent.logout", agent="anna")
    await agent.wait_for("state", state="disconnected")
    await engine.assert_idle()
    await asyncio.gather(agent.stop(), customer.stop())
    by_agent = agent.heard(tmp_path / "agent.wav")
    by_customer = customer.heard(tmp_path / "customer.wav")
    assert by_agent.at(whispered, joined).hears(SECOND_HZ, for_s=0.5)
    assert not by_agent.at(whispered, joined).hears(CUSTOMER_HZ, for_s=0.1)
    assert not by_customer.hears(SECOND_HZ, for_s=0.1)
    assert by_agent.at(joined + 0.2, ended).hears(CUSTOMER_HZ, for_s=0.5)
    assert by_customer.at(joined + 0.2, ended).hears(AGENT_HZ, for_s=0.5)


async def test_a_line_that_goes_down_in_a_call_ends_it_and_comes_back(
    own_engine: StartEngine, softphone: StartPhone, wire: MakeWire
) -> None:
    agent, customer = await softphone(user="agent"), wire("customer")
    engine = await own_engine(
        agents=[{"name": "anna", "uri": agent.uri, "permanent": True, "queues": ["sales"]}],
        queues=[{"name": "sales"}],
    )
    await agent_is(engine, "anna", "available")
    job = await engine.queued_callback(customer.uri)
    call = await customer.answer()
    await engine.state("bridged", job)
    agent.command("hangup")
    await call.receive("BYE")
    await engine.ended(job)
    await agent_is(engine, "anna", "paused")
    await agent_is(engine, "anna", "available")  # called again a second later
    assert len(agent.seen("incoming")) == 2
    await engine.line.call("agent.logout", agent="anna")
    await engine.assert_idle()


async def test_wrap_up_until_the_agent_is_ready(own_engine: StartEngine, wire: MakeWire) -> None:
    phone, customers = wire("anna"), [wire("one"), wire("two")]
    engine = await own_engine(
        agents=[{"name": "anna", "uri": phone.uri, "queues": ["sales"]}],
        queues=[{"name": "sales", "wrap_up_s": -1}],
    )
    jobs = [await engine.queued_callback(customer.uri) for customer in customers]
    agent, customer = await phone.answer(), await customers[0].answer()
    await engine.state("bridged", jobs[0])
    customer.bye()
    await agent.receive("BYE")
    await agent_is(engine, "anna", "wrap_up")
    with pytest.raises(PeerError, match="was not called"):
        await phone.called(timeout_s=0.4)
    assert (await engine.line.call("queue.get", queue="sales"))["waiting"] == 1
    await engine.line.call("agent.ready", agent="anna")
    await phone.answer()
    (await customers[1].answer()).bye()
    assert (await engine.ended(jobs[1]))["state"] in ("completed", "failed")
    await agent_is(engine, "anna", "wrap_up")
    await engine.assert_idle()


async def test_an_agent_must_press_the_key_before_the_customer_is_called(
    own_engine: StartEngine, softphone: StartPhone, wire: MakeWire, tmp_path: Path
) -> None:
    mobile = await softphone(user="mobile", record=tmp_path / "mobile.wav")
    customer = wire("customer")
    addresses = [{"uri": mobile.uri, "kind": "mobile", "confirm": "1"}]
    engine = await own_engine(
        agents=[{"name": "anna", "addresses": addresses, "queues": ["sales"]}],
        queues=[{"name": "sales"}],
    )
    job = await engine.queued_callback(customer.uri)
    await mobile.wait_for("state", state="confirmed")
    answered = time.time()
    with pytest.raises(PeerError, match="was not called"):
        await customer.called(timeout_s=2.5)
    assert (await engine.line.call("agent.get", agent="anna"))["state"] == "ringing"
    mobile.command("digits 1")
    call = await customer.answer()
    await engine.state("bridged", job)
    call.bye()
    assert (await engine.ended(job))["state"] == "completed"
    await engine.assert_idle()
    await mobile.stop()
    heard = mobile.heard(tmp_path / "mobile.wav").at(answered, answered + 2.5)
    assert heard.level_dbfs() > -40, "the agent was asked to press it"


async def test_a_line_and_a_customer_of_different_media_workers_hear_each_other(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("anna"), wire("customer", codec="PCMA")
    engine = await own_engine(
        media={"workers": 2},
        agents=[{"name": "anna", "uri": agent_phone.uri, "permanent": True, "queues": ["sales"]}],
        queues=[{"name": "sales"}],
    )
    agent = await agent_phone.answer(tone_hz=AGENT_HZ)
    await agent_is(engine, "anna", "available", timeout_s=60.0)
    job = await engine.queued_callback(customer_phone.uri, order="customer_first", record=True)
    customer = await customer_phone.answer(tone_hz=CUSTOMER_HZ)
    await engine.event("recording.started", job, timeout_s=60.0)
    since = time.time()
    await asyncio.sleep(1.5)
    status = await engine.line.call("engine.status")
    assert [worker["legs"] for worker in status["media"]["workers"]] == [2, 2]
    assert agent.rtp.heard(since).hears(CUSTOMER_HZ, for_s=0.6)
    assert customer.rtp.heard(since).hears(AGENT_HZ, for_s=0.6)
    customer.bye()
    record = await engine.ended(job, timeout_s=60.0)
    left, right = read_stereo_wav(engine.process.directory / record["recording"])
    assert left.hears(AGENT_HZ, for_s=0.6) and right.hears(CUSTOMER_HZ, for_s=0.6)
    await agent_is(engine, "anna", "available", timeout_s=60.0)
    await engine.line.call("agent.logout", agent="anna")
    await agent.receive("BYE")
    await engine.assert_idle()
