"""PJSIP with what it can of dialogs: 100rel and session timers required, and REFER."""

import asyncio
import re
from pathlib import Path

from tests.support.engines.process import EngineClient
from tests.support.phones.real.softphone import StartPhone
from tests.support.talk import AGENT_HZ, CUSTOMER_HZ

CAROL_HZ = 2200


async def test_phones_that_require_100rel_and_session_timers(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    """Both have early media in a reliable 183, whose PRACK PJSIP demands before its 200."""
    agent, customer = await asyncio.gather(
        softphone(user="agent", tone=AGENT_HZ, strict=True, record=tmp_path / "agent.wav"),
        softphone(user="customer", tone=CUSTOMER_HZ, strict=True, early_media=True),
    )
    job = await engine.callback(customer.uri, agent.uri)
    await engine.event("leg.early_media", job, role="customer")
    await engine.state("bridged", job)
    await asyncio.sleep(0.8)
    customer.command("hangup")
    assert (await engine.ended(job))["state"] == "completed"
    await agent.stop()
    assert agent.heard(tmp_path / "agent.wav").hears(CUSTOMER_HZ, for_s=0.4)


async def test_a_phone_transfers_the_customer_to_another(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    agent, customer, carol = await asyncio.gather(
        softphone(user="agent", tone=AGENT_HZ),
        softphone(user="customer", tone=CUSTOMER_HZ, record=tmp_path / "customer.wav"),
        softphone(user="carol", tone=CAROL_HZ, record=tmp_path / "carol.wav"),
    )
    job = await engine.callback(customer.uri, agent.uri)
    await engine.state("bridged", job)
    agent.command(f"transfer {carol.uri}")
    await engine.event("transfer.completed", job)
    await agent.wait_for("state", state="disconnected")
    await asyncio.sleep(1.0)
    carol.command("hangup")
    assert (await engine.ended(job))["state"] == "completed"
    await asyncio.gather(customer.stop(), carol.stop())
    assert customer.heard(tmp_path / "customer.wav").hears(CAROL_HZ, for_s=0.5)
    assert carol.heard(tmp_path / "carol.wav").hears(CUSTOMER_HZ, for_s=0.5)


async def test_a_phone_is_asked_by_refer_to_call_another(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    """PJSIP calls carol itself, tells us that she answered, and talks with her without us."""
    agent, customer, carol = await asyncio.gather(
        softphone(user="agent"),
        softphone(user="customer", tone=CUSTOMER_HZ),
        softphone(user="carol", record=tmp_path / "carol.wav", answer_after=0.5),
    )
    job = await engine.callback(customer.uri, agent.uri)
    call = (await engine.state("bridged", job))["call"]
    await engine.line.call("call.transfer", call=call, to=carol.uri, how="refer")
    completed = await engine.event("transfer.completed", job)
    assert completed["how"] == "refer"
    await agent.wait_for("state", state="disconnected")
    record = await engine.ended(job)
    assert (record["state"], record["cause"]) == ("completed", "transferred")
    await asyncio.sleep(1.0)
    carol.command("hangup")
    await carol.stop()
    assert carol.heard(tmp_path / "carol.wav").hears(CUSTOMER_HZ, for_s=0.5)


async def test_a_phone_that_is_refused_there_talks_again(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    agent, customer, carol = await asyncio.gather(
        softphone(user="agent", record=tmp_path / "agent.wav"),
        softphone(user="customer", tone=CUSTOMER_HZ),
        softphone(user="carol", answer="486"),
    )
    job = await engine.callback(customer.uri, agent.uri)
    call = (await engine.state("bridged", job))["call"]
    await engine.line.call("call.transfer", call=call, to=carol.uri, how="refer")
    failed = await engine.event("transfer.failed", job)
    assert (failed["result"], failed["sip_status"]) == ("busy", 486)
    customer.command("unhold")
    await asyncio.sleep(1.0)
    agent.command("hangup")
    assert (await engine.ended(job))["state"] == "completed"
    await agent.stop()
    assert agent.heard(tmp_path / "agent.wav").hears(CUSTOMER_HZ, for_s=0.5)


async def test_attended_by_refer_the_phone_replaces_our_call(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    """The agent talks with carol through us; then the customer's phone takes our place there."""
    agent, customer, carol = await asyncio.gather(
        softphone(user="agent"),
        softphone(user="customer", tone=CUSTOMER_HZ),
        softphone(user="carol", record=tmp_path / "carol-{call}.wav"),
    )
    job = await engine.callback(customer.uri, agent.uri)
    call = (await engine.state("bridged", job))["call"]
    await engine.line.call("call.transfer", call=call, to=carol.uri, how="refer", mode="attended")
    await carol.wait_for("state", state="confirmed")
    await engine.line.events.wait_for(
        lambda event: event["type"] == "leg.answered" and event["uri"] == carol.uri
    )
    agent.command("hangup")
    completed = await engine.event("transfer.completed", job)
    assert completed["how"] == "refer"
    assert (await engine.ended(job))["cause"] == "transferred"
    await carol.wait_for("state", state="confirmed", nth=2)
    await asyncio.sleep(1.0)
    carol.command("hangup")
    await carol.stop()
    heard = carol.heard(tmp_path / "carol-2.wav")
    assert heard.hears(CUSTOMER_HZ, for_s=0.5)


async def test_a_phone_connects_its_two_calls(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    """The agent has called carol from phone to phone, and connects the customer with her."""
    agent, customer, carol = await asyncio.gather(
        softphone(user="agent"),
        softphone(user="customer", tone=CUSTOMER_HZ),
        softphone(user="carol", record=tmp_path / "carol-{call}.wav"),
    )
    job = await engine.callback(customer.uri, agent.uri)
    await engine.state("bridged", job)
    agent.command("hold")
    await engine.event("leg.held", job)
    agent.command(f"call {carol.uri}")
    await agent.wait_for("state", state="confirmed", nth=2)
    agent.command("attend")
    completed = await engine.event("transfer.completed", job)
    assert (completed["how"], completed["by"]) == ("bridge", "phone")
    await carol.wait_for("state", state="confirmed", nth=2)
    await asyncio.sleep(1.0)
    customer.command("hangup")
    assert (await engine.ended(job))["state"] == "completed"
    await carol.stop()
    assert carol.heard(tmp_path / "carol-2.wav").hears(CUSTOMER_HZ, for_s=0.5)


async def test_a_phone_connects_its_partners_of_two_calls_with_us(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    """Both are calls of the engine: nobody is called, and the phone is out of both."""
    agent, customer, carol = await asyncio.gather(
        softphone(user="agent"),
        softphone(user="customer", tone=CUSTOMER_HZ),
        softphone(user="carol", record=tmp_path / "carol-{call}.wav"),
    )
    first = await engine.callback(customer.uri, agent.uri)
    await engine.state("bridged", first)
    agent.command("hold")
    await engine.event("leg.held", first)
    second = await engine.callback(carol.uri, agent.uri)
    await engine.state("bridged", second)
    agent.command("attend")
    completed = await engine.event("transfer.completed", first)
    assert (completed["how"], completed["by"]) == ("bridge", "phone")
    assert (await engine.event("transfer.completed", second))["from_leg"] != completed["from_leg"]
    await agent.wait_for("state", state="disconnected", nth=2)
    await asyncio.sleep(1.0)
    customer.command("hangup")
    for job in (first, second):
        assert (await engine.ended(job))["state"] == "completed"
    await carol.stop()
    assert carol.heard(tmp_path / "carol-1.wav").hears(CUSTOMER_HZ, for_s=0.5)


async def test_another_phone_takes_the_place_of_the_agents(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    """Carol calls us with Replaces of the agent's call, as a REFER of the agent would tell her."""
    agent, customer, carol = await asyncio.gather(
        softphone(user="agent"),
        softphone(user="customer", record=tmp_path / "customer.wav"),
        softphone(user="carol", tone=CAROL_HZ),
    )
    job = await engine.callback(customer.uri, agent.uri)
    await engine.state("bridged", job)
    leg = await engine.event("leg.answered", job, role="agent")
    traced = await engine.line.call("trace.get", call_id=leg["call_id"])
    ok = next(one["text"] for one in traced["messages"] if one["status"] == 200)
    ours, theirs = (
        re.search(rf"(?mi)^{name}:.*;tag=([^;\s]+)", ok)[1]  # type: ignore[index]
        for name in ("From", "To")
    )
    here = f"sip:anybody@127.0.0.1:{engine.process.sip_port}"
    value = f"{leg['call_id']};to-tag={ours};from-tag={theirs}"
    carol.command(f"call {here} Replaces: {value}")
    replaced = await engine.event("leg.replaced", job)
    assert (replaced["from_uri"], replaced["role"]) == (agent.uri, "agent")
    await agent.wait_for("state", state="disconnected")
    await asyncio.sleep(1.0)
    carol.command("hangup")
    assert (await engine.ended(job))["state"] == "completed"
    await customer.stop()
    assert customer.heard(tmp_path / "customer.wav").hears(CAROL_HZ, for_s=0.5)
