"""A recogniser hears who answers: what it says reaches the worker, for as long as it is of use."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.detection import Detection
from config.recognition import Recognition
from engine.call_control.controlled_calls import ControlledCalls
from engine.calls.call import Call
from media.detection_phrases import BUILT_IN, Phrases
from media.protocol.messages import BeepHeard, Detected
from tests.support.calls_by_command import run_calls, up
from tests.support.detection_limits import usual_limits
from tests.support.scene import Scene

ONE = "sip:one@127.0.0.1:5061"
WORDS = Detection(words=True)


async def begun(
    stage: Scene, calls: ControlledCalls, settings: Detection = WORDS, language: str = ""
) -> tuple[Call, str]:
    """A call whose party is listened to."""
    call, _phone = await up(stage, calls, ONE)
    stage.services.detection.configure(settings)
    leg = call.legs[0]
    stage.services.detection.begin(call, leg, usual_limits(), language)
    await asyncio.sleep(0.01)
    return call, leg.id


def found(stage: Scene, leg: str) -> None:
    """The worker tells who has answered."""
    stage.services.registry.legs[leg].on_media(Detected(leg, "human", 1400, "short_greeting"))


def test_what_is_heard_reaches_the_worker_until_it_is_known_who_answered(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, leg = await begun(stage, calls)
        scripted, detection = stage.recogniser, stage.services.detection
        order = await scripted.order()
        assert order.vocabulary.is_spotted
        assert order.vocabulary.phrases == BUILT_IN["en"].machines  # of pocketsphinx
        assert stage.media.phrases == [BUILT_IN["en"]]
        assert scripted.recognitions.active == detection.listening == 1
        await scripted.listens()
        await scripted.begins()
        await scripted.says("leave a", is_final=False)
        await scripted.says("leave a message", confidence=0.8)
        await scripted.says("press one", confidence=0.1)
        assert stage.media.words == [(leg, "leave a", False), (leg, "leave a message", True)]
        stage.services.registry.legs[leg].on_media(BeepHeard(leg, 900, 300, 1000))
        await asyncio.sleep(0.01)
        assert scripted.recognitions.active == 1
        found(stage, leg)
        await asyncio.sleep(0.01)
        assert scripted.recognitions.active == detection.listening == 0
        assert len(stage.media.words) == 2
        calls.find(call.id, None).hang_up()

    run_calls(tmp_path, script)


def test_a_recogniser_that_fails_is_not_waited_for(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, leg = await begun(stage, calls)
        await stage.recogniser.ends("it has died")
        await asyncio.sleep(0.01)
        assert stage.media.words == [(leg, None, True)]
        assert stage.recogniser.recognitions.active == 0
        stage.recogniser.host.works = False
        stage.services.detection.begin(call, call.legs[0], usual_limits())
        await asyncio.sleep(0.01)
        assert stage.media.words == [(leg, None, True)] * 2
        assert stage.services.detection.listening == 0
        calls.find(call.id, None).hang_up()

    run_calls(tmp_path, script)


@pytest.mark.parametrize("end", ["stops", "begins_anew", "hangs_up"])
def test_it_ends_with_the_detection_and_with_the_leg(tmp_path: Path, end: str) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, _leg = await begun(stage, calls)
        recognitions = stage.recogniser.recognitions
        assert recognitions.active == 1
        if end == "stops":
            call.legs[0].stop_detecting()
        elif end == "begins_anew":
            stage.services.detection.begin(call, call.legs[0], usual_limits())
        else:
            calls.find(call.id, None).hang_up()
        await asyncio.sleep(0.01)
        assert recognitions.active == (end == "begins_anew")
        if end != "hangs_up":
            calls.find(call.id, None).hang_up()

    run_calls(tmp_path, script)


@pytest.mark.parametrize(
    ("settings", "recognition", "language"),
    [
        (Detection(), {}, ""),
        (WORDS, {"engine": ""}, ""),
        (WORDS, {"max_recognitions": 0}, ""),
        (WORDS, {}, "de"),  # pocketsphinx understands English alone
        (WORDS, {"engine": "command", "command": ["/bin/cat"]}, "tlh"),
    ],
)
def test_where_no_recogniser_can_be_had_timing_tells_alone(
    tmp_path: Path, settings: Detection, recognition: dict[str, Any], language: str
) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        given = {"engine": "pocketsphinx"} | recognition
        stage.recogniser.recognitions.configure(Recognition(**given))
        call, leg = await begun(stage, calls, settings, language)
        assert stage.media.detecting == [leg]
        assert stage.media.phrases == [None]
        assert stage.recogniser.recognitions.active == 0
        calls.find(call.id, None).hang_up()

    run_calls(tmp_path, script)


def test_a_language_has_the_phrases_of_the_configuration(tmp_path: Path) -> None:
    own = {"language": "nl", "voicemail": ["spreek een bericht in"], "human": ["met"]}
    settings = Detection.model_validate({"words": True, "phrases": [own]})

    async def script(stage: Scene, calls: ControlledCalls) -> None:
        command = {"engine": "command", "command": ["/bin/cat"]}
        stage.recogniser.recognitions.configure(Recognition.model_validate(command))
        call, _leg = await begun(stage, calls, settings, "nl-BE")
        order = await stage.recogniser.order()
        assert order.language == "nl-BE"
        assert order.vocabulary.phrases == ("spreek een bericht in", "met")
        assert stage.media.phrases == [
            Phrases(human=("met",), voicemail=("spreek een bericht in",))
        ]
        calls.find(call.id, None).hang_up()

    run_calls(tmp_path, script)
