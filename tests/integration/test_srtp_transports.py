"""SRTP over TCP and TLS: PJSIP, baresip, and a carrier behind a Kamailio that dispatches."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority, Certificate
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.baresip import Baresip
from tests.support.phones.real.kamailio import Kamailio
from tests.support.phones.real.softphone import StartPhone
from tests.support.ports import free_port

AGENT_HZ, CUSTOMER_HZ = 600, 1500
TALK_S = 1.5


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def settings(ours: Certificate, agent: str, carrier: str) -> dict[str, Any]:
    """An engine whose agent and trunk are at these URIs, with SRTP required on both."""
    port = free_port()
    tls = {"cert": ours.cert, "key": ours.key, "ca": ours.ca, "verify_client": "optional"}
    listen = [f"udp:127.0.0.1:{port}", f"tcp:127.0.0.1:{port}", f"tls:127.0.0.1:{free_port()}"]
    return {
        "sip": {"listen": listen, "tls": tls},
        "agents": [{"name": "agent", "uri": agent, "srtp": "required"}],
        "trunks": [{"name": "carrier", "uri": carrier, "srtp": "required"}],
        "routes": [{"prefix": "+44", "trunks": ["carrier"]}],
    }


def host_of(uri: str) -> str:
    """A URI without its user part."""
    scheme, _, rest = uri.partition(":")
    return f"{scheme}:{rest.rpartition('@')[2]}"


async def talk(engine: EngineClient, to: str) -> list[dict[str, Any]]:
    """Call the agent and somebody, let them talk, and hang up. Returns the legs."""
    job = await engine.callback(to, "agent")
    await engine.state("bridged", job, timeout_s=20.0)
    await asyncio.sleep(TALK_S)
    await engine.line.call("callback.cancel", id=job)
    record = await engine.ended(job)
    legs: list[dict[str, Any]] = record["attempts"][-1]["legs"]
    assert [leg["role"] for leg in legs] == ["agent", "customer"]
    assert all(leg["srtp"] for leg in legs)
    return legs


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_pjsip(
    own_engine: StartEngine,
    softphone: StartPhone,
    authority: Authority,
    tmp_path: Path,
    transport: str,
) -> None:
    theirs = authority.certificate("127.0.0.1")
    more: dict[str, Any] = {"srtp": "required"}
    if transport == "tls":
        more["tls"] = (theirs.cert, theirs.key, theirs.ca)
    agent, customer = await asyncio.gather(
        softphone(user="agent", tone=AGENT_HZ, record=tmp_path / "agent.wav", **more),
        softphone(user="customer", tone=CUSTOMER_HZ, record=tmp_path / "customer.wav", **more),
    )
    over = "" if transport == "tls" else ";transport=tcp"
    ours = authority.certificate("127.0.0.1")
    engine = await own_engine(**settings(ours, agent.uri + over, host_of(customer.uri) + over))
    legs = await talk(engine, customer.uri + over)
    assert {leg["hop"].partition(":")[0] for leg in legs} == {transport}
    await asyncio.gather(agent.stop(), customer.stop())
    assert agent.heard(tmp_path / "agent.wav").hears(CUSTOMER_HZ, for_s=0.4)
    assert customer.heard(tmp_path / "customer.wav").hears(AGENT_HZ, for_s=0.4)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_baresip(
    own_engine: StartEngine,
    softphone: StartPhone,
    authority: Authority,
    tmp_path: Path,
    transport: str,
) -> None:
    agent = await softphone(
        user="agent", tone=AGENT_HZ, srtp="required", record=tmp_path / "agent.wav"
    )
    customer = await Baresip.start(
        tmp_path,
        user="customer",
        tone_hz=CUSTOMER_HZ,
        encryption="srtp-mand",
        tls=authority.certificate("127.0.0.1") if transport == "tls" else None,
    )
    over = "" if transport == "tls" else ";transport=tcp"
    ours = authority.certificate("127.0.0.1")
    try:
        engine = await own_engine(**settings(ours, agent.uri, host_of(customer.uri) + over))
        legs = await talk(engine, customer.uri + over)
        assert legs[1]["hop"].startswith(f"{transport}:")
        await agent.stop()
        assert agent.heard(tmp_path / "agent.wav").hears(CUSTOMER_HZ, for_s=0.4)
        assert customer.heard().hears(AGENT_HZ, for_s=0.4)
    finally:
        await customer.stop()


async def test_a_carrier_behind_a_kamailio_that_dispatches(
    own_engine: StartEngine, softphone: StartPhone, authority: Authority, tmp_path: Path
) -> None:
    """The first carrier is dead: the second is called. TCP on our side, UDP on the carrier's."""
    agent, carrier = await asyncio.gather(
        softphone(user="agent", tone=AGENT_HZ, srtp="required", record=tmp_path / "agent.wav"),
        softphone(user="carrier", tone=CUSTOMER_HZ, srtp="required", answer_after=0.1),
    )
    proxy = await Kamailio.dispatching(
        tmp_path, f"sip:127.0.0.1:{free_port()}", host_of(carrier.uri)
    )
    try:
        ours = authority.certificate("127.0.0.1")
        trunk = f"sip:127.0.0.1:{proxy.port};transport=tcp"
        engine = await own_engine(**settings(ours, agent.uri, trunk))
        legs = await talk(engine, "+442079460123")
        assert legs[1]["hop"] == f"tcp:127.0.0.1:{proxy.port}"
        await carrier.wait_for("state", state="disconnected")
        await agent.stop()
        assert agent.heard(tmp_path / "agent.wav").hears(CUSTOMER_HZ, for_s=0.4)
    finally:
        await proxy.stop()
