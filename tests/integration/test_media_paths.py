"""Where RTP goes and what is known of it: phones that move, direction, loss, jitter, reports."""

import asyncio
import os
import struct
import time

from media.relay.implementation import chosen
from tests.support.engines.process import HOLD_HZ, EngineClient
from tests.support.gaps import KeptFromCores, PauseLimit
from tests.support.phones.wire.phone import MakeWire
from tests.support.phones.wire.rtp import WireRtp
from tests.support.recording import read_stereo_wav
from tests.support.talk import AGENT_HZ, CUSTOMER_HZ, begin_loud_talk, end_talk
from tests.support.waiting import until


async def test_the_relay_is_the_one_that_is_wanted(engine: EngineClient) -> None:
    status = await engine.line.call("engine.status")
    relays = {one["relay"] for one in status["media"]["workers"]}
    assert relays == {os.environ.get("RINGBACK_RELAY", chosen().name)}


async def test_a_phone_behind_nat_is_followed_to_its_new_port(
    engine: EngineClient, wire: MakeWire
) -> None:
    job, agent, customer = await begin_loud_talk(engine, wire)
    customer.rtp.rebind()
    moved = await engine.event("leg.peer_moved", job)
    assert moved["role"] == "customer"
    since = time.time()
    await asyncio.sleep(0.7)
    assert agent.rtp.heard(since).hears(CUSTOMER_HZ)
    assert customer.rtp.heard(since).hears(AGENT_HZ)
    assert not [flaw for flaw in agent.rtp.flaws() if "timestamp" not in flaw]
    await end_talk(engine, job, agent)


async def test_a_re_invite_moves_the_audio_at_once(engine: EngineClient, wire: MakeWire) -> None:
    job, agent, customer = await begin_loud_talk(engine, wire)
    old, customer.rtp = customer.rtp, WireRtp()
    customer.rtp.remote = old.remote
    customer.reinvite("sendrecv")
    customer.acknowledge(await customer.receive("200"))
    old.fall_silent()
    customer.rtp.send_tone(900)
    await asyncio.sleep(0.2)
    since = time.time()
    await asyncio.sleep(0.6)
    assert customer.rtp.heard(since).hears(AGENT_HZ)
    assert agent.rtp.heard(since).hears(900)
    assert not old.audio(since)
    old.close()
    await end_talk(engine, job, agent)


async def test_nothing_is_sent_to_a_phone_that_only_sends(
    engine: EngineClient, wire: MakeWire
) -> None:
    pauses = PauseLimit(engine.process)
    job, agent, customer = await begin_loud_talk(engine, wire)
    agent.reinvite("sendonly")
    answer = await agent.receive("200")
    agent.acknowledge(answer)
    assert "a=recvonly" in answer.body
    held = await engine.event("leg.held", job, role="agent")
    await until(lambda: customer.rtp.heard(held["time"]).hears(HOLD_HZ))  # once it is loaded
    since = time.time()
    await asyncio.sleep(0.6)
    assert not agent.rtp.audio(since)
    assert customer.rtp.heard(since).hears(HOLD_HZ)
    assert customer.rtp.longest_pause_s(since) <= pauses.limit_s()
    agent.reinvite("sendrecv")
    agent.acknowledge(await agent.receive("200", nth=2))
    await engine.event("leg.resumed", job, role="agent")
    await asyncio.sleep(0.2)
    since = time.time()
    await asyncio.sleep(0.5)
    assert agent.rtp.heard(since).hears(CUSTOMER_HZ)
    assert customer.rtp.flaws() == []
    await end_talk(engine, job, agent)


async def test_loss_is_measured_passed_on_and_reported(
    engine: EngineClient, wire: MakeWire
) -> None:
    job, agent, customer = await begin_loud_talk(engine, wire)
    kept = KeptFromCores.of(engine.process)
    customer.rtp.lose_every = 10
    await asyncio.sleep(4.2)  # RFC 3550 6.2: the first report comes 1.25 to 3.75 s after the start
    (call,) = (await engine.line.call("call.list"))["calls"]
    call = await engine.line.call("call.get", call=call["call"])
    media = {leg["role"]: leg["media"] for leg in call["legs"]}
    assert 0.07 < media["customer"]["lost"] / media["customer"]["packets_received"] < 0.14
    assert media["agent"]["lost"] == 0
    assert media["customer"]["mos"] < min(3.9, media["agent"]["mos"])
    assert media["agent"]["jitter_ms"] < 20 + kept.s * 1000
    gaps = [flaw for flaw in agent.rtp.flaws() if "followed by" in flaw]
    share = len(gaps) / len(agent.rtp.packets)
    assert 0.05 < share < 0.14, "what the customer's network lost must not be hidden"
    assert not [flaw for flaw in agent.rtp.flaws() if "SSRC" in flaw or "timestamp" in flaw]
    loss = [fraction for fraction in map(fraction_lost, customer.rtp.rtcp) if fraction is not None]
    assert any(0.05 < fraction < 0.16 for fraction in loss), loss
    await end_talk(engine, job, agent)


async def test_a_recording_has_the_agent_left_and_the_customer_right(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer", codec="PCMA")
    job = await engine.callback(customer_phone.uri, agent_phone.uri, record=True)
    agent = await agent_phone.answer(tone_hz=AGENT_HZ)
    customer = await customer_phone.answer(tone_hz=CUSTOMER_HZ)
    began = time.monotonic()
    await engine.event("recording.started", job)
    await asyncio.sleep(1.0)
    agent.bye()
    await customer.receive("BYE")
    await engine.event("recording.ended", job)
    took_s = time.monotonic() - began
    record = await engine.ended(job)
    left, right = read_stereo_wav(engine.process.directory / record["recording"])
    assert 0.8 < left.duration_s < took_s + 0.5
    assert left.hears(AGENT_HZ, for_s=0.6) and not left.hears(CUSTOMER_HZ)
    assert right.hears(CUSTOMER_HZ, for_s=0.6) and not right.hears(AGENT_HZ)


def fraction_lost(packet: bytes) -> float | None:
    """The fraction lost in the first report block of a sender or receiver report, if any."""
    kind, blocks = packet[1], packet[0] & 0x1F
    start = {200: 28, 201: 8}.get(kind)
    if start is None or not blocks:
        return None
    (word,) = struct.unpack_from("!I", packet, start + 4)
    return (int(word) >> 24) / 256
