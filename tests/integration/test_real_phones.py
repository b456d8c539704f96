"""Whole callbacks against other people's SIP and media stacks: PJSIP, baresip and SIPp."""

import asyncio
from pathlib import Path

import pytest

from tests.support.engines.process import HOLD_HZ, EngineClient, StartEngine
from tests.support.phones.real.baresip import Baresip
from tests.support.phones.real.sipp import Sipp
from tests.support.phones.real.softphone import StartPhone
from tests.support.recording import write_tone_wav

AGENT_HZ, CUSTOMER_HZ, WHISPER_HZ, RINGING_HZ = 600, 1500, 1100, 400


async def test_two_pjsip_phones_talk(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    agent, customer = await asyncio.gather(
        softphone(user="agent", tone=AGENT_HZ, record=tmp_path / "agent.wav", answer_after=0.2),
        softphone(user="customer", tone=CUSTOMER_HZ, record=tmp_path / "customer.wav",
                  answer_after=0.6),
    )  # fmt: skip
    job = await engine.callback(
        customer.uri,
        agent.uri,
        context={"site": "shop.example"},
        whisper={"text": "A visitor of shop dot example is waiting."},
    )
    bridged = await engine.state("bridged", job)
    await asyncio.sleep(1.5)
    customer.command("hangup")
    await agent.wait_for("state", state="disconnected")
    record = await engine.ended(job)
    assert record["state"] == "completed"
    (incoming,) = agent.seen("incoming")
    assert incoming["headers"]["X-Ringback-Job"] == job
    assert incoming["headers"]["X-Ringback-Site"] == "shop.example"
    assert "X-Ringback-Job" not in customer.seen("incoming")[0]["headers"]
    await asyncio.gather(agent.stop(), customer.stop())

    heard = agent.heard(tmp_path / "agent.wav")
    agent_leg, customer_leg = record["attempts"][0]["legs"]
    speech = heard.at(agent_leg["answered"], customer_leg["started"])
    assert speech.duration_s > 1 and speech.level_dbfs() > -35
    assert heard.at(customer_leg["started"], customer_leg["answered"]).hears(RINGING_HZ)
    talking = heard.at(bridged["time"] + 0.3, bridged["time"] + 1.4)
    assert talking.hears(CUSTOMER_HZ, for_s=0.8)
    assert not talking.hears(AGENT_HZ)
    customer_heard = customer.heard(tmp_path / "customer.wav")
    assert customer_heard.hears(AGENT_HZ, for_s=0.8)
    assert not customer_heard.hears(CUSTOMER_HZ)
    assert not customer_heard.hears(RINGING_HZ)
    for phone in (agent, customer):
        stats = phone.seen("stats")[-1]
        assert stats["lost"] == 0 and stats["received"] > 60


async def test_a_whispered_file_is_heard_by_the_agent_only(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    (tmp_path / "sounds").mkdir()
    write_tone_wav(tmp_path / "sounds" / "whisper.wav", WHISPER_HZ, 0.7, rate=44100)
    engine = await own_engine(media={"sounds": [str(tmp_path / "sounds")]})
    agent, customer = await asyncio.gather(
        softphone(user="agent", record=tmp_path / "agent.wav"),
        softphone(user="customer", record=tmp_path / "customer.wav"),
    )
    job = await engine.callback(customer.uri, agent.uri, whisper={"file": "whisper.wav"})
    await engine.state("bridged", job)
    await asyncio.sleep(0.3)
    agent.command("hangup")
    await engine.ended(job)
    await asyncio.gather(agent.stop(), customer.stop())
    assert agent.heard(tmp_path / "agent.wav").hears(WHISPER_HZ, for_s=0.5)
    assert not customer.heard(tmp_path / "customer.wav").hears(WHISPER_HZ)


async def test_baresip_answers_a_call_of_a_pjsip_agent(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    """baresip's SDP names another address than its packets come from, as behind NAT."""
    baresip, agent = await asyncio.gather(
        Baresip.start(tmp_path, user="customer", tone_hz=CUSTOMER_HZ),
        softphone(user="agent", tone=AGENT_HZ, record=tmp_path / "agent.wav"),
    )
    job = await engine.callback(baresip.uri, agent.uri)
    await engine.state("bridged", job)
    await asyncio.sleep(1.2)
    baresip.command("sndcode", "7")
    digit = await engine.event("leg.dtmf", job)
    assert (digit["digit"], digit["role"]) == ("7", "customer")
    await agent.wait_for("dtmf", digit="7")
    baresip.command("hangup")
    await agent.wait_for("state", state="disconnected")
    assert (await engine.ended(job))["state"] == "completed"
    await asyncio.gather(agent.stop(), baresip.stop())
    assert agent.heard(tmp_path / "agent.wav").hears(CUSTOMER_HZ, for_s=0.6)
    assert baresip.heard().hears(AGENT_HZ, for_s=0.6)
    assert not baresip.heard().hears(CUSTOMER_HZ)


async def test_codecs_that_differ_are_converted(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    agent, customer = await asyncio.gather(
        softphone(user="a", tone=AGENT_HZ, record=tmp_path / "agent.wav", codecs="PCMU"),
        softphone(user="c", tone=CUSTOMER_HZ, record=tmp_path / "customer.wav", codecs="PCMA"),
    )
    job = await engine.callback(customer.uri, agent.uri)
    await engine.state("bridged", job)
    await asyncio.sleep(1.0)
    agent.command("hangup")
    await engine.ended(job)
    await asyncio.gather(agent.stop(), customer.stop())
    assert agent.seen("media")[-1]["codec"] == "PCMU"
    assert customer.seen("media")[-1]["codec"] == "PCMA"
    assert agent.heard(tmp_path / "agent.wav").hears(CUSTOMER_HZ, for_s=0.6)
    assert customer.heard(tmp_path / "customer.wav").hears(AGENT_HZ, for_s=0.6)


async def test_early_media_of_the_customer_is_heard_by_the_agent(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    agent, customer = await asyncio.gather(
        softphone(user="agent", tone=AGENT_HZ, record=tmp_path / "agent.wav"),
        softphone(user="customer", tone=CUSTOMER_HZ, early_media=True, answer_after=1.0),
    )
    job = await engine.callback(customer.uri, agent.uri)
    early = await engine.event("leg.early_media", job, role="customer")
    bridged = await engine.state("bridged", job)
    await asyncio.sleep(0.4)
    customer.command("hangup")
    await engine.ended(job)
    await agent.stop()
    heard = agent.heard(tmp_path / "agent.wav")
    announced = heard.at(early["time"] + 0.2, bridged["time"])
    assert announced.hears(CUSTOMER_HZ, for_s=0.4)
    assert not announced.hears(RINGING_HZ)


async def test_a_phone_puts_the_other_on_hold_and_resumes(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    agent, customer = await asyncio.gather(
        softphone(user="agent", tone=AGENT_HZ, record=tmp_path / "agent.wav"),
        softphone(user="customer", tone=CUSTOMER_HZ, record=tmp_path / "customer.wav"),
    )
    job = await engine.callback(customer.uri, agent.uri)
    await engine.state("bridged", job)
    await asyncio.sleep(0.3)
    agent.command("hold")
    held = await engine.event("leg.held", job, role="agent")
    await asyncio.sleep(3.0)  # the engine has begun to load the music at its start
    agent.command("unhold")
    resumed = await engine.event("leg.resumed", job, role="agent")
    await asyncio.sleep(0.8)
    agent.command("hangup")
    assert (await engine.ended(job))["state"] == "completed"
    await asyncio.gather(agent.stop(), customer.stop())
    heard = customer.heard(tmp_path / "customer.wav")
    on_hold = heard.at(held["time"] + 0.2, resumed["time"])
    assert on_hold.hears(HOLD_HZ, for_s=0.5) and not on_hold.hears(AGENT_HZ)
    again = heard.at(resumed["time"] + 0.2, resumed["time"] + 0.8)
    assert again.hears(AGENT_HZ) and not again.hears(HOLD_HZ)


async def test_a_silent_re_invite_of_sipp_is_answered(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    sipp = await Sipp.start("hold", tmp_path, pause_ms=300)
    agent = await softphone(user="agent")
    job = await engine.callback(sipp.uri, agent.uri)
    await engine.event("leg.held", job, role="customer")
    await engine.event("leg.resumed", job, role="customer")
    agent.command("hangup")
    await sipp.finished()
    assert (await engine.ended(job))["state"] == "completed"


@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_two_sipp_phones_are_joined_and_parted(
    engine: EngineClient, tmp_path: Path, transport: str
) -> None:
    """The BYE that SIPp sends leads to the one that it gets; over UDP and TCP."""
    agent = await Sipp.start("answer", tmp_path, transport=transport)
    customer = await Sipp.start("hang_up", tmp_path, pause_ms=300, transport=transport)
    suffix = ";transport=tcp" if transport == "t1" else ""
    job = await engine.callback(customer.uri + suffix, agent.uri + suffix)
    record = await engine.ended(job)
    await asyncio.gather(agent.finished(), customer.finished())
    assert record["state"] == "completed"
    # Not by the times in their traces: SIPp notes what it sends once it is sent, and the other may
    # have its own BYE by then.
    byes = {
        name: [one.received for one in phone.messages() if one.what == "BYE"]
        for name, phone in (("agent", agent), ("customer", customer))
    }
    assert byes == {"agent": [True], "customer": [False]}
    assert "cause=16" in agent.received("BYE")[0].text
    ended = engine.line.events.that(lambda e: e["type"] == "leg.ended" and e["job"] == job)
    assert [e["role"] for e in ended] == ["customer", "agent"]
    via = agent.received("INVITE")[0].text
    assert ("SIP/2.0/TCP" if suffix else "SIP/2.0/UDP") in via


async def test_pjsip_over_tcp(engine: EngineClient, softphone: StartPhone, tmp_path: Path) -> None:
    agent, customer = await asyncio.gather(
        softphone(user="agent", tone=AGENT_HZ), softphone(user="c", record=tmp_path / "c.wav")
    )
    job = await engine.callback(customer.uri, agent.uri + ";transport=tcp")
    await engine.state("bridged", job)
    await asyncio.sleep(0.8)
    agent.command("hangup")
    await customer.wait_for("state", state="disconnected")
    assert (await engine.ended(job))["state"] == "completed"
    await customer.stop()
    assert customer.heard(tmp_path / "c.wav").hears(AGENT_HZ)
    assert "SIP/2.0/TCP" in agent.seen("incoming")[0]["headers"]["Via"]


async def test_digits_of_a_pjsip_agent_become_events_and_reach_the_customer(
    engine: EngineClient, softphone: StartPhone
) -> None:
    agent, customer = await asyncio.gather(softphone(user="agent"), softphone(user="customer"))
    job = await engine.callback(customer.uri, agent.uri)
    await engine.state("bridged", job)
    await asyncio.sleep(0.2)
    agent.command("digits 5#")
    for digit in "5#":
        event = await engine.event("leg.dtmf", job, digit=digit)
        assert event["role"] == "agent"
        await customer.wait_for("dtmf", digit=digit)
    agent.command("hangup")
    await engine.ended(job)
    digits = engine.line.events.that(lambda e: e["type"] == "leg.dtmf" and e["job"] == job)
    assert len(digits) == 2, "each digit once, however often its end is sent"
