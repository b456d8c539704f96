"""Callbacks with SRTP, against PJSIP and baresip: each hears the other, whatever both may use."""

import asyncio
from pathlib import Path

import pytest

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.baresip import Baresip
from tests.support.phones.real.softphone import SoftphoneProcess, StartPhone

AGENT_HZ, CUSTOMER_HZ = 600, 1500


async def talk(
    engine: EngineClient, agent: SoftphoneProcess, customer_uri: str
) -> tuple[str | None, str | None]:
    """Let two talk for a second and hang up. Returns the suites of both legs."""
    job = await engine.callback(customer_uri, "agent")
    await engine.state("bridged", job)
    await asyncio.sleep(1.2)
    agent.command("hangup")
    record = await engine.ended(job)
    assert record["state"] == "completed"
    first, second = record["attempts"][0]["legs"]
    answered = await engine.event("leg.answered", job, role="customer")
    assert answered.get("srtp") == second["srtp"]
    for leg in (first, second):
        # baresip takes leave with an RTCP packet that it does not protect any more.
        assert leg["media"]["dropped_unauthentic"] <= 1
        assert leg["media"]["packets_received"] > 40
    return first["srtp"], second["srtp"]


def policies(agent_uri: str, customer_port: int, **srtp: str) -> dict[str, object]:
    """An engine whose agent and trunk use SRTP as `agent` and `trunk` say."""
    return {
        "agents": [{"name": "agent", "uri": agent_uri, "srtp": srtp.get("agent", "off")}],
        "trunks": [
            {
                "name": "carrier",
                "uri": f"sip:127.0.0.1:{customer_port}",
                "srtp": srtp.get("trunk", "off"),
            }
        ],
    }


@pytest.mark.parametrize(
    ("agent_has", "agent_is", "customer_has", "customer_is"),
    [
        ("required", "required", "off", "off"),
        ("offered", "offered", "required", "required"),
        ("off", "offered", "offered", "required"),
    ],
)
async def test_two_pjsip_phones_hear_each_other(
    own_engine: StartEngine,
    softphone: StartPhone,
    tmp_path: Path,
    agent_has: str,
    agent_is: str,
    customer_has: str,
    customer_is: str,
) -> None:
    agent, customer = await asyncio.gather(
        softphone(user="agent", tone=AGENT_HZ, record=tmp_path / "agent.wav", srtp=agent_has),
        softphone(
            user="customer", tone=CUSTOMER_HZ, record=tmp_path / "customer.wav", srtp=customer_has
        ),
    )
    port = int(customer.uri.rpartition(":")[2])
    engine = await own_engine(**policies(agent.uri, port, agent=agent_is, trunk=customer_is))
    suites = await talk(engine, agent, customer.uri)
    assert [suite is not None for suite in suites] == [
        "off" not in (agent_has, agent_is),
        "off" not in (customer_has, customer_is),
    ]
    await asyncio.gather(agent.stop(), customer.stop())
    assert agent.heard(tmp_path / "agent.wav").hears(CUSTOMER_HZ, for_s=0.6)
    assert customer.heard(tmp_path / "customer.wav").hears(AGENT_HZ, for_s=0.6)


async def test_baresip_that_demands_srtp_hears_the_agent(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    agent = await softphone(user="agent", tone=AGENT_HZ, record=tmp_path / "agent.wav")
    customer = await Baresip.start(tmp_path, tone_hz=CUSTOMER_HZ, encryption="srtp-mand")
    try:
        engine = await own_engine(**policies(agent.uri, customer.port, trunk="required"))
        suites = await talk(engine, agent, customer.uri)
        assert suites[0] is None and suites[1] is not None
        await agent.stop()
        assert agent.heard(tmp_path / "agent.wav").hears(CUSTOMER_HZ, for_s=0.6)
        assert customer.heard().hears(AGENT_HZ, for_s=0.6)
    finally:
        await customer.stop()


async def test_no_call_without_srtp_where_it_is_required(
    own_engine: StartEngine, softphone: StartPhone
) -> None:
    agent, customer = await asyncio.gather(softphone(user="agent"), softphone(user="customer"))
    port = int(customer.uri.rpartition(":")[2])
    engine = await own_engine(**policies(agent.uri, port, trunk="required"))
    job = await engine.callback(customer.uri, "agent", max_attempts=1)
    record = await engine.ended(job)
    assert (record["state"], record["failure"]["side"]) == ("failed", "customer")
    assert record["failure"]["sip_status"] in (488, 415, 406)
