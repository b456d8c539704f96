"""What commands let parties hear: whose leg it is, and what can be heard."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from config.music import MusicStream
from engine.call_control.controlled_calls import ControlledCalls
from engine.calls.announcing.plays import HowPlayed, Plays
from engine.calls.announcing.sound_files import SoundFiles
from engine.calls.announcing.whisper import LINGER_S, Announcer, Unspoken
from engine.calls.call import CallRegistry
from engine.errors import EngineError
from media.sources import Hold, Playlist, Prompt, Silence, Stream, Tone
from tests.support.calls_by_command import leg_of, run_calls, up
from tests.support.quiet_speech import QuietSynthesizer
from tests.support.recording import write_tone_wav
from tests.support.scene import Scene

ONE, TWO = "sip:one@127.0.0.1:5061", "sip:two@127.0.0.1:5062"
Script = Callable[[Scene, ControlledCalls, Plays], Awaitable[None]]


def run_plays(tmp_path: Path, script: Script, **options: Any) -> None:
    async def with_plays(stage: Scene, calls: ControlledCalls) -> None:
        services = stage.services
        services.announcer.sounds = SoundFiles([tmp_path])
        plays = Plays(services.registry, services.announcer, hold=Hold(), country="DE")
        await script(stage, calls, plays)

    run_calls(tmp_path, with_plays, **options)


def fault(error: pytest.ExceptionInfo[EngineError]) -> tuple[str, str | None]:
    return error.value.kind, error.value.field


def test_a_leg_is_named_by_itself_or_by_its_call(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls, plays: Plays) -> None:
        call, _phone = await up(stage, calls, ONE)
        other, _phone = await up(stage, calls, TWO)
        leg = call.legs[0]
        assert plays.leg_up(call.id, None) == plays.leg_up(None, leg.id) == (call, leg)
        assert plays.leg_up(call.id, leg.id) == (call, leg)
        for given, kind, field in [
            ((None, "leg-none"), "not_found", "leg"),
            (("call-none", None), "not_found", "call"),
            ((call.id, leg_of(other)), "not_found", "leg"),
        ]:
            with pytest.raises(EngineError) as error:
                plays.leg_up(*given)
            assert fault(error) == (kind, field)
        # Of two who are up it is the customer.
        call.legs.append(other.legs[0])
        leg.role, other.legs[0].role = "customer", "agent"
        assert plays.leg_up(call.id, None) == (call, leg)
        call.legs.pop()
        leg.record.state = "ringing"
        for given, field in (((call.id, None), "call"), ((None, leg.id), "leg")):
            with pytest.raises(EngineError) as error:
                plays.leg_up(*given)
            assert fault(error) == ("state", field)
        leg.record.state = "answered"
        for one in (call, other):
            calls.find(one.id, None).hang_up()

    run_plays(tmp_path, script)


def test_files_are_found_by_name_in_their_directories_alone(tmp_path: Path) -> None:
    write_tone_wav(tmp_path / "a.wav", 440, 0.1, peak=0.3)
    write_tone_wav(tmp_path / "b.wav", 440, 0.1, peak=0.3)
    (tmp_path / "text.wav").write_text("no sound at all")

    async def main() -> None:
        announcer = Announcer(QuietSynthesizer(tmp_path / "speech"), SoundFiles([tmp_path]))
        plays = Plays(CallRegistry(), announcer, hold=Hold("h.wav"), country="DE")
        a, b = str(tmp_path / "a.wav"), str(tmp_path / "b.wav")
        assert await plays.files(["a.wav"], "file", loop=True) == Prompt(a, loop=True)
        assert await plays.files(["a.wav", "b.wav"], "files") == Playlist((a, b))
        for name in ("none.wav", "../a.wav", "/etc/passwd", "text.wav", "\0"):
            with pytest.raises(EngineError) as error:
                await plays.files(["a.wav", name], "files")
            assert fault(error) == ("refused", "files")
        assert plays.hold_sound() == Hold("h.wav")
        announcer.sounds.configure([MusicStream(name="lobby", files=["a.wav", b])])
        assert plays.stream("lobby") == Stream((a, b))
        with pytest.raises(EngineError) as error:
            plays.stream("garden")
        assert fault(error) == ("refused", "stream")
        announcer.close()

    asyncio.run(main())


def test_tones_by_name_and_country_or_by_frequencies(tmp_path: Path) -> None:
    async def script(_stage: Scene, _calls: ControlledCalls, plays: Plays) -> None:
        assert plays.tone("busy", None) == Tone("425/480,0/480")
        assert plays.tone("busy", "US", loop=True) == Tone("480+620/500,0/500", loop=True)
        assert plays.tone("440/500", None) == Tone("440/500")
        for given in (("engaged", None), ("busy", "??"), ("9/9", None)):
            with pytest.raises(EngineError) as error:
                plays.tone(*given)
            assert fault(error) == ("refused", "tone")

    run_plays(tmp_path, script)


def test_a_play_is_heard_by_its_leg_and_ends(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls, plays: Plays) -> None:
        call, _phone = await up(stage, calls, ONE)
        leg = call.legs[0]
        how = HowPlayed(mix=True, rounds=2)
        play = plays.begin(leg, Silence(), how)
        assert stage.media.announced == [(leg.id, Silence(), True, 2)]
        assert stage.last("play.started")["play"] == play.id
        with pytest.raises(EngineError) as error:
            plays.stop(leg, "play-none")
        assert fault(error) == ("not_found", "play")
        plays.stop(leg, play.id)
        await asyncio.sleep(0.01)
        finished = stage.last("play.finished")
        assert (finished["call"], finished["leg"]) == (call.id, leg.id)
        assert (finished["reason"], finished["heard_ms"]) == ("stopped", 700)
        assert "sip_status" not in finished
        plays.stop(leg, None)  # nothing is heard: nothing to be stopped
        last = plays.begin(leg, Silence(), HowPlayed(rounds=0))
        calls.find(call.id, None).hang_up()
        await asyncio.sleep(0.01)
        assert stage.last("play.finished")["play"] == last.id
        assert stage.last("play.finished")["reason"] == "leg_ended"
        with pytest.raises(EngineError) as error:
            plays.stop(leg, last.id)
        assert fault(error) == ("not_found", "play")

    run_plays(tmp_path, script)


def test_a_text_is_spoken_and_a_personal_one_is_deleted_afterwards(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls, plays: Plays) -> None:
        call, _phone = await up(stage, calls, ONE)
        spoken = await plays.speech("Hello Mary", "de", 1.5, is_personal=True)
        assert isinstance(spoken.source, Prompt)
        assert Path(spoken.source.path).exists()
        plays.begin(call.legs[0], spoken, HowPlayed())
        stage.media.end_announcement(stage.media.plays)
        await asyncio.sleep(LINGER_S + 1)
        assert not Path(spoken.source.path).exists()
        with patch.object(stage.services.announcer, "speak") as speak:
            speak.return_value = Unspoken("there is no voice 'xx'")
            with pytest.raises(EngineError) as error:
                await plays.speech("Hello", "xx", 1.0, is_personal=False)
        assert fault(error) == ("refused", "text")
        calls.find(call.id, None).hang_up()

    run_plays(tmp_path, script)
