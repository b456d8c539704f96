"""Calls that a client moves by commands, with real phones that hear each other."""

import asyncio
from pathlib import Path
from typing import Any

from tests.support.engines.process import HOLD_HZ, EngineClient, StartEngine, hold_tone
from tests.support.phones.real.softphone import StartPhone
from tests.support.ports import free_port

FIRST_HZ, SECOND_HZ = 600, 1500


async def event(engine: EngineClient, kind: str, **fields: Any) -> dict[str, Any]:
    return await engine.line.events.wait_for(
        lambda event: (
            event["type"] == kind
            and all(event.get(name) == value for name, value in fields.items())
        ),
    )


async def test_two_who_were_called_are_bridged_held_and_parted(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    one, two = await asyncio.gather(
        softphone(user="one", tone=FIRST_HZ, record=tmp_path / "one.wav"),
        softphone(user="two", tone=SECOND_HZ, record=tmp_path / "two.wav"),
    )
    engine = await own_engine(agents=[], media={"hold": hold_tone(tmp_path)})
    line = engine.line
    first = await line.call("call.originate", to=one.uri, headers={"X-Order": "17"})
    await event(engine, "call.answered", call=first["call"])
    second = await line.call("call.originate", to=two.uri, beside=first["legs"][0]["leg"])
    await event(engine, "call.answered", call=second["call"])
    assert one.seen("incoming")[0]["headers"]["X-Order"] == "17"
    a, b = first["legs"][0]["leg"], second["legs"][0]["leg"]
    bridged = await line.call("call.bridge", leg=a, **{"with": b})
    assert all(call["bridged_at"] for call in bridged["calls"])
    joined = await event(engine, "call.bridged", call=second["call"])
    await asyncio.sleep(1.2)
    await line.call("call.send_dtmf", leg=b, digits="5")
    await line.call("call.send_info", leg=b, content_type="text/plain", body="hello")
    held = await line.call("call.hold", leg=b) and await event(engine, "call.held", leg=b)
    await asyncio.sleep(3.0)  # the engine has begun to load the music at its start
    await line.call("call.resume", leg=b)
    resumed = await event(engine, "call.resumed", leg=b)
    await asyncio.sleep(1.2)
    await line.call("call.unbridge", leg=a)
    parted = await event(engine, "call.unbridged", call=first["call"])
    await asyncio.sleep(0.5)
    await line.call("call.hangup", call=first["call"])
    await line.call("call.hangup", leg=b)
    for call in (first, second):
        ended = await event(engine, "call.ended", call=call["call"])
        assert (ended["direction"], ended["result"]) == ("outbound", "completed")
    await engine.assert_idle()
    await asyncio.gather(one.stop(), two.stop())
    heard = two.heard(tmp_path / "two.wav")
    assert heard.at(joined["time"] + 0.2, held["time"] - 0.1).hears(FIRST_HZ, for_s=0.3)
    assert heard.at(held["time"] + 0.3, resumed["time"] - 0.1).hears(HOLD_HZ, for_s=0.2)
    assert heard.at(resumed["time"] + 0.3, parted["time"] - 0.1).hears(FIRST_HZ, for_s=0.3)
    other = one.heard(tmp_path / "one.wav")
    assert other.at(joined["time"] + 0.2, held["time"] - 0.1).hears(SECOND_HZ, for_s=0.3)
    assert not other.at(held["time"] + 0.4, resumed["time"] - 0.1).hears(SECOND_HZ)
    assert "5" in [pressed["digit"] for pressed in two.seen("dtmf")]


def handed_over(agent_uri: str, **route: Any) -> dict[str, Any]:
    return {
        "trunks": [{"name": "pbx", "uri": f"sip:127.0.0.1:{free_port()}"}],
        "agents": [{"name": "alice", "uri": agent_uri, "queues": ["sales"]}],
        "queues": [{"name": "sales"}],
        "inbound": [
            {"name": "bot", "handler": "client", **route},
            {"name": "shop", "queue": "sales"},
        ],
    }


async def test_a_caller_is_answered_by_a_client_and_talks_to_whom_it_calls(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    caller, agent = await asyncio.gather(
        softphone(user="caller", tone=FIRST_HZ, record=tmp_path / "caller.wav"),
        softphone(user="alice", tone=SECOND_HZ, record=tmp_path / "alice.wav"),
    )
    engine = await own_engine(**handed_over(agent.uri, fallback="shop"))
    line = engine.line
    caller.command(f"call sip:4711@127.0.0.1:{engine.process.sip_port}")
    incoming = await event(engine, "call.incoming")
    assert (incoming["handler"], incoming["dialled"]) == ("client", "4711")
    headers = dict((await line.call("call.headers", call=incoming["call"]))["headers"])
    assert "Contact" in headers and headers["From"]
    await line.call("call.ring", call=incoming["call"])
    answered = await line.call("call.answer", call=incoming["call"])
    assert answered["state"] == "up"
    called = await line.call("call.originate", to="alice", beside=incoming["leg"])
    await event(engine, "call.answered", call=called["call"])
    await line.call("call.bridge", leg=incoming["leg"], **{"with": called["legs"][0]["leg"]})
    await asyncio.sleep(1.0)
    caller.command("hangup")
    # The two are bridged to the end of either.
    await agent.wait_for("state", state="disconnected")
    ended = await event(engine, "call.ended", call=incoming["call"])
    assert (ended["direction"], ended["result"]) == ("inbound", "completed")
    await engine.assert_idle()
    await asyncio.gather(caller.stop(), agent.stop())
    assert caller.heard(tmp_path / "caller.wav").hears(SECOND_HZ, for_s=0.5)
    assert agent.heard(tmp_path / "alice.wav").hears(FIRST_HZ, for_s=0.5)


async def test_without_a_client_the_queue_has_the_caller(
    own_engine: StartEngine, softphone: StartPhone
) -> None:
    caller, agent = await asyncio.gather(softphone(user="caller"), softphone(user="alice"))
    engine = await own_engine(**handed_over(agent.uri, handler_s=0.5, fallback="shop"))
    caller.command(f"call sip:4711@127.0.0.1:{engine.process.sip_port}")
    await event(engine, "call.handed_back")
    await event(engine, "call.bridged")
    caller.command("hangup")
    ended = await event(engine, "call.ended")
    assert (ended["queue"], ended["agent"], ended["result"]) == ("sales", "alice", "completed")
    await engine.assert_idle()
