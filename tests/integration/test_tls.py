"""Callbacks over TLS with other people's SIP stacks: PJSIP, baresip, Kamailio."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority, Certificate
from tests.support.control_line import Refused
from tests.support.dns_server import DnsServer
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.baresip import Baresip
from tests.support.phones.real.kamailio import Kamailio
from tests.support.phones.real.softphone import StartPhone
from tests.support.phones.wire.caller import WireOutgoing
from tests.support.phones.wire.phone import MakeWire
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
        return await engine.line.events.wait_for(lambda one: one["type"] == kind)
    except TimeoutError:
        raise AssertionError(f"no {kind}:\n{engine.process.log()[-3000:]}") from None


async def trunk_is(engine: EngineClient, state: str) -> None:
    """Wait until the one trunk is in `state`."""
    async with asyncio.timeout(40):
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


async def test_phone_with_a_bad_certificate_is_not_called_and_the_job_says_why(
    own_engine: StartEngine,
    softphone: StartPhone,
    authority: Authority,
    ours: Certificate,
    tmp_path: Path,
) -> None:
    foreign = Authority(tmp_path / "foreign", "Foreign CA")
    bad = {
        "certificate_expired": authority.certificate("127.0.0.1", to_days=-0.5),
        "certificate_wrong_name": authority.certificate("sip.example.com"),
        "certificate_unknown_issuer": foreign.certificate("127.0.0.1"),
    }
    engine = await own_engine(**tls_settings(ours))
    phones = await asyncio.gather(
        *(softphone(user=f"a{n}", tls=files(one)) for n, one in enumerate(bad.values()))
    )
    for word, phone in zip(bad, phones, strict=True):
        job = await engine.callback("sip:nobody@127.0.0.1;transport=tls", phone.uri)
        record = await engine.ended(job)
        assert record["state"] == "failed"
        (leg,) = record["attempts"][0]["legs"]
        assert leg["reason"].startswith(f"tls {word}: ")
        assert not phone.seen("incoming")


async def test_next_trunk_is_taken_where_the_certificate_of_one_is_not_good(
    own_engine: StartEngine,
    softphone: StartPhone,
    wire: MakeWire,
    authority: Authority,
    ours: Certificate,
) -> None:
    expired = await softphone(
        user="one", tls=files(authority.certificate("127.0.0.1", to_days=-0.5))
    )
    agent_phone, other = wire("agent"), wire("two")
    settings = tls_settings(ours)
    settings["sip"]["listen"].append(f"udp:127.0.0.1:{free_port()}")
    settings["dial"]["allow_hosts"] = ["127.0.0.1"]
    port = expired.uri.partition(";")[0].rpartition(":")[2]
    engine = await own_engine(
        **settings,
        trunks=[
            {"name": "one", "uri": f"sips:127.0.0.1:{port}"},
            {"name": "two", "uri": f"sip:127.0.0.1:{other.port}"},
        ],
        routes=[{"prefix": "+", "trunks": ["one", "two"]}],
    )
    job = await engine.callback("+442079460123", agent_phone.uri)
    agent = await agent_phone.answer()
    call = await other.called()
    down = await event(engine, "trunk.down")
    assert down["trunk"] == "one" and down["reason"].startswith("tls certificate_expired: ")
    call.accept()
    await engine.state("bridged", job)
    agent.bye()
    await engine.ended(job)
    assert not expired.seen("incoming")


async def test_certificate_says_which_trunk_calls(
    own_engine: StartEngine, softphone: StartPhone, authority: Authority, ours: Certificate
) -> None:
    """From any address: the trunk's own is elsewhere. Others are refused, with a good one too."""
    carrier, other = await asyncio.gather(
        softphone(user="carrier", tls=files(authority.certificate("sbc.carrier.example"))),
        softphone(user="other", tls=files(authority.certificate("elsewhere.example"))),
    )
    settings = tls_settings(ours)
    settings["dial"] = {"allow_hosts": []}
    engine = await own_engine(
        **settings,
        trunks=[{
            "name": "carrier", "uri": "sips:192.0.2.1", "tls_names": ["sbc.carrier.example"],
        }],
        queues=[{"name": "sales"}],
        inbound=[{"name": "main", "number": "+442079460000", "queue": "sales"}],
    )  # fmt: skip
    target = settings["sip"]["listen"][0].removeprefix("tls:") + ";transport=tls"
    other.command(f"call sip:+442079460000@{target}")
    await other.wait_for("state", state="disconnected", status=403)
    carrier.command(f"call sip:+442079460000@{target}")
    incoming = await event(engine, "call.incoming")
    assert incoming["trunk"] == "carrier"
    await event(engine, "call.answered")
    carrier.command("hangup")
    await event(engine, "call.ended")


