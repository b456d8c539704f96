"""PJSIP with what it can of dialogs: 100rel and session timers required, and REFER."""

import asyncio
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
