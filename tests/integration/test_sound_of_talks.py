"""What is wrong with the sound of a talk between real phones is told by events."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.softphone import StartPhone
from tests.support.voices import voice

LIMIT_S = 60.0
LOOKS = {"every_s": 1.0, "window_s": 1.0, "one_way_s": 2.0, "voice": True}


async def event(engine: EngineClient, kind: str, **fields: Any) -> dict[str, Any]:
    return await engine.line.events.wait_for(
        lambda one: one["type"] == kind and all(one.get(k) == v for k, v in fields.items()),
        timeout_s=LIMIT_S,
    )


async def test_one_who_is_not_heard_and_one_who_is_too_loud_are_told(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    breath = np.concatenate([voice(0.5), np.zeros(640, np.int16)] * 50).astype(np.int32)
    loud = np.clip(breath * 40, -32768, 32767).astype(np.int16)
    soundfile.write(tmp_path / "loud.wav", loud, 8000)
    soundfile.write(tmp_path / "muted.wav", np.zeros(240_000, np.int16), 8000)
    phones = await asyncio.gather(
        *(softphone(user=name, play=tmp_path / f"{name}.wav") for name in ("loud", "muted"))
    )
    engine = await own_engine(agents=[], media={"sound": LOOKS})
    line = engine.line
    calls = [await line.call("call.originate", to=phone.uri) for phone in phones]
    for call in calls:
        await event(engine, "call.answered", call=call["call"])
    talker, muted = (call["legs"][0]["leg"] for call in calls)
    await line.call("call.bridge", leg=talker, **{"with": muted})
    one_way = await event(engine, "leg.one_way")
    assert (one_way["leg"], one_way["cause"]) == (muted, "digital_silence")
    clipping = await event(engine, "leg.clipping")
    assert clipping["leg"] == talker and clipping["share"] > 0.05
    spoke = await event(engine, "leg.voice")
    assert (spoke["leg"], spoke["speaking"]) == (talker, True)
    shown = await line.call("call.get", call=calls[1]["call"])
    assert shown["legs"][0]["media"]["one_way"] == "digital_silence"
    await line.call("call.hangup", call=calls[0]["call"])
    for call in calls:
        await event(engine, "call.ended", call=call["call"])
    await engine.assert_idle()