async def test_reload_reads_certificates_anew_and_calls_go_on(
    own_engine: StartEngine, softphone: StartPhone, authority: Authority, tmp_path: Path
) -> None:
    theirs = files(authority.certificate("127.0.0.1"))
    first = authority.certificate("127.0.0.1", "old.example")
    for name, source in (("cert", first.cert), ("key", first.key)):
        shutil.copy(source, tmp_path / f"{name}.pem")
    used = Certificate(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"), first.ca)
    settings = tls_settings(used)
    engine = await own_engine(**settings)
    agent, customer = await asyncio.gather(
        softphone(user="agent", tls=theirs), softphone(user="customer", tls=theirs)
    )
    job = await engine.callback(customer.uri, agent.uri)
    await engine.state("bridged", job)
    (tmp_path / "cert.pem").write_text("damaged")
    with pytest.raises(Refused, match=r"sip\.tls\.cert"):
        await engine.line.call("engine.reload")
    second = authority.certificate("127.0.0.1", "new.example")
    for name, source in (("cert", second.cert), ("key", second.key)):
        shutil.copy(source, tmp_path / f"{name}.pem")
    await engine.line.call("engine.reload")
    port = int(settings["sip"]["listen"][0].rpartition(":")[2])
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=second.client_context(), server_hostname="127.0.0.1"
    )
    assert ("DNS", "new.example") in writer.get_extra_info("peercert")["subjectAltName"]
    writer.close()
    assert (await engine.job(job))["state"] == "bridged"
    # And the call ends in order, on the connections that it began on.
    customer.command("hangup")
    assert (await engine.ended(job))["state"] == "completed"
    await agent.wait_for("state", state="disconnected")


async def test_trunk_is_found_by_its_sips_records_and_has_the_certificate_of_its_domain(
    own_engine: StartEngine, softphone: StartPhone, authority: Authority, ours: Certificate
) -> None:
    carrier = await softphone(user="carrier", tls=files(authority.certificate("carrier.example")))
    agent = await softphone(user="agent", tls=files(authority.certificate("127.0.0.1")))
    port = carrier.uri.partition(";")[0].rpartition(":")[2]
    zone = {
        ("_sips._tcp.carrier.example", "SRV"): [f"1 1 {port} edge.hosting.example."],
        ("edge.hosting.example", "A"): ["127.0.0.1"],
    }
    async with DnsServer(zone) as server:
        settings = tls_settings(ours)
        settings["sip"]["dns"] = ["{}:{}".format(*server.address)]
        engine = await own_engine(
            **settings,
            trunks=[{"name": "carrier", "uri": "sips:carrier.example"}],
            routes=[{"prefix": "+", "trunks": ["carrier"]}],
        )
        job = await engine.callback("+442079460123", agent.uri)
        await engine.state("bridged", job)
        (incoming,) = carrier.seen("incoming")
        assert incoming["request_uri"] == "sips:+442079460123@carrier.example"
        carrier.command("hangup")
        assert (await engine.ended(job))["state"] == "completed"


async def test_trunk_with_an_address_of_its_own(own_engine: StartEngine, wire: MakeWire) -> None:
    agent_phone, carrier = wire("agent"), wire("carrier")
    own = free_port()
    engine = await own_engine(
        trunks=[{
            "name": "carrier", "uri": f"sip:127.0.0.1:{carrier.port}",
            "listen": [f"udp:127.0.0.1:{own}"],
        }],
        routes=[{"prefix": "+", "trunks": ["carrier"]}],
        queues=[{"name": "sales"}],
        inbound=[{"name": "main", "number": "+442079460000", "queue": "sales"}],
    )  # fmt: skip
    job = await engine.callback("+442079460123", agent_phone.uri)
    agent = await agent_phone.answer()
    call = await carrier.called()
    assert agent.invite.source[1] == engine.process.sip_port
    assert call.invite.source[1] == own
    assert f":{own};rport" in call.invite["via"] and f":{own}>" in call.invite["contact"]
    call.accept()
    await engine.state("bridged", job)
    agent.bye()
    await call.receive("BYE")
    await engine.ended(job)
    # Its calls come in there as well.
    caller = WireOutgoing.place(carrier, own, "+442079460000")
    await caller.answered()
    assert (await event(engine, "call.incoming"))["trunk"] == "carrier"
    caller.bye()
    await event(engine, "call.ended")
