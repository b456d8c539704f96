"""Codecs, keys and headers of single trunks, on the wire and in the ear."""

import re
from pathlib import Path

from tests.support.engines.process import StartEngine
from tests.support.phones.real.sipp import Sipp
from tests.support.phones.wire.caller import WireOutgoing
from tests.support.phones.wire.message import audio_address
from tests.support.phones.wire.phone import MakeWire
from tests.support.ports import free_udp_range


def formats(body: str) -> list[str]:
    found = re.search(r"m=audio \d+ RTP/AVP (.*)", body)
    assert found is not None
    return found[1].split()


async def test_each_trunk_has_its_codecs_keys_and_headers(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path
) -> None:
    """SIPp is the carrier that speaks PCMA alone and takes keys by INFO; the agent speaks PCMU."""
    sipp, agent_phone = await Sipp.start("answer_pcma", tmp_path, pause_ms=300), wire("agent")
    engine = await own_engine(
        trunks=[
            {
                "name": "carrier",
                "uri": f"sip:127.0.0.1:{sipp.port}",
                "codecs": ["PCMA"],
                "dtmf": "info",
                "headers": {
                    "X-Account": "shop",
                    "X-Order": "{id} {context.order}",
                    "X-None": "{context.none}",
                },
            }
        ],
        routes=[{"prefix": "+", "trunks": ["carrier"]}],
        agents=[{"name": "alice", "uri": agent_phone.uri, "codecs": ["PCMU", "PCMA"]}],
    )
    order = "17\r\nVia: SIP/2.0/UDP 192.0.2.66"
    job = await engine.callback("+442079460123", "alice", context={"order": order})
    agent = await agent_phone.answer()
    assert formats(agent.invite.body) == ["0", "8", "101"]
    await engine.state("bridged", job)
    (invite,) = sipp.received("INVITE")
    assert formats(invite.text) == ["8"]
    assert "telephone-event" not in invite.text
    assert "\nX-Account: shop\n" in invite.text
    assert f"\nX-Order: {job} 17 Via: SIP/2.0/UDP 192.0.2.66\n" in invite.text
    assert "X-None" not in invite.text
    assert invite.text.count("\nVia:") == 1
    agent.bye()
    assert (await engine.ended(job))["state"] == "completed"


async def test_a_trunk_has_ports_of_its_own(own_engine: StartEngine, wire: MakeWire) -> None:
    first, last = free_udp_range(20)
    carrier, agent_phone = wire("+442079461111"), wire("agent")
    engine = await own_engine(
        trunks=[
            {
                "name": "carrier",
                "uri": f"sip:127.0.0.1:{carrier.port}",
                "rtp_ports": [first, last],
            }
        ],
        routes=[{"prefix": "+", "trunks": ["carrier"]}],
        inbound=[{"name": "shop", "number": "+", "queue": "sales"}],
        queues=[{"name": "sales"}],
        agents=[{"name": "alice", "uri": agent_phone.uri, "queues": ["sales"]}],
    )
    job = await engine.callback("+442079460123", "alice")
    agent = await agent_phone.answer()
    customer = await carrier.answer()
    await engine.state("bridged", job)
    assert first <= audio_address(customer.invite.body)[1] <= last
    agent.bye()
    assert (await engine.ended(job))["state"] == "completed"
    caller = WireOutgoing.place(carrier, engine.process.sip_port, "+442079460000")
    assert first <= audio_address((await caller.answered()).body)[1] <= last
    caller.bye()


async def test_a_key_of_one_party_reaches_the_other_by_info(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    carrier, agent_phone = wire("carrier"), wire("agent")
    engine = await own_engine(
        trunks=[{"name": "carrier", "uri": f"sip:127.0.0.1:{carrier.port}", "dtmf": "info"}],
        routes=[{"prefix": "+", "trunks": ["carrier"]}],
        agents=[{"name": "alice", "uri": agent_phone.uri}],
    )
    job = await engine.callback("+442079460123", "alice")
    agent = await agent_phone.answer()
    customer = await carrier.answer()
    assert "telephone-event" not in customer.invite.body
    await engine.state("bridged", job)
    agent.press_by_info("7")
    info = await customer.receive("INFO")
    customer.respond(200, request=info)
    assert info["content-type"] == "application/dtmf-relay"
    assert info.body.splitlines()[0] == "Signal=7"
    customer.press_by_info("5")
    told = await engine.event("leg.dtmf", job, role="customer")
    assert told["digit"] == "5"
    agent.bye()
    assert (await engine.ended(job))["state"] == "completed"


async def test_a_call_without_a_codec_of_the_trunk_is_refused(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    trunk = wire("+442079461111")
    engine = await own_engine(
        trunks=[{"name": "carrier", "uri": f"sip:127.0.0.1:{trunk.port}", "codecs": ["PCMA"]}],
        inbound=[{"name": "shop", "number": "+", "queue": "sales"}],
        queues=[{"name": "sales"}],
    )
    call = WireOutgoing.place(trunk, engine.process.sip_port, "+442079460000")
    refused = await call.refused()
    assert refused.what == "488"
    assert "305" in refused["warning"]
