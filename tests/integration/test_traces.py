"""The SIP of calls with real phones: as a ladder, in words, for Wireshark, at a collector."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import ringback_process
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.hep import HepCollector
from tests.support.phones.real.sipp import Sipp
from tests.support.phones.real.softphone import StartPhone
from tests.support.phones.wire.caller import WireOutgoing
from tests.support.phones.wire.phone import MakeWire
from tests.support.ports import free_port
from tests.support.tshark import dissected, needs_tshark

SHOP = "+442079460000"
USER, PASSWORD = "ringback", "s3cret"


@pytest.fixture
def homer() -> Iterator[HepCollector]:
    """A collector that listens."""
    listening = HepCollector()
    yield listening
    listening.close()


async def printed(engine: EngineClient, *arguments: str) -> str:
    """What a command prints."""
    done = await ringback_process("--socket", str(engine.process.socket), *arguments, COLUMNS="120")
    assert done.status == 0, done.text
    return done.out


async def trace_of(engine: EngineClient, job: str) -> dict[str, Any]:
    """What the engine has of a job."""
    found: dict[str, Any] = await engine.line.call("trace.get", job=job)
    return found


async def talk(engine: EngineClient, softphone: StartPhone, for_s: float) -> str:
    """A callback in which two PJSIP phones talk. Returns its job."""
    agent, customer = await asyncio.gather(
        softphone(user="agent", tone=600), softphone(user="customer", tone=1500, answer_after=0.3)
    )
    job = await engine.callback(customer.uri, agent.uri, context={"site": "shop.example"})
    await engine.state("bridged", job)
    await asyncio.sleep(for_s)
    customer.command("hangup")
    await agent.wait_for("state", state="disconnected")
    await engine.ended(job)
    return job


@needs_tshark
async def test_a_talk_of_two_pjsip_phones_is_a_ladder_and_a_capture(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    job = await talk(engine, softphone, 1.0)
    found = await trace_of(engine, job)
    (call,) = found["calls"]
    legs = {leg["leg"]: leg["role"] for leg in call["legs"]}
    ladder = [
        (legs[one["leg"]], one["direction"], one["status"] or one["method"])
        for one in found["messages"]
        if not one["retransmission"]
    ]
    for role in ("agent", "customer"):
        mine = [one[1:] for one in ladder if one[0] == role]
        assert mine[0] == ("sent", "INVITE")
        assert mine.index(("received", 180)) < mine.index(("received", 200))
        assert mine.index(("received", 200)) < mine.index(("sent", "ACK"))
    assert ("customer", "received", "BYE") in ladder and ("agent", "sent", "BYE") in ladder
    assert call["cause"] == "Customer hung up." and call["bridged_at"] is not None
    assert all(leg["media"]["packets_received"] > 20 for leg in call["legs"])

    shown = await printed(engine, "trace", job)
    assert "the two are joined" in shown and "lost 0.0%" in shown
    assert shown.splitlines()[-1] == "Customer hung up."
    told = await printed(engine, "explain", job)
    assert "The customer hung up (BYE" in told and "We hung up on the agent (BYE" in told
    assert "The two were joined." in told and "Of the RTP of the agent" in told

    capture = tmp_path / "call.pcap"
    await printed(engine, "trace", job, "--pcap", str(capture))
    frames = await dissected(
        capture, "sip.Method", "sip.Status-Code", "sip.Call-ID", "udp.srcport", "udp.dstport",
        "udp.checksum.status", "ip.checksum.status", "sdp.media.port", "frame.time_epoch",
    )  # fmt: skip
    assert len(frames) == len(found["messages"])
    for frame, message in zip(frames, found["messages"], strict=True):
        method, status, call_id, source, target, *checks, media_port, time = frame
        assert method == ("" if message["status"] else message["method"])
        assert status == str(message["status"] or "")
        assert call_id == message["call_id"] and checks == ["1", "1"]
        ports = [message[name].rpartition(":")[2] for name in ("local", "remote")]
        assert [source, target] == (ports if message["direction"] == "sent" else ports[::-1])
        assert float(time) == pytest.approx(message["time"], abs=1e-5)
        audio = message["audio"]
        assert media_port == ("" if audio is None else str(audio["port"]))


async def test_sipp_is_late_and_refuses_over_each_transport(
    engine: EngineClient, wire: MakeWire, tmp_path: Path
) -> None:
    """What was sent again is told, and why nobody was reached; TCP sends nothing again."""
    for transport, suffix in (("u1", ""), ("t1", ";transport=tcp")):
        sipp = await Sipp.start("late_refusal", tmp_path, pause_ms=700, transport=transport)
        agent = wire("desk")
        job = await engine.callback(sipp.uri + suffix, agent.uri)
        await agent.answer()
        await engine.ended(job)
        await sipp.finished()
        found = await trace_of(engine, job)
        customer = found["calls"][0]["legs"][1]
        mine = [one for one in found["messages"] if one["leg"] == customer["leg"]]
        invites = [
            one["retransmission"] for one in mine if one["method"] == "INVITE" and not one["status"]
        ]
        assert invites == ([0, 1] if transport == "u1" else [0])
        assert {one["transport"] for one in mine} == {"udp" if transport == "u1" else "tcp"}
        assert len({one["local"] for one in mine}) == 1
        assert "486 Busy Here" in found["calls"][0]["cause"]
        told = await printed(engine, "explain", job)
        assert ("INVITE was sent 2 times on the leg of the customer." in told) is (
            transport == "u1"
        )
        assert "The customer's leg was refused: 486 Busy Here." in told
        assert 'Q.850;cause=17;text="User busy"' in told


async def test_passwords_are_in_no_trace(
    own_engine: StartEngine, wire: MakeWire, homer: HepCollector, tmp_path: Path
) -> None:
    sipp = await Sipp.start("challenge", tmp_path)
    account = {"username": USER, "password": PASSWORD}
    engine = await own_engine(
        trunks=[{"name": "right", "uri": f"sip:127.0.0.1:{sipp.port}", **account}],
        routes=[{"prefix": "+44", "trunks": ["right"]}],
        trace={"hep": homer.address},
    )
    agent = wire("desk")
    job = await engine.callback("+442079460123", agent.uri)
    talking = await agent.answer()
    await engine.state("bridged", job)
    talking.bye()
    await engine.ended(job)
    await sipp.finished()
    (given,) = {
        line.partition("response=")[2].split(",")[0].strip('"\r')
        for message in sipp.received("INVITE")
        for line in message.text.split("\n")
        if line.lower().startswith("authorization")
    }
    assert len(given) == 32  # what SIPp has checked
    traced = str(await trace_of(engine, job))
    collected = b"".join(packet.payload for packet in await homer.until(1, 10))
    capture = tmp_path / "call.pcap"
    await printed(engine, "trace", job, "--pcap", str(capture))
    for text in (traced.encode(), collected, capture.read_bytes()):
        assert b'response="' + b"*" * 32 in text and b'realm="pbx"' in text
        assert given.encode() not in text and PASSWORD.encode() not in text
    assert "asked for credentials (401)" in await printed(engine, "explain", job)


async def test_a_collector_gets_sip_rtcp_and_the_record_of_a_talk(
    own_engine: StartEngine, softphone: StartPhone, homer: HepCollector
) -> None:
    engine = await own_engine(trace={"hep": homer.address, "hep_id": 77, "hep_password": "hidden"})
    job = await talk(engine, softphone, 1.0)
    found = await trace_of(engine, job)
    records = await homer.until(100, 2)
    dialogs = {one["call_id"] for one in found["messages"]}
    assert len(dialogs) == 2
    assert {packet.correlation_id for packet in records} == dialogs
    assert {packet.json["id"] for packet in records} == {job}
    assert records[0].json["state"] == "completed"
    sip = homer.of_kind(1)
    assert [packet.payload.decode() for packet in sip] == [one["text"] for one in found["messages"]]
    assert {packet.number(12) for packet in homer.packets} == {77}
    assert {packet.chunks[14] for packet in homer.packets} == {b"hidden"}
    # The goodbye of each leg has a report, whatever the time of the others.
    reports = await homer.until(5, 2)
    assert {packet.correlation_id for packet in reports} == dialogs
    for packet in reports:
        leg = next(
            leg for leg in found["calls"][0]["legs"] if leg["call_id"] == packet.correlation_id
        )
        host, _, port = leg["local_media"].rpartition(":")
        assert (host, int(port) + 1) in (packet.source, packet.target)
        assert packet.json["ssrc"] > 0 and packet.json["type"] in (200, 201)


async def test_a_call_that_came_in_is_traced_through_a_flood_of_unknown_sources(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    desk = wire("desk")
    engine = await own_engine(
        trunks=[{"name": "pbx", "uri": f"sip:127.0.0.1:{free_port()}"}],
        inbound=[{"name": "shop", "number": SHOP, "queue": "sales"}],
        queues=[{"name": "sales"}],
        agents=[{"name": "alice", "uri": desk.uri, "queues": ["sales"]}],
        trace={"keep_mib": 1.0},
    )
    caller = WireOutgoing.place(wire("+442079461111"), engine.process.sip_port, SHOP)
    await caller.answered()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        stranger.connect(("127.0.0.1", engine.process.sip_port))
        for number in range(400):
            lines = (
                "OPTIONS sip:x@127.0.0.1 SIP/2.0",
                f"Via: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK{number}",
                "From: <sip:y@127.0.0.2>;tag=1",
                "To: <sip:x@127.0.0.1>",
                f"Call-ID: flood-{number}",
                "CSeq: 1 OPTIONS",
                "Content-Length: 4000",
            )
            stranger.send("\r\n".join((*lines, "", "x" * 4000)).encode())
    talking = await desk.answer()
    bridged = await engine.line.events.wait_for(lambda event: event["type"] == "call.bridged")
    up = await printed(engine, "trace", bridged["call"])
    assert "up for" in up and "the two are joined" in up
    talking.bye()
    await caller.receive("BYE")
    ended = await engine.line.events.wait_for(lambda event: event["type"] == "call.ended")
    found = await engine.line.call("trace.get", call=ended["call"])
    (call,) = found["calls"]
    assert (call["direction"], call["trunk"], call["number"]) == ("inbound", "pbx", "+442079461111")
    mine = [one for one in found["messages"] if one["call_id"] == caller.invite["call-id"]]
    assert [one["method"] for one in mine if one["status"] is None] == ["INVITE", "ACK", "BYE"]
    assert mine[0]["direction"] == "received" and {leg["role"] for leg in call["legs"]} == {
        "agent", "customer",
    }  # fmt: skip
    told = await printed(engine, "explain", ended["call"])
    assert f"called {SHOP} by the trunk pbx" in told and "The agent hung up (BYE)." in told
    assert call["cause"] is not None and call["cause"] in await printed(
        engine, "trace", ended["call"]
    )
