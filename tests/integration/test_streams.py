"""Bots at the other end of a WebSocket, with real phones that hear what they say."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.routing.local_codecs import missing
from tests.support.bots import running_bot
from tests.support.control_line import Refused
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.baresip import Baresip
from tests.support.phones.real.softphone import StartPhone
from tests.support.ports import free_port

CALLER_HZ, AGENT_HZ, WIDE_HZ = 600, 1700, 5000
MENU_HZ, FIRST_HZ = 1000, 1300


async def event(engine: EngineClient, kind: str, **fields: Any) -> dict[str, Any]:
    return await engine.line.events.wait_for(
        lambda event: (
            event["type"] == kind
            and all(event.get(name) == value for name, value in fields.items())
        ),
        timeout_s=60.0,
    )


async def test_a_phone_hears_itself_from_the_echo_bot_until_the_bot_hangs_up(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    async with running_bot("echo_bot.py", "0") as bot:
        phone = await softphone(user="one", tone=CALLER_HZ, record=tmp_path / "one.wav")
        engine = await own_engine(agents=[], streams={"allow": [bot.url]})
        line = engine.line
        call = await line.call("call.originate", to=phone.uri)
        await event(engine, "call.answered", call=call["call"])
        with pytest.raises(Refused) as refused:
            await line.call("call.stream", call=call["call"], url="ws://127.0.0.1:1/")
        assert "streams.allow" in str(refused.value)
        begun = await line.call("call.stream", call=call["call"], url=bot.url)
        started = await event(engine, "stream.started", leg=begun["stream"])
        assert (started["of_leg"], started["rate_hz"]) == (begun["leg"], 16000)
        await asyncio.sleep(1.5)
        await line.call("call.unstream", leg=begun["leg"])
        ended = await event(engine, "stream.ended", leg=begun["stream"])
        assert ended["heard_ms"] > 500 and ended["dropped_ms"] == 0
        assert (await line.call("call.get", call=call["call"]))["state"] == "up"
        again = await line.call("call.stream", call=call["call"], url=bot.url, rate_hz=8000)
        await event(engine, "stream.started", leg=again["stream"])
        phone.command("digits #")
        over = await event(engine, "call.ended", call=call["call"])
        assert (over["result"], over["cause"]) == ("completed", "the caller pressed #")
        await engine.assert_idle()
        await phone.stop()
    heard = phone.heard(tmp_path / "one.wav").at(started["time"], ended["time"])
    assert heard.hears(CALLER_HZ, for_s=0.8)


@pytest.mark.parametrize("codec", ["opus", "G722"])
async def test_a_phone_with_a_wide_codec_hears_itself_from_the_echo_bot_above_4_khz(
    own_engine: StartEngine, tmp_path: Path, codec: str
) -> None:
    if codec in missing():
        pytest.skip(missing()[codec])
    offered = {"opus": "opus/48000/2", "G722": "G722/16000/1"}[codec]
    async with running_bot("echo_bot.py", "0") as bot:
        phone = await Baresip.start(
            tmp_path, user="+442079460123", tone_hz=WIDE_HZ, codecs=offered, rate_hz=16000
        )
        engine = await own_engine(
            agents=[],
            streams={"allow": [bot.url]},
            trunks=[{"name": "pbx", "uri": f"sip:127.0.0.1:{phone.port}", "codecs": [codec]}],
            routes=[{"prefix": "+", "trunks": ["pbx"]}],
        )
        call = await engine.line.call("call.originate", to="+442079460123")
        answered = await event(engine, "call.answered", call=call["call"])
        begun = await engine.line.call("call.stream", call=call["call"], url=bot.url)
        await event(engine, "stream.started", leg=begun["stream"])
        await asyncio.sleep(2.0)
        shown = await engine.line.call("call.get", call=call["call"])
        await engine.line.call("call.hangup", call=call["call"])
        await event(engine, "call.ended", call=call["call"])
        await phone.stop()
    codecs = {leg["leg"]: leg["codec"] for leg in shown["legs"]}
    assert codecs == {answered["leg"]: codec, begun["stream"]: "L16/16000"}
    assert phone.heard().hears(WIDE_HZ, for_s=1.0)


def reception(bot_url: str, agent_uri: str, **bot: Any) -> dict[str, Any]:
    """A queue of bots that callers come to, and one of people."""
    return {
        "trunks": [{"name": "pbx", "uri": f"sip:127.0.0.1:{free_port()}"}],
        "agents": [
            {"name": "bot", "stream": bot_url, "queues": ["bots"], "capacity": 2, **bot},
            {"name": "alice", "uri": agent_uri, "queues": ["sales"]},
        ],
        "queues": [{"name": "bots"}, {"name": "sales"}],
        "inbound": [{"name": "shop", "queue": "bots"}],
    }


async def test_the_menu_bot_is_an_agent_who_hands_a_caller_over_to_a_queue(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    async with running_bot("menu_bot.py", "0") as bot:
        caller, alice = await asyncio.gather(
            softphone(user="caller", tone=CALLER_HZ, record=tmp_path / "caller.wav"),
            softphone(user="alice", tone=AGENT_HZ, record=tmp_path / "alice.wav"),
        )
        engine = await own_engine(**reception(bot.url, alice.uri))
        caller.command(f"call sip:4711@127.0.0.1:{engine.process.sip_port}")
        await event(engine, "agent.talking", agent="bot")
        started = await event(engine, "stream.started")
        assert (await engine.line.call("agent.get", agent="bot.2"))["state"] == "available"
        await asyncio.sleep(1.0)
        caller.command("digits 1")
        await event(engine, "leg.dtmf", digit="1")
        await asyncio.sleep(1.5)
        caller.command("digits 2")
        handed = await event(engine, "transfer.completed", by="bot", to_queue="sales")
        assert handed["context"]["menu"] == "2"
        talking = await event(engine, "agent.talking", agent="alice")
        ended = await event(engine, "stream.ended", leg=started["leg"])
        assert ended["cause"] == "transferred" and ended["dropped_ms"] > 0
        await event(engine, "agent.available", agent="bot", previous="talking")
        await asyncio.sleep(1.2)
        caller.command("hangup")
        over = await event(engine, "call.ended")
        assert over["result"] == "completed"
        await engine.assert_idle()
        await asyncio.gather(caller.stop(), alice.stop())
    heard = caller.heard(tmp_path / "caller.wav")
    assert heard.at(started["time"], handed["time"]).hears(MENU_HZ)
    assert heard.at(started["time"], handed["time"]).hears(FIRST_HZ)
    assert heard.at(talking["time"], over["time"]).hears(AGENT_HZ, for_s=0.5)
    assert alice.heard(tmp_path / "alice.wav").hears(CALLER_HZ, for_s=0.5)


async def test_a_bot_that_dies_leaves_its_caller_to_the_fallback(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    async with running_bot("menu_bot.py", "0") as bot:
        caller, alice = await asyncio.gather(
            softphone(user="caller", tone=CALLER_HZ, record=tmp_path / "caller.wav"),
            softphone(user="alice", tone=AGENT_HZ),
        )
        shop = reception(bot.url, alice.uri, fallback={"queue": "sales"})
        engine = await own_engine(**shop, streams={"retries": 1})
        caller.command(f"call sip:4711@127.0.0.1:{engine.process.sip_port}")
        await event(engine, "stream.started")
        bot.kill()
        await event(engine, "stream.interrupted")
        failed = await event(engine, "stream.failed")
        assert failed["fallback"] == "sales"
        await event(engine, "transfer.completed", by="bot", to_queue="sales")
        talking = await event(engine, "agent.talking", agent="alice")
        await asyncio.sleep(1.2)
        caller.command("hangup")
        over = await event(engine, "call.ended")
        assert over["result"] == "completed"
        await engine.assert_idle()
        await caller.stop()
    heard = caller.heard(tmp_path / "caller.wav").at(talking["time"], over["time"])
    assert heard.hears(AGENT_HZ, for_s=0.5)
