"""Keys that real phones press: gathered by command, and hidden from who talks with the party."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from media.sound.dtmf.detector import DtmfDetector
from media.sound.dtmf.tones import dtmf_clip
from media.sound.g711 import decode
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.softphone import StartPhone

LIMIT_S = 40.0


async def event(engine: EngineClient, kind: str, **fields: Any) -> dict[str, Any]:
    return await engine.line.events.wait_for(
        lambda event: (
            event["type"] == kind
            and all(event.get(name) == value for name, value in fields.items())
        ),
        timeout_s=LIMIT_S,
    )


async def test_a_pin_is_asked_for_in_a_talk_and_nobody_else_has_it(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    customer, agent = await asyncio.gather(
        softphone(user="customer", tone=400),
        softphone(user="agent", tone=1500, record=tmp_path / "agent.wav"),
    )
    engine = await own_engine(agents=[])
    line = engine.line
    first = await line.call("call.originate", to=customer.uri)
    await event(engine, "call.answered", call=first["call"])
    second = await line.call("call.originate", to=agent.uri, beside=first["legs"][0]["leg"])
    await event(engine, "call.answered", call=second["call"])
    a, b = first["legs"][0]["leg"], second["legs"][0]["leg"]
    await line.call("call.bridge", leg=a, **{"with": b})
    await asyncio.sleep(0.5)

    await line.call("recording.start", leg=b)
    asked = {"max_digits": 4, "first_digit_s": 30.0, "between_digits_s": 20.0}
    gathering = asyncio.ensure_future(
        line.call("call.gather", leg=a, prompt={"text": "Please enter your PIN"}, **asked)
    )
    await event(engine, "recording.paused", reason="secret keys")
    started = await event(engine, "play.started", leg=a)
    await asyncio.sleep(0.3)
    customer.command("digits 4711")
    result = await gathering
    assert (result["digits"], result["ended"]) == ("4711", "max_digits")
    cut = await event(engine, "play.finished", play=started["play"])
    assert cut["reason"] == "stopped"
    await event(engine, "recording.resumed", reason="secret keys")
    finished = await event(engine, "gather.finished", leg=a)
    assert (finished["keys"], finished["ended"]) == (4, "max_digits")
    await asyncio.sleep(0.5)
    assert agent.seen("dtmf") == []

    # What is no secret is in the events, and later keys are the partner's again.
    gathering = asyncio.ensure_future(line.call("call.gather", leg=a, secret=False, **asked))
    await asyncio.sleep(0.3)
    customer.command("digits 28#")
    assert (await gathering)["digits"] == "28"
    assert (await event(engine, "gather.finished", digits="28"))["ended"] == "terminator"
    customer.command("digits 9")
    await agent.wait_for("dtmf", digit="9")
    await event(engine, "leg.dtmf", digit="9")
    pressed = [
        one for one in engine.line.events.that(lambda _one: True) if one["type"] == "leg.dtmf"
    ]
    assert [one.get("digit") for one in pressed] == [None] * 4 + ["2", "8", "#", "9"]
    told = json.dumps(engine.line.events.that(lambda _one: True))
    assert not re.search(r"\b4711\b", told)  # random ids may have these digits in them

    nothing = await line.call("call.gather", leg=b, first_digit_s=0.2)
    assert (nothing["digits"], nothing["ended"]) == ("", "first_digit")
    await line.call("call.hangup", leg=a)
    await event(engine, "call.ended", call=second["call"])
    await engine.assert_idle()
    await asyncio.gather(customer.stop(), agent.stop())
    heard = agent.heard(tmp_path / "agent.wav")
    # A soft tone in the place of each secret key, over what the customer says.
    assert heard.at(finished["time"] - 1.5, finished["time"] + 0.4).hears(620, for_s=0.08)


async def test_a_phone_without_telephone_events_sends_and_gets_keys_as_sound(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.wav"
    sound = decode(dtmf_clip("2468#", 120, 120).pcmu, "PCMU")
    soundfile.write(keys, np.concatenate((np.zeros(4000, np.int16), sound)), 8000)
    phone = await softphone(user="alice", record=tmp_path / "alice.wav")
    engine = await own_engine(
        agents=[{"name": "alice", "uri": phone.uri, "dtmf": "inband"}], queues=[]
    )
    line = engine.line
    call = await line.call("call.originate", to="alice")
    await event(engine, "call.answered", call=call["call"])
    gathering = asyncio.ensure_future(
        line.call("call.gather", call=call["call"], secret=False, first_digit_s=30.0)
    )
    await event(engine, "gather.started", call=call["call"])
    phone.command(f"play {keys}")
    result = await gathering
    assert (result["digits"], result["ended"]) == ("2468", "terminator")
    await line.call("call.send_dtmf", call=call["call"], digits="13579", duration_ms=120)
    await asyncio.sleep(1.5)
    await line.call("call.hangup", call=call["call"])
    await event(engine, "call.ended", call=call["call"])
    await engine.assert_idle()
    await phone.stop()
    heard = phone.heard(tmp_path / "alice.wav")
    found = DtmfDetector().feed(heard.samples.astype(np.int16))
    assert "".join(key for key, _ms in found) == "13579"
