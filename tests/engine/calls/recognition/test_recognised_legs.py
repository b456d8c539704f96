"""Legs that are recognised all the time: what is published, and how it ends."""

import asyncio
from pathlib import Path

import pytest

from engine.call_control.controlled_calls import ControlledCalls
from engine.calls.hangup_cause import BY_COMMAND
from engine.calls.recognition.recognised_legs import RecognisedLegs
from engine.calls.recognition.speech import WantedSpeech
from engine.errors import EngineError
from tests.support.calls_by_command import run_calls, up
from tests.support.scene import Scene

ONE = "sip:one@127.0.0.1:5061"
YES = WantedSpeech(("yes", "no"))


def test_what_a_party_says_is_published_until_a_command_ends_it(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, _phone = await up(stage, calls, ONE)
        leg, scripted = call.legs[0], stage.recogniser
        legs = RecognisedLegs(scripted.recognitions)
        recognition = await legs.begin(call, leg, YES)
        assert stage.last("recognition.started")["recognition"] == recognition
        with pytest.raises(EngineError, match="is recognised already"):
            await legs.begin(call, leg, YES)
        await scripted.listens()
        await scripted.begins()
        await scripted.says("no", is_final=False)
        await scripted.says("yes please", confidence=0.8)
        said = stage.last("speech.recognised")
        assert (said["text"], said["word"], said["confidence"]) == ("yes please", "yes", 0.8)
        assert (said["final"], said["from_ms"], said["to_ms"]) == (True, 100, 600)
        assert len(stage.seen("speech.recognised")) == 1
        legs.end(leg)
        await asyncio.sleep(0.01)
        assert stage.last("recognition.ended")["cause"] == "ended by command"
        assert scripted.recognitions.active == 0
        with pytest.raises(EngineError, match="is not recognised"):
            legs.end(leg)
        calls.find(call.id, None).hang_up()

    run_calls(tmp_path, script)


def test_guesses_are_published_where_they_are_wanted(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, _phone = await up(stage, calls, ONE)
        legs = RecognisedLegs(stage.recogniser.recognitions)
        await legs.begin(call, call.legs[0], YES, has_guesses=True)
        await stage.recogniser.says("maybe", is_final=False)
        said = stage.last("speech.recognised")
        assert (said["text"], said["final"], "word" in said) == ("maybe", False, False)
        for _ in range(100):
            await stage.recogniser.says("yes")
        assert len(stage.seen("speech.recognised")) < 60
        calls.find(call.id, None).hang_up()
        await asyncio.sleep(1.0)
        assert stage.last("recognition.ended")["cause"] == "the leg has ended"
        assert stage.recogniser.recognitions.active == 0

    run_calls(tmp_path, script)


def test_a_recogniser_that_is_lost_is_told(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, _phone = await up(stage, calls, ONE)
        legs = RecognisedLegs(stage.recogniser.recognitions)
        await legs.begin(call, call.legs[0], YES)
        await stage.recogniser.ends("it has died")
        await stage.recogniser.ends("again")
        await asyncio.sleep(0.01)
        ended = stage.last("recognition.ended")
        assert (ended["cause"], ended["failed"]) == ("it has died", True)
        stage.recogniser.host.works = False
        with pytest.raises(EngineError, match="cannot start"):
            await legs.begin(call, call.legs[0], YES)
        stage.recogniser.host.works = True
        await legs.begin(call, call.legs[0], YES)
        calls.find(call.id, None).hang_up()
        await asyncio.sleep(1.0)

    run_calls(tmp_path, script)


def test_a_leg_that_has_ended_meanwhile_is_not_recognised(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, _phone = await up(stage, calls, ONE)
        leg = call.legs[0]
        legs = RecognisedLegs(stage.recogniser.recognitions)
        leg.hang_up(BY_COMMAND)
        with pytest.raises(EngineError, match="is not up"):
            await legs.begin(call, leg, YES)
        await asyncio.sleep(1.0)
        assert stage.recogniser.recognitions.active == 0

    run_calls(tmp_path, script)
