"""Scripts that real phones walk through: what is heard, which keys count, what follows."""

import asyncio
from pathlib import Path
from typing import Any

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.softphone import StartPhone
from tests.support.ports import free_port
from tests.support.recording import read_wav, write_tone_wav

SHOP, CALLER, OTHER = "+442079460000", "+442079461111", "+442079462222"
MENU_HZ, WRONG_HZ, RATE_HZ, LEAVE_HZ = 700, 1000, 1250, 850
AGENT_HZ, CALLER_HZ, OTHER_HZ = 600, 1500, 1800
LIMIT_S = 40.0


def step(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": kind, **more}


def settings(tmp_path: Path, agent: str, other: str) -> dict[str, Any]:
    def tone(name: str, hz: float) -> str:
        return f"file:{write_tone_wav(tmp_path / f'{name}.wav', hz, 0.4)}"

    asking: dict[str, Any] = {"timeout_s": 20.0, "tries": 2}
    return {
        "trunks": [{"name": "pbx", "uri": f"sip:127.0.0.1:{free_port()}"}],
        "routes": [{"prefix": "+", "trunks": ["pbx"]}],
        "queues": [{"name": "sales"}],
        "agents": [
            {"name": "alice", "uri": agent, "queues": ["sales"]},
            {"name": "bob", "uri": other, "queues": []},
        ],
        "rooms": [{"name": "default", "texts": {"thanks": ""}}],
        "inbound": [
            {"name": "shop", "number": SHOP, "queue": "sales", "script": "reception",
             "after_script": "rating", "context": {"pin": 4711}},
        ],
        "scripts": [
            {"name": "reception", "steps": [
                step("menu", "menu", text=tone("menu", MENU_HZ), again_text=tone("no", WRONG_HZ),
                     keys={"1": "identify", "2": "message"}, **asking),
                step("identify", "gather", text="Please enter your PIN.", into="entered",
                     max_digits=4, secret=True, next="identity", **asking),
                step("identity", "check", value="entered", against="pin", again="identify",
                     next="verified", failed="sorry"),
                step("verified", "set", values={"identity": "verified"}, next="agent"),
                step("agent", "connect"),
                step("sorry", "hangup", text="Goodbye.", cause="the PIN was wrong"),
                step("message", "voicemail", text=tone("leave", LEAVE_HZ), queue="sales"),
            ]},
            {"name": "elsewhere", "steps": [
                step("first", "menu", text=tone("first", MENU_HZ), keys={"1": "second"}, **asking),
                step("second", "menu", text="Please press 2.", keys={"2": "bob"}, **asking),
                step("bob", "transfer", agent="bob"),
            ]},
            {"name": "rating", "steps": [
                step("rate", "rating", text=tone("rate", RATE_HZ), **asking),
            ]},
        ],
    }  # fmt: skip


async def event(engine: EngineClient, kind: str, *, nth: int = 1, **fields: Any) -> dict[str, Any]:
    return await engine.line.events.wait_for(
        lambda one: (
            one["type"] == kind and all(one.get(name) == value for name, value in fields.items())
        ),
        timeout_s=LIMIT_S,
        nth=nth,
    )


async def test_callers_are_identified_talk_rate_leave_messages_and_go_elsewhere(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    agent, caller, other = await asyncio.gather(
        softphone(user="desk", tone=AGENT_HZ),
        softphone(user=CALLER, tone=CALLER_HZ, record=tmp_path / "caller-{call}.wav"),
        softphone(user=OTHER, tone=OTHER_HZ, record=tmp_path / "other-{call}.wav"),
    )
    engine = await own_engine(**settings(tmp_path, agent.uri, other.uri))
    caller.command(f"call sip:{SHOP}@127.0.0.1:{engine.process.sip_port}")
    menu = await event(engine, "script.step", step="menu")
    assert (menu["script"], menu["step_kind"], menu["nth"]) == ("reception", "menu", 1)
    await event(engine, "play.finished", call=menu["call"])
    caller.command("digits 9")
    wrong = await event(engine, "gather.finished", call=menu["call"])
    await event(engine, "play.finished", call=menu["call"], nth=2)
    caller.command("digits 1")
    asked = await event(engine, "script.step", step="identify")
    await event(engine, "gather.started", call=menu["call"], nth=3)
    caller.command("digits 4711")
    finished = await event(engine, "script.finished", use="inbound")
    assert (finished["result"], finished["steps"]) == ("connect", 5)
    assert finished["path"] == ["menu", "identify", "identity", "verified", "agent"]
    bridged = await event(engine, "call.bridged")
    assert bridged["context"]["identity"] == "verified"
    assert "entered" not in bridged["context"]
    agent.command("hangup")
    await event(engine, "script.step", step="rate")
    await event(engine, "play.finished", call=menu["call"], nth=4)
    caller.command("digits 4")
    ended = await event(engine, "call.ended")
    assert (ended["result"], ended["cause"]) == ("completed", "operator hung up")
    assert [(one["script"], one["use"], one["result"]) for one in ended["scripts"]] == [
        ("reception", "inbound", "connect"), ("rating", "after", "hangup"),
    ]  # fmt: skip
    record = await engine.line.call("record.get", id=ended["call"])
    assert record["rating"] == 4
    assert record["scripts"][0]["path"] == finished["path"]
    assert not [
        one for one in engine.line.events.that(lambda one: one["type"] == "leg.dtmf")
        if one.get("digit") == "7"
    ]  # fmt: skip

    other.command(f"call sip:{SHOP}@127.0.0.1:{engine.process.sip_port}")
    await event(engine, "gather.started", nth=5)
    other.command("digits 2")
    await event(engine, "recording.started")
    await asyncio.sleep(1.6)
    other.command("hangup")
    left = await event(engine, "voicemail.left", queue="sales")
    assert left["duration_s"] > 1.0
    second = await event(engine, "call.ended", nth=2)
    assert (second["result"], second["scripts"][0]["result"]) == ("voicemail", "hung_up")
    recording = await engine.line.call("recording.get", recording=left["recording"])

    # The customer of a callback types a menu ahead, which leads them from alice to bob.
    job = await engine.callback(caller.uri, "alice", customer_script="elsewhere")
    await event(engine, "script.step", step="first")
    caller.command("digits 12")
    joined = await engine.state("bridged", job)
    assert joined["agent"] == "bob"
    await other.wait_for("recording", timeout_s=LIMIT_S, nth=2)
    await asyncio.sleep(1.0)
    other.command("hangup")
    over = await engine.ended(job)
    assert (over["state"], over["cause"]) == ("completed", "agent hung up")
    (walked,) = over["attempts"][0]["scripts"]
    assert (walked["result"], walked["path"]) == ("transfer", ["first", "second", "bob"])
    await engine.assert_idle()
    await asyncio.gather(agent.stop(), caller.stop(), other.stop())
    callback_heard = read_wav(Path(caller.seen("recording")[1]["path"]))
    assert callback_heard.hears(OTHER_HZ, for_s=0.5) and not callback_heard.hears(AGENT_HZ)
    assert read_wav(Path(other.seen("recording")[1]["path"])).hears(CALLER_HZ, for_s=0.5)
    heard = caller.heard(Path(caller.seen("recording")[0]["path"]))
    assert heard.at(menu["time"], wrong["time"] + 0.1).hears(MENU_HZ, for_s=0.25)
    assert heard.at(wrong["time"], asked["time"]).hears(WRONG_HZ, for_s=0.25)
    assert heard.at(bridged["time"], ended["time"]).hears(RATE_HZ, for_s=0.25)
    message = read_wav(engine.process.directory / recording["path"])
    assert message.hears(OTHER_HZ, for_s=1.0)
