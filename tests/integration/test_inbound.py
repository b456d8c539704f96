"""Calls that come in by a trunk: what callers hear, who takes them, and how SIP goes."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from tests.support.engines.process import HOLD_HZ, EngineClient, StartEngine, hold_tone
from tests.support.gaps import AT_ONCE_S, KeptFromCores
from tests.support.phones.real.sipp import Sipp
from tests.support.phones.real.softphone import StartPhone
from tests.support.phones.wire.caller import WireOutgoing
from tests.support.phones.wire.phone import MakeWire, WirePhone
from tests.support.ports import free_port
from tests.support.recording import Recording, read_wav, write_tone_wav

SHOP = "+442079460000"
AGENT_HZ, CALLER_HZ, WELCOME_HZ, NEXT_HZ, BYE_HZ = 600, 1500, 1100, 900, 750
PLACE_HZ, WAIT_HZ, ONE_HZ, TWO_HZ = 650, 1300, 1700, 2100
CONTEXT = {"site": "shop.example"}


def centre(tmp_path: Path, agent_side: str, trunk_port: int, **room: Any) -> dict[str, Any]:
    """Settings: one trunk, whose calls wait in one queue for one agent."""

    def tone(name: str, hz: float) -> str:
        return f"file:{write_tone_wav(tmp_path / f'{name}.wav', hz, 0.6)}"

    texts = {"next": tone("next", NEXT_HZ), "thanks": "", "callback_taken": tone("bye", BYE_HZ)}
    return {
        "media": {"hold": hold_tone(tmp_path)},
        "trunks": [{"name": "pbx", "uri": f"sip:127.0.0.1:{trunk_port}"}],
        "routes": [{"prefix": "+", "trunks": ["pbx"]}],
        "inbound": [
            {"name": "shop", "number": SHOP, "queue": "sales", "context": CONTEXT,
             "whisper": "A caller of the shop."},
        ],
        "queues": [{"name": "sales"}],
        "agents": [{"name": "alice", "uri": agent_side, "queues": ["sales"]}],
        "rooms": [
            {"name": "sales", "welcome": tone("welcome", WELCOME_HZ), "texts": texts, **room}
        ],
    }  # fmt: skip


async def call_event(
    engine: EngineClient, kind: str, *, nth: int = 1, **fields: Any
) -> dict[str, Any]:
    """The nth event of this type with these fields."""
    return await engine.line.events.wait_for(
        lambda event: (
            event["type"] == kind
            and all(event.get(name) == value for name, value in fields.items())
        ),
        nth=nth,
    )


async def pause(engine: EngineClient) -> None:
    await engine.line.call("agent.pause", agent="alice", reason="lunch")


async def ready(engine: EngineClient) -> None:
    await engine.line.call("agent.ready", agent="alice")


async def test_a_caller_hears_music_and_the_position_and_talks_to_an_agent(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    agent_side, caller = await asyncio.gather(
        softphone(user="desk", tone=AGENT_HZ, record=tmp_path / "desk.wav", answer_after=0.3),
        softphone(user="+442079461111", tone=CALLER_HZ, record=tmp_path / "caller.wav"),
    )
    engine = await own_engine(
        **centre(tmp_path, agent_side.uri, free_port(), announce_frequency_s=2.0,
                 min_announce_frequency_s=1.0, announce_to_first=True)
    )  # fmt: skip
    await pause(engine)
    caller.command(f"call sip:{SHOP}@127.0.0.1:{engine.process.sip_port}")
    answered = await call_event(engine, "call.answered")
    await asyncio.sleep(4.0)
    (call,) = (await engine.line.call("call.list"))["calls"]
    assert (call["direction"], call["state"], call["from"]) == (
        "inbound", "waiting", "+442079461111",
    )  # fmt: skip
    await ready(engine)
    offered = await call_event(engine, "agent.offered")
    bridged = await call_event(engine, "call.bridged")
    assert offered["context"]["site"] == "shop.example"
    assert offered["time"] < (await call_event(engine, "leg.dialing", role="agent"))["time"]
    await asyncio.sleep(1.5)
    caller.command("hangup")
    await agent_side.wait_for("state", state="disconnected")
    ended = await call_event(engine, "call.ended")
    assert (ended["result"], ended["agent"]) == ("completed", "alice")
    (incoming,) = agent_side.seen("incoming")
    assert incoming["headers"]["X-Ringback-Site"] == "shop.example"
    assert incoming["headers"]["X-Ringback-Job"] == call["call"]
    await asyncio.gather(agent_side.stop(), caller.stop())

    heard = caller.heard(tmp_path / "caller.wav")
    waiting = heard.at(answered["time"], bridged["time"])
    assert waiting.hears(WELCOME_HZ, for_s=0.4)
    assert waiting.hears(NEXT_HZ, for_s=0.4)
    assert waiting.hears(HOLD_HZ, for_s=0.8)
    talking = heard.at(bridged["time"] + 0.3, bridged["time"] + 1.4)
    assert talking.hears(AGENT_HZ, for_s=0.8)
    assert not talking.hears(CALLER_HZ) and not talking.hears(HOLD_HZ)
    desk = agent_side.heard(tmp_path / "desk.wav")
    whispered = desk.at(0.0, bridged["time"])
    assert whispered.level_dbfs() > -40 and not whispered.hears(CALLER_HZ)
    assert desk.at(bridged["time"] + 0.3, bridged["time"] + 1.4).hears(CALLER_HZ, for_s=0.8)
    (record,) = (await engine.line.call("record.list"))["records"]
    assert (record["kind"], record["number"]) == ("call", "+442079461111")


async def test_those_who_wait_hear_their_places_and_what_is_repeated(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path
) -> None:
    """The first in line hears nothing; the others, callers and called, the same."""

    def tone(name: str, hz: float) -> str:
        return f"file:{write_tone_wav(tmp_path / f'{name}.wav', hz, 0.8)}"

    desk, customer_phone = wire("desk"), wire("customer")
    settings = centre(
        tmp_path, desk.uri, free_port(),
        announce_frequency_s=60.0, announce_holdtime="once", announce_round_seconds=5,
        periodic_announce=[tone("one", ONE_HZ), tone("two", TWO_HZ)],
        periodic_announce_start_s=3.0, periodic_announce_frequency_s=1.5,
    )  # fmt: skip
    settings["rooms"][0]["texts"] |= {
        "place": tone("place", PLACE_HZ), "wait": tone("wait", WAIT_HZ), "left_waiting": "",
    }  # fmt: skip
    engine = await own_engine(**settings)
    served = call(engine, wire("+442079460009"))  # so that the wait is known
    await served.answered()
    await desk.answer()
    await call_event(engine, "call.bridged")
    served.bye()
    await call_event(engine, "call.ended")
    await pause(engine)
    callers = [call(engine, wire(f"+44207946{number}")) for number in (1111, 2222)]
    for caller in callers:
        await caller.answered()
    asked = {"to": customer_phone.uri, "queue": "sales", "order": "customer_first"}
    job = (await engine.line.call("callback.request", **asked))["id"]
    customer = await customer_phone.answer(tone_hz=CALLER_HZ)

    def has_heard_all(waiting: Recording) -> bool:
        return waiting.hears(TWO_HZ) and waiting.hears(HOLD_HZ, for_s=1.0)

    async with asyncio.timeout(60):
        while not all(  # noqa: ASYNC110
            has_heard_all(each.rtp.heard()) for each in (callers[1], customer)
        ):
            await asyncio.sleep(0.5)
    first, second = (caller.rtp.heard() for caller in callers)
    assert first.hears(WELCOME_HZ, for_s=0.4) and first.hears(HOLD_HZ, for_s=3.0)
    assert not any(first.hears(hz) for hz in (PLACE_HZ, WAIT_HZ, ONE_HZ, TWO_HZ))
    called = customer.rtp.heard()
    assert second.hears(WELCOME_HZ, for_s=0.4) and not called.hears(WELCOME_HZ)
    for waiting in (second, called):
        assert 0.2 < waiting.heard_s(PLACE_HZ) < 1.4  # once
        assert 0.2 < waiting.heard_s(WAIT_HZ) < 1.4
        order = [waiting.first_heard_s(hz) for hz in (PLACE_HZ, WAIT_HZ, ONE_HZ, TWO_HZ)]
        assert None not in order and order == sorted(order, key=float)  # type: ignore[arg-type]
        assert waiting.hears(ONE_HZ, for_s=0.3) and waiting.hears(TWO_HZ, for_s=0.3)
        assert waiting.hears(HOLD_HZ, for_s=1.0)
        assert waiting.longest_gap_s() < 0.4  # the pause between two sentences
    for caller in callers:
        caller.bye()
    await engine.line.call("callback.cancel", id=job)
    await engine.assert_idle()


async def test_a_key_has_the_caller_called_back_in_position(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    agent_side, caller = await asyncio.gather(
        softphone(user="desk", tone=AGENT_HZ, record=tmp_path / "desk.wav"),
        softphone(user="+442079461111", tone=CALLER_HZ, record=tmp_path / "caller-{call}.wav"),
    )
    port = int(caller.seen("ready")[0]["port"])
    engine = await own_engine(**centre(tmp_path, agent_side.uri, port, callback_digit="5"))
    await pause(engine)
    caller.command(f"call sip:{SHOP}@127.0.0.1:{engine.process.sip_port}")
    await call_event(engine, "call.answered")
    await asyncio.sleep(1.5)
    caller.command("digits 5")
    await caller.wait_for("state", state="disconnected")
    ended = await call_event(engine, "call.ended")
    assert ended["result"] == "callback"
    job = ended["callback"]
    joined = await call_event(engine, "queue.joined", job=job)
    assert joined["waited_s"] > 1.5
    await ready(engine)
    await engine.state("bridged", job)
    await asyncio.sleep(1.2)
    agent_side.command("hangup")
    record = await engine.ended(job)
    assert record["state"] == "completed"
    assert record["context"]["site"] == "shop.example"
    await asyncio.gather(agent_side.stop(), caller.stop())
    first, second = sorted(tmp_path.glob("caller-*.wav"))
    assert read_wav(first).hears(BYE_HZ, for_s=0.4)
    assert read_wav(second).hears(AGENT_HZ, for_s=0.6)


def call(engine: EngineClient, phone: WirePhone, dialled: str = SHOP, **more: Any) -> WireOutgoing:
    return WireOutgoing.place(phone, engine.process.sip_port, dialled, **more)


async def test_a_caller_who_calls_again_in_time_regains_the_position_even_in_another_engine(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path
) -> None:
    engine = await own_engine(**centre(tmp_path, wire("desk").uri, free_port(), regain_s=30.0))
    await pause(engine)
    first = call(engine, wire("+442079461111"))
    await first.answered()
    joined_at = (await call_event(engine, "call.answered"))["joined_at"]
    second = call(engine, wire("+442079462222"))
    await second.answered()
    first.bye()
    await first.receive("200", nth=2)
    await call_event(engine, "call.ended", result="abandoned")
    again = call(engine, wire("+442079461111"))
    await again.answered()
    answered = await call_event(engine, "call.answered", nth=3)
    assert answered["regained"] is True and answered["joined_at"] == joined_at
    assert (await call_event(engine, "queue.joined", nth=3))["place"] == 1
    await asyncio.sleep(0.2)
    await engine.restart()
    last = call(engine, wire("+442079461111"))
    await last.answered()
    answered = await call_event(engine, "call.answered")
    assert answered["regained"] is True and answered["joined_at"] == joined_at
    last.bye()
    await call_event(engine, "call.ended")


async def test_unknown_sources_are_refused_and_a_flood_of_them_harms_nobody(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path
) -> None:
    desk = wire("desk")
    engine = await own_engine(**centre(tmp_path, desk.uri, free_port()))
    other = wire("other", host="127.0.0.9")
    refused = await call(engine, other).refused()
    assert refused.what == "403"
    for _ in range(300):
        call(engine, other).rtp.close()
    await asyncio.sleep(0.5)
    answers = len(other.messages.that(lambda message: message.what == "403"))
    assert answers < 40
    caller = call(engine, wire("+442079461111"))
    await caller.answered()
    agent_side = await desk.answer(tone_hz=AGENT_HZ)
    caller.rtp.send_tone(CALLER_HZ)
    await call_event(engine, "call.bridged")
    caller.bye()
    await agent_side.receive("BYE")
    status = await engine.line.call("engine.status")
    assert status["inbound"]["strangers_refused"] < 40
    ignored = status["inbound"]["strangers_ignored"] + status["sip"]["counters"]["rate_limited"]
    assert ignored > 250
    assert engine.process.log().count("stranger_refused") == 1


async def test_refusals_come_before_the_ringing(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path
) -> None:
    settings = centre(tmp_path, wire("desk").uri, free_port())
    settings["rooms"][0]["texts"]["full"] = ""
    settings["queues"][0]["max_length"] = 1
    engine = await own_engine(**settings)
    await pause(engine)
    unknown = call(engine, wire("a"), "+442079469999")
    assert (await unknown.refused()).what == "404"
    g729 = (
        "v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        "m=audio 40000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n"
    )
    mismatch = call(engine, wire("b"), body=g729)
    assert (await mismatch.refused()).what == "488"
    waiting = call(engine, wire("c"))
    await waiting.answered()
    await call_event(engine, "queue.joined")
    full = call(engine, wire("d"))
    assert (await full.refused()).what == "486"
    for refused in (unknown, mismatch, full):
        assert not refused.phone.messages.that(lambda message: message.what == "180")
    draining = asyncio.create_task(engine.line.call("engine.drain", timeout_s=20))
    await call_event(engine, "engine.draining")
    late = call(engine, wire("e"))
    final = await late.refused()
    assert final.what == "503" and int(final["retry-after"]) > 0
    waiting.bye()
    assert (await draining)["drained"]


async def test_sip_as_trunks_speak_it(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path
) -> None:
    """No offer in the INVITE, asserted identities, a late ACK, hold, a CANCEL that crosses."""
    desk = wire("desk")
    engine = await own_engine(**centre(tmp_path, desk.uri, free_port()))
    caller = call(
        engine,
        wire("anonymous"),
        offer=False,
        headers=(("p-asserted-identity", "<tel:+442079463333>"),),
    )
    assert caller.phone is not None
    ok = await caller.answered(acknowledge=False)
    incoming = await call_event(engine, "call.incoming")
    assert (incoming["from"], incoming["number"]) == ("+442079463333", "+442079463333")
    await caller.receive("200", nth=2)  # again, since there is no ACK
    assert not engine.line.events.that(lambda event: event["type"] == "call.answered")
    caller.acknowledge_ok(ok)
    await call_event(engine, "call.answered")
    caller.rtp.send_tone(CALLER_HZ)
    agent_side = await desk.answer(tone_hz=AGENT_HZ)
    assert "+442079463333" in agent_side.invite["from"]
    bridged = await call_event(engine, "call.bridged")
    await caller.reoffer("sendonly")
    held = await call_event(engine, "leg.held")
    await asyncio.sleep(0.6)
    await caller.reoffer("sendrecv")
    resumed = await call_event(engine, "leg.resumed")
    await asyncio.sleep(0.6)
    kept = KeptFromCores.of(engine.process)
    sent = caller.bye()
    bye = await agent_side.receive("BYE")
    assert bye.time - sent < AT_ONCE_S + kept.s
    assert agent_side.rtp.heard(held["time"] + 0.1, resumed["time"]).hears(HOLD_HZ, for_s=0.3)
    assert agent_side.rtp.heard(resumed["time"] + 0.1).hears(CALLER_HZ, for_s=0.3)
    assert caller.rtp.heard(bridged["time"]).hears(AGENT_HZ, for_s=0.3)
    assert caller.rtp.flaws() == []
    await call_event(engine, "call.ended")

    await pause(engine)
    hidden = call(engine, wire("+442079464444"), headers=(("privacy", "id"),))
    await hidden.answered()
    incoming = await call_event(engine, "call.incoming", nth=2)
    assert incoming["from"] == "anonymous" and "number" not in incoming
    hidden.bye()
    await call_event(engine, "call.ended", nth=2)

    quick = call(engine, wire("+442079465555"))
    quick.cancel()
    final = await quick.phone.messages.wait_for(
        lambda message: message["cseq"] == "1 INVITE" and message.what in ("200", "487"),
    )
    if final.what == "200":  # it was answered before the CANCEL came
        quick.acknowledge_ok(final)
        quick.bye()
    else:
        await quick.refused()
    await call_event(engine, "call.ended", nth=3)
    await engine.assert_idle()


async def test_either_hangs_up_and_the_other_is_hung_up_at_once(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path
) -> None:
    desk = wire("desk")
    engine = await own_engine(**centre(tmp_path, desk.uri, free_port()))
    for nth, by_agent in enumerate((True, False), 1):
        caller = call(engine, wire("+442079461111"))
        await caller.answered()
        agent_side = await desk.answer()
        await call_event(engine, "call.bridged", nth=nth)
        kept = KeptFromCores.of(engine.process)
        if by_agent:
            sent, bye = agent_side.bye(), await caller.receive("BYE")
        else:
            sent, bye = caller.bye(), await agent_side.receive("BYE")
        assert bye.time - sent < AT_ONCE_S + kept.s
        ended = await call_event(engine, "call.ended", nth=nth)
        assert ended["cause"] == f"{'operator' if by_agent else 'caller'} hung up"
    await engine.assert_idle()


async def test_sipp_sends_many_callers_at_once(own_engine: StartEngine, tmp_path: Path) -> None:
    """Twenty callers over UDP, one over TCP, two agents: each caller is published once."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    agents = await asyncio.gather(
        *(Sipp.start("answer", tmp_path / name, calls=40, timeout_s=60) for name in ("one", "two"))
    )
    settings = centre(tmp_path, agents[0].uri, free_port())
    settings["agents"].append({"name": "bert", "uri": agents[1].uri, "queues": ["sales"]})
    settings["inbound"][0]["whisper"] = ""
    engine = await own_engine(**settings)
    callers = await Sipp.start(
        "call",
        tmp_path,
        calls=20,
        pause_ms=2000,
        keys={"dialled": SHOP},
        target=f"127.0.0.1:{engine.process.sip_port}",
    )
    await callers.finished(timeout_s=30)
    over_tcp = await Sipp.start(
        "call",
        tmp_path,
        transport="t1",
        pause_ms=300,
        keys={"dialled": SHOP},
        target=f"127.0.0.1:{engine.process.sip_port}",
    )
    await over_tcp.finished()
    await call_event(engine, "call.ended", nth=21)
    ended = engine.line.events.that(lambda event: event["type"] == "call.ended")
    results = Counter(event["result"] for event in ended)
    assert results["completed"] >= 2 and set(results) <= {"completed", "abandoned"}
    assert len({event["call"] for event in ended}) == 21
    report = (await engine.line.call("report.queue"))["total"]
    assert report["offered"] == 21
    assert report["answered"] >= results["completed"]
    await engine.assert_idle()
    for agent_side in agents:
        await agent_side.stop()
