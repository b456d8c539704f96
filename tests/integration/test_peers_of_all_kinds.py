"""Phones, PBXs and providers that do what is allowed but unusual, or what is not allowed at all."""

import asyncio
import struct
import time

import pytest

from tests.support.engines.process import HOLD_HZ, PATIENCE_S, EngineClient, StartEngine
from tests.support.phones.wire.message import WireMessage, sdp
from tests.support.phones.wire.phone import MakeWire, WireCall, WirePhone
from tests.support.phones.wire.rtp import WireRtp
from tests.support.phones.wire.tcp import TcpPhone
from tests.support.talk import AGENT_HZ, CUSTOMER_HZ, TONES, begin_talk, end_talk
from tests.support.waiting import until


async def answer_to(call: WireCall, method: str) -> WireMessage:
    """The final response to the last request of this method that the phone sent in its dialog."""
    cseq = f"{call.cseq} {method}"
    return await call.phone.messages.wait_for(
        lambda m: m.what[:1] in "23456" and m["cseq"] == cseq, timeout_s=PATIENCE_S
    )


def send(call: WireCall, method: str, body: str = "", *, kind: str = "", **headers: str) -> None:
    """A request in the dialog, with a body of any type."""
    call.cseq += 1
    invite = call.invite
    lines = [
        f"{method} {invite['contact'].partition('<')[2].partition('>')[0]} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:{call.phone.port};branch=z9hG4bK{method}{call.cseq}",
        f"From: {invite['to']};tag={call.tag}",
        f"To: {invite['from']}",
        f"Call-ID: {invite['call-id']}",
        f"CSeq: {call.cseq} {method}",
        f"Contact: <{call.phone.uri}>",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    if kind:
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}", "", body]
        call.phone._socket.sendto("\r\n".join(lines).encode(), invite.source)
    else:
        call.phone.send(lines, body, invite.source)


