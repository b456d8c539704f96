"""Callbacks over TLS with other people's SIP stacks: PJSIP, baresip, Kamailio."""

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


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def ours(authority: Authority) -> Certificate:
    return authority.certificate("127.0.0.1")


def files(certificate: Certificate) -> tuple[str, str, str]:
    return certificate.cert, certificate.key, certificate.ca


async def event(engine: EngineClient, kind: str) -> dict[str, Any]:
    """The first event of this type."""
    try:
        return await engine.line.events.wait_for(lambda one: one["type"] == kind, timeout_s=8.0)
    except TimeoutError:
        raise AssertionError(f"no {kind}:\n{engine.process.log()[-3000:]}") from None


async def trunk_is(engine: EngineClient, state: str) -> None:
    """Wait until the one trunk is in `state`."""
    async with asyncio.timeout(10):
        while True:
            (trunk,) = (await engine.line.call("engine.status"))["trunks"]
            if trunk["state"] == state:
                return
            await asyncio.sleep(0.05)


def tls_settings(ours: Certificate, **keys: Any) -> dict[str, Any]:
    """What an engine needs that speaks TLS."""
    port = free_port()
    tls = {"cert": ours.cert, "key": ours.key, "ca": ours.ca, "verify_client": True, **keys}
    return {
        "sip": {"listen": [f"tls:127.0.0.1:{port}"], "tls": tls},
        "dial": {"retry_s": 0.2, "allow_hosts": ["127.0.0.1;transport=tls"]},
    }


async def test_callback_between_pjsip_phones_over_tls(
    own_engine: StartEngine,
    softphone: StartPhone,
    authority: Authority,
    ours: Certificate,
    tmp_path: Path,
) -> None:
    """Both sides show certificates, and both are checked."""
    theirs = files(authority.certificate("127.0.0.1"))
    engine = await own_engine(**tls_settings(ours))
    agent, customer = await asyncio.gather(
        softphone(user="agent", tone=AGENT_HZ, record=tmp_path / "agent.wav", tls=theirs),
        softphone(user="customer", tone=CUSTOMER_HZ, record=tmp_path / "customer.wav", tls=theirs),
    )
    job = await engine.callback(customer.uri, agent.uri)
    await engine.state("bridged", job)
    await asyncio.sleep(1.2)
    customer.command("hangup")
    record = await engine.ended(job)
    assert record["state"] == "completed"
    for leg in record["attempts"][0]["legs"]:
        assert leg["hop"].startswith("tls:127.0.0.1:")
    await agent.wait_for("state", state="disconnected")
    await asyncio.gather(agent.stop(), customer.stop())
    assert agent.heard(tmp_path / "agent.wav").hears(CUSTOMER_HZ, for_s=0.6)
    assert customer.heard(tmp_path / "customer.wav").hears(AGENT_HZ, for_s=0.6)


async def test_baresip_is_called_over_tls(
    own_engine: StartEngine,
    softphone: StartPhone,
    authority: Authority,
    ours: Certificate,
    tmp_path: Path,
) -> None:
    theirs = authority.certificate("127.0.0.1")
    # baresip shows no certificate where it connects itself, and need not.
    engine = await own_engine(**tls_settings(ours, verify_client="optional"))
    customer, agent = await asyncio.gather(
        Baresip.start(tmp_path, user="customer", tone_hz=CUSTOMER_HZ, tls=theirs),
        softphone(user="agent", tone=AGENT_HZ, record=tmp_path / "agent.wav", tls=files(theirs)),
    )
    try:
        job = await engine.callback(customer.uri, agent.uri)
        await engine.state("bridged", job)
        await asyncio.sleep(1.0)
        customer.command("hangup")
        assert (await engine.ended(job))["state"] == "completed"
        await agent.stop()
        assert agent.heard(tmp_path / "agent.wav").hears(CUSTOMER_HZ, for_s=0.5)
        assert customer.heard().hears(AGENT_HZ, for_s=0.5)
    finally:
        await customer.stop()


async def test_registered_and_called_through_kamailio_over_tls(
    own_engine: StartEngine,
    softphone: StartPhone,
    authority: Authority,
    ours: Certificate,
    tmp_path: Path,
) -> None:
    """Kamailio bridges TLS and UDP, with two Record-Route headers; both check certificates."""
    carrier = await softphone(user="carrier", answer_after=0.2, tone=CUSTOMER_HZ)
    port = int(carrier.uri.rpartition(":")[2])
    theirs = authority.certificate("127.0.0.1")
    edge = await Kamailio.start(tmp_path, carrier_port=port, tls=theirs)
    try:
        alice = await softphone(
            user="alice", registrar=edge.tls_uri, username="alice", password="alice-secret",
            tone=AGENT_HZ, tls=files(theirs),
        )  # fmt: skip
        await alice.wait_for("registered")
        settings = tls_settings(ours)
        engine = await own_engine(
            **settings,
            trunks=[{
                "name": "edge", "uri": edge.tls_uri, "username": "ringback",
                "password": "ringback-secret", "register": True, "users": "[a-z]+",
            }],
            routes=[{"prefix": "+44", "trunks": ["edge"]}],
            agents=[{
                "name": "alice", "uri": f"sip:alice@127.0.0.1:{edge.tls_port};transport=tls",
            }],
            queues=[{"name": "sales", "agents": ["alice"]}],
            inbound=[{
                "name": "m", "trunks": ["edge"], "number": "+442079460000", "queue": "sales",
            }],
        )  # fmt: skip
        await trunk_is(engine, "registered")
        job = await engine.callback("+442079460123", "alice")
        await engine.state("bridged", job)
        alice.command("hangup")
        assert (await engine.ended(job))["state"] == "completed"
        carrier.command(f"call sip:+442079460000@127.0.0.1:{edge.port}")
        await event(engine, "call.bridged")
        carrier.command("hangup")
        assert (await event(engine, "call.ended"))["result"] == "completed"
    finally:
        await edge.stop()


@pytest.mark.parametrize(
    ("made", "word"),
    [
        ({"to_days": -0.5}, "certificate_expired"),
        ({"names": ("sip.example.com",)}, "certificate_wrong_name"),
        ({"foreign": True}, "certificate_unknown_issuer"),
    ],
)
async def test_phone_with_a_bad_certificate_is_not_called_and_the_job_says_why(
    made: dict[str, Any],
    word: str,
    own_engine: StartEngine,
    softphone: StartPhone,
    authority: Authority,
    ours: Certificate,
    tmp_path: Path,
) -> None:
    issuer = Authority(tmp_path / "foreign", "Foreign CA") if made.pop("foreign", 0) else authority
    bad = issuer.certificate(*made.pop("names", ("127.0.0.1",)), **made)
    engine = await own_engine(**tls_settings(ours))
    agent = await softphone(user="agent", tls=files(bad))
    job = await engine.callback("sip:nobody@127.0.0.1;transport=tls", agent.uri)
    record = await engine.ended(job)
    assert record["state"] == "failed"
    (leg,) = record["attempts"][0]["legs"]
    assert leg["reason"].startswith(f"tls {word}: ")
    assert not agent.seen("incoming")
