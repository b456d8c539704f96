"""What commands let real phones hear: in a talk, over it, in a queue; and what is wrong."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.support.control_line import Refused
from tests.support.engines.process import HOLD_HZ, EngineClient, StartEngine, hold_tone
from tests.support.phones.real.softphone import StartPhone
from tests.support.ports import free_port
from tests.support.recording import write_tone_wav

FIRST_HZ, SECOND_HZ, FILE_HZ = 600, 1500, 1000
LIMIT_S = 40.0


async def event(engine: EngineClient, kind: str, **fields: Any) -> dict[str, Any]:
    return await engine.line.events.wait_for(
        lambda event: (
            event["type"] == kind
            and all(event.get(name) == value for name, value in fields.items())
        ),
        timeout_s=LIMIT_S,
    )


def write_sounds(directory: Path) -> list[str]:
    """The same tone in every format, at several rates and numbers of channels."""
    directory.mkdir(exist_ok=True)
    names = []
    for name, rate, channels, how in (
        ("tone.wav", 8000, 1, {}),
        ("tone.flac", 44_100, 2, {}),
        ("tone.ogg", 22_050, 1, {"subtype": "VORBIS"}),
        ("tone.opus", 48_000, 2, {"format": "OGG", "subtype": "OPUS"}),
        ("tone.mp3", 44_100, 2, {}),
    ):
        times = np.arange(int(0.8 * rate)) / rate
        one = 0.3 * np.sin(2 * np.pi * FILE_HZ * times)
        soundfile.write(directory / name, np.column_stack([one] * channels), rate, **how)
        names.append(name)
    return names


async def test_two_who_talk_hear_files_in_place_of_and_over_each_other(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    sounds = tmp_path / "sounds"
    names = write_sounds(sounds)
    (sounds / "cut.wav").write_bytes((sounds / "tone.wav").read_bytes()[:30])
    (sounds / "text.mp3").write_text("this is no sound\n" * 500)
    write_tone_wav(tmp_path / "secret.wav", 440, 0.2)
    one, two = await asyncio.gather(
        softphone(user="one", tone=FIRST_HZ, record=tmp_path / "one.wav"),
        softphone(user="two", tone=SECOND_HZ, record=tmp_path / "two.wav"),
    )
    engine = await own_engine(agents=[], media={"sounds": [str(sounds)]})
    line = engine.line
    first = await line.call("call.originate", to=one.uri)
    await event(engine, "call.answered", call=first["call"])
    second = await line.call("call.originate", to=two.uri, beside=first["legs"][0]["leg"])
    await event(engine, "call.answered", call=second["call"])
    a, b = first["legs"][0]["leg"], second["legs"][0]["leg"]
    await line.call("call.bridge", leg=a, **{"with": b})
    await asyncio.sleep(0.8)

    # Every format, in place of the partner, whose voice comes back afterwards.
    alone = []
    for name in names:
        play = await line.call("call.play", leg=b, file=name)
        ended = await event(engine, "play.finished", play=play["play"])
        assert (ended["reason"], ended["call"], ended["leg"]) == ("finished", second["call"], b)
        assert 700 <= ended["heard_ms"] <= 1000  # MP3 pads
        alone.append((ended["time"] - 0.8, ended["time"]))
    await asyncio.sleep(0.6)

    # Over the partner: both are heard. It is stopped, and says how much was heard.
    over = await line.call("call.play", call=second["call"], file="tone.wav", loop=True, mix=True)
    began = await event(engine, "play.started", play=over["play"])
    await asyncio.sleep(1.5)
    await line.call("call.stop", leg=b, play=over["play"])
    stopped = await event(engine, "play.finished", play=over["play"])
    assert stopped["reason"] == "stopped"
    assert 1200 <= stopped["heard_ms"] <= 1e3 * (stopped["time"] - began["time"]) + 100

    # What is wrong is refused with its field, and the talk goes on.
    for name in ("cut.wav", "text.mp3", "gone.wav", "../secret.wav", str(tmp_path / "secret.wav")):
        with pytest.raises(Refused) as refused:
            await line.call("call.play", leg=b, file=name)
        assert refused.value.data["field"] == "file", refused.value
    await asyncio.sleep(0.6)

    # A list and a text; the next takes the place of the one before.
    both = await line.call("call.play", leg=a, files=names[:2], loop=2)
    said = await line.call("call.say", leg=a, text="Guten Tag", language="de", speed=1.2)
    assert (await event(engine, "play.finished", play=both["play"]))["reason"] == "replaced"
    spoken = await event(engine, "play.finished", play=said["play"])
    assert spoken["reason"] == "finished" and spoken["heard_ms"] > 300
    last = await line.call("call.play", leg=a, tone={"name": "busy", "country": "DE"}, loop=True)
    await line.call("call.hangup", leg=a)
    assert (await event(engine, "play.finished", play=last["play"]))["reason"] == "leg_ended"
    await event(engine, "call.ended", call=second["call"])
    await engine.assert_idle()
    await asyncio.gather(one.stop(), two.stop())

    heard = two.heard(tmp_path / "two.wav")
    for begin, end in alone:
        span = heard.at(begin + 0.3, end - 0.05)  # the phone has up to 0.4 s in its buffer
        assert span.hears(FILE_HZ, for_s=0.3)
        assert not span.hears(FIRST_HZ, for_s=0.2)
    mixed = heard.at(began["time"] + 0.3, stopped["time"] - 0.2)
    assert mixed.hears(FILE_HZ, for_s=0.5)
    assert mixed.hears(FIRST_HZ, for_s=0.5)
    assert heard.at(stopped["time"] + 0.2, stopped["time"] + 0.7).hears(FIRST_HZ, for_s=0.3)


async def test_a_caller_who_waits_hears_a_play_and_then_the_music_again(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    sounds = tmp_path / "sounds"
    write_sounds(sounds)
    caller = await softphone(user="caller", record=tmp_path / "caller.wav")
    engine = await own_engine(
        agents=[],
        media={"sounds": [str(sounds)], "hold": hold_tone(tmp_path)},
        trunks=[{"name": "pbx", "uri": f"sip:127.0.0.1:{free_port()}"}],
        queues=[{"name": "sales"}],
        inbound=[{"name": "shop", "queue": "sales"}],
        rooms=[{"name": "sales", "announce_position": "no"}],
    )
    line = engine.line
    caller.command(f"call sip:4711@127.0.0.1:{engine.process.sip_port}")
    answered = await event(engine, "call.answered")
    await asyncio.sleep(2.0)
    play = await line.call("call.play", call=answered["call"], file="tone.wav")
    ended = await event(engine, "play.finished", play=play["play"])
    await asyncio.sleep(1.0)
    await line.call("call.hangup", call=answered["call"])
    over = await event(engine, "call.ended")
    await engine.assert_idle()
    await caller.stop()
    heard = caller.heard(tmp_path / "caller.wav")
    assert heard.at(answered["time"] + 0.2, ended["time"] - 0.9).hears(HOLD_HZ, for_s=0.3)
    assert heard.at(ended["time"] - 0.7, ended["time"] - 0.1).hears(FILE_HZ, for_s=0.3)
    assert heard.at(ended["time"] + 0.2, over["time"] - 0.1).hears(HOLD_HZ, for_s=0.4)