async def test_an_answer_that_cannot_be_followed_ends_the_call(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.answer()
    customer = await customer_phone.called()
    good, customer_phone.uri = customer_phone.uri, "sip:[::"
    customer.accept()
    customer_phone.uri = good
    await customer.acknowledged()
    await customer.receive("BYE")
    await agent.receive("BYE")
    record = await engine.ended(job)
    assert (record["state"], record["result"]) == ("failed", "failed")
    assert "cannot be read" in record["cause"]


async def test_requests_of_other_kinds_are_answered_and_the_call_goes_on(
    engine: EngineClient, wire: MakeWire
) -> None:
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    for method in ("MESSAGE", "SUBSCRIBE", "PUBLISH"):
        send(customer, method)
        refused = await answer_to(customer, method)
        assert refused.what == "405" and "UPDATE" in refused["allow"]
    send(customer, "PRACK", RAck="1 1 INVITE")
    assert (await answer_to(customer, "PRACK")).what == "481"
    send(customer, "UPDATE", Session_Expires="1800;refresher=uac", Supported="timer")
    assert (await answer_to(customer, "UPDATE")).what == "200"
    send(customer, "INVITE", sdp(customer.rtp), Require="100rel, answermode")
    refused = await answer_to(customer, "INVITE")
    assert (refused.what, refused["unsupported"]) == ("420", "answermode")
    await end_talk(engine, job, agent)


async def test_video_is_refused_and_encryption_is_not_assumed(
    engine: EngineClient, wire: MakeWire
) -> None:
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    audio = sdp(customer.rtp, version=2)
    video = "m=video 4000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    send(customer, "INVITE", audio + video)
    ok = await answer_to(customer, "INVITE")
    media = [line for line in ok.body.split("\r\n") if line.startswith("m=")]
    assert [line.split(" ")[0] for line in media] == ["m=audio", "m=video"]
    assert media[1].startswith("m=video 0 RTP/AVP")
    customer.request("ACK", cseq=customer.cseq)
    for other in (
        audio.replace("RTP/AVP", "RTP/SAVP") + video,
        audio.replace("AVP 0 101", "AVP 18 101").replace("a=rtpmap:0 PCMU/8000\r\n", "") + video,
        audio,  # one stream fewer than agreed
    ):
        send(customer, "INVITE", other)
        refused = await answer_to(customer, "INVITE")
        assert refused.what == "488", other
        customer.request("ACK", cseq=customer.cseq)
    since = time.time() + 0.1
    await asyncio.sleep(0.5)
    assert agent.rtp.heard(since).hears(CUSTOMER_HZ)
    await end_talk(engine, job, agent)


async def test_digits_under_either_number_and_by_info(engine: EngineClient, wire: MakeWire) -> None:
    """A phone that wants events as 96 sends them as 101, which it was offered, or as 96."""
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.called()
    body = sdp(agent.rtp).replace("101", "96")
    agent.rtp.remote = ("127.0.0.1", int(agent.invite.body.split("m=audio ")[1].split(" ")[0]))
    lines = [
        "SIP/2.0 200 OK",
        f"Via: {agent.invite['via']}",
        f"From: {agent.invite['from']}",
        f"To: {agent.invite['to']};tag={agent.tag}",
        f"Call-ID: {agent.invite['call-id']}",
        f"CSeq: {agent.invite['cseq']}",
        f"Contact: <{agent_phone.uri}>",
    ]
    agent_phone.send(lines, body, agent.invite.source)
    await agent.acknowledged()
    agent.rtp.send_tone(AGENT_HZ)
    customer = await customer_phone.answer(tone_hz=CUSTOMER_HZ)
    await engine.state("bridged", job)
    for number, digit in ((101, 1), (96, 2)):
        agent.rtp.telephone_event = number
        agent.rtp.send_digit(digit)
        event = await engine.event("leg.dtmf", job, digit=str(digit))
        assert event["role"] == "agent"
    send(agent, "INFO", "Signal=3\r\nDuration=120\r\n", kind="application/dtmf-relay")
    assert (await answer_to(agent, "INFO")).what == "200"
    event = await engine.event("leg.dtmf", job, digit="3")
    assert (event["role"], event["duration_ms"]) == ("agent", 120)
    await asyncio.sleep(0.4)
    digits = {p.payload[0] for p in customer.rtp.packets if p.payload_type == 101}
    assert digits == {1, 2, 3}
    since = time.time()
    await asyncio.sleep(0.6)
    assert customer.rtp.heard(since).hears(AGENT_HZ), "the sound goes on after the digits"
    customer.rtp.send_digit(4)
    await engine.event("leg.dtmf", job, digit="4", role="customer")
    await asyncio.sleep(0.1)
    assert [p for p in agent.rtp.packets if p.payload_type == 96 and p.payload[0] == 4]
    await end_talk(engine, job, agent)


async def test_a_forwarded_call_moves_its_early_media_and_one_branch_wins(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.answer(tone_hz=AGENT_HZ)
    customer = await customer_phone.called()
    customer.respond(183, with_sdp=True)
    first = customer.rtp
    first.send_tone(900)
    await engine.event("leg.early_media", job, role="customer")
    await asyncio.sleep(0.3)
    first.fall_silent()
    customer.tag, customer.rtp = "another", WireRtp()
    customer.respond(183, with_sdp=True)
    customer.rtp.send_tone(CUSTOMER_HZ)
    await asyncio.sleep(0.3)
    since = time.time()
    await asyncio.sleep(0.4)
    assert agent.rtp.heard(since).hears(CUSTOMER_HZ)
    customer.accept()
    await customer.acknowledged()
    # The first branch answers as well: it is acknowledged and hung up, and nobody hears of it.
    customer.tag, kept = "late", customer.tag
    customer.respond(200, with_sdp=True)
    await customer.receive("ACK", nth=2)
    bye = await customer.receive("BYE")
    assert "tag=late" in bye["to"]
    customer.tag = kept
    await engine.state("bridged", job)
    since = time.time() + 0.1
    await asyncio.sleep(0.5)
    assert agent.rtp.heard(since).hears(CUSTOMER_HZ)
    first.close()
    await end_talk(engine, job, agent)


async def test_a_200_that_comes_again_is_acknowledged_again(
    engine: EngineClient, wire: MakeWire
) -> None:
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    for nth in (2, 3):
        customer.accept()
        await customer.receive("ACK", nth=nth)
    await end_talk(engine, job, agent)
    await customer.receive("BYE")
    customer.accept()  # it had crossed the BYE
    await customer.receive("ACK", nth=4)
    byes = [m for m in customer.phone.messages.items if m.what == "BYE"]
    assert len(byes) == 1


@pytest.mark.parametrize("hold", ["a=sendonly", "a=inactive", "0.0.0.0"])
async def test_every_way_to_hold_and_to_come_back_elsewhere(
    engine: EngineClient, wire: MakeWire, hold: str
) -> None:
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    body = sdp(customer.rtp, version=2)
    if hold.startswith("a="):
        body = body.replace("a=sendrecv", hold)
    else:
        body = body.replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0")
    send(customer, "INVITE", body)
    ok = await answer_to(customer, "INVITE")
    assert ("a=recvonly" if hold != "a=inactive" else "a=inactive") in ok.body
    customer.request("ACK", cseq=customer.cseq)
    held = await engine.event("leg.held", job, role="customer")
    await until(lambda: agent.rtp.heard(held["time"]).hears(HOLD_HZ))  # once it is loaded
    since = time.time()
    await asyncio.sleep(0.5)
    assert agent.rtp.heard(since).hears(HOLD_HZ)
    assert not agent.rtp.heard(since).hears(CUSTOMER_HZ)
    assert not customer.rtp.audio(since)
    old, customer.rtp = customer.rtp, WireRtp("PCMA")
    old.fall_silent()
    customer.rtp.remote = old.remote
    send(customer, "INVITE", "")  # without an offer: the engine makes one
    ok = await answer_to(customer, "INVITE")
    assert "a=sendrecv" in ok.body
    customer.request("ACK", sdp(customer.rtp, version=3), cseq=customer.cseq)
    await engine.event("leg.resumed", job, role="customer")
    customer.rtp.send_tone(CUSTOMER_HZ)
    await asyncio.sleep(0.2)
    since = time.time()
    await asyncio.sleep(0.5)
    assert agent.rtp.heard(since).hears(CUSTOMER_HZ)
    assert customer.rtp.heard(since).hears(AGENT_HZ)
    assert not [flaw for flaw in agent.rtp.flaws() if "timestamp" not in flaw]
    old.close()
    await end_talk(engine, job, agent)


async def test_a_silent_trunk_gives_way_to_the_next(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    """Neither ICMP nor an answer: a firewall drops what is sent."""
    silent, also_silent, agent_phone = wire("silent"), wire("also"), wire("agent")

    def trunk(name: str, phone: WirePhone) -> dict[str, object]:
        return {"name": name, "uri": f"sip:127.0.0.1:{phone.port};transport=udp"}

    engine = await own_engine(
        trunks=[trunk("silent", silent), trunk("also", also_silent)],
        routes=[{"prefix": "+", "trunks": ["silent", "also"]}],
    )
    job = await engine.callback("+442079460123", agent_phone.uri, ring_s=7)
    agent = await agent_phone.answer()
    await silent.called()
    assert not also_silent.messages.items
    await also_silent.called()
    record = await engine.ended(job)
    assert (record["state"], record["result"]) == ("failed", "unreachable")
    assert "no response" in record["cause"]
    await agent.receive("BYE")
    # The one that was given up answers late: nobody may stay on that line.
    late = silent.calls[0]
    late.accept()
    await late.acknowledged()
    await late.receive("BYE")


async def test_frames_of_30_and_40_ms_are_passed_on(engine: EngineClient, wire: MakeWire) -> None:
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    customer.rtp.fall_silent()
    for samples in (240, 320):
        await asyncio.sleep(0.2)  # another SSRC is heard once the one before has stopped
        since = time.time()
        await _send_frames(customer.rtp, samples, 20)
        assert len([p for p in agent.rtp.audio(since) if len(p.payload) == samples]) == 20
    assert not [flaw for flaw in agent.rtp.flaws() if "SSRC" in flaw or "followed" in flaw]
    await end_talk(engine, job, agent)


async def _send_frames(rtp: WireRtp, samples: int, count: int) -> None:
    for number in range(count):
        header = struct.pack("!BBHII", 0x80, 0, 1000 + number + samples, number * samples, samples)
        rtp.send_raw(header + bytes([0x55]) * samples)
        await asyncio.sleep(samples / 8000)


async def test_tcp_in_pieces_and_a_connection_that_is_closed_in_mid_dialog(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer = wire("agent"), TcpPhone()
    await customer.listen()
    job = await engine.callback(customer.uri, agent_phone.uri)
    agent = await agent_phone.answer(tone_hz=AGENT_HZ)
    invite = await customer.get("INVITE")
    writer = customer.writers[0]
    ok = customer.response(invite, 200, sdp(customer.rtp))
    writer.write(customer.response(invite, 100) + customer.response(invite, 180) + ok[:100])
    await engine.event("leg.ringing", job, role="customer")
    writer.write(ok[100:-30])
    await asyncio.sleep(0.1)
    writer.write(ok[-30:] + b"\r\n\r\n")
    await customer.get("ACK")
    await engine.state("bridged", job)
    writer.close()
    await asyncio.sleep(0.3)
    assert (await engine.job(job))["state"] == "bridged", "RTP goes on, and so does the call"
    agent.bye()
    bye = await customer.get("BYE")
    assert bye.source[1] == 2, "on a connection of its own"
    customer.writers[1].write(customer.response(bye, 200))
    assert (await engine.ended(job))["state"] == "completed"
    await customer.close()
