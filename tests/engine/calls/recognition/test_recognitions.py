"""Recognitions of legs: what the recogniser is asked for, and who hears what it says."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from config.recognition import Recognition as RecognitionSettings
from engine.call_control.controlled_calls import ControlledCalls
from engine.calls.legs.leg_events import LegEvents
from engine.calls.recognition.speech import HeardSpeech, WantedSpeech
from engine.errors import BadParams, EngineError
from media.protocol.messages import Connect, Event, LegFailed, Played
from media.recognition.vocabulary import Vocabulary
from media.sources import Peer
from tests.support.calls_by_command import run_calls, up
from tests.support.scene import Scene, ScriptedMedia
from tests.support.scripted_recognition import ScriptedRecogniser

ONE = "sip:one@127.0.0.1:5061"
YES = WantedSpeech(("yes",))


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def speech_began(self) -> None:
        self.told.append("began")

    def speech_heard(self, heard: HeardSpeech) -> None:
        self.told.append(heard)

    def recognition_over(self, reason: str, *, has_failed: bool) -> None:
        self.told.append((reason, has_failed))


def recogniser(**settings: Any) -> ScriptedRecogniser:
    return ScriptedRecogniser(ScriptedMedia(), **settings)


def test_a_leg_is_recognised_by_a_leg_that_hears_it(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, _phone = await up(stage, calls, ONE)
        scripted, listener = ScriptedRecogniser(stage.media), Listener()
        recognition = await scripted.recognitions.begin(
            call, call.legs[0], WantedSpeech(("yes",), language="en-GB"), listener
        )
        order = await scripted.order()
        assert (order.engine, order.language, order.rate_hz) == ("pocketsphinx", "en-GB", 16000)
        assert order.vocabulary == Vocabulary(("yes",))
        assert call.legs[0].id.encode() in order.start
        assert recognition.id in stage.media.open_legs
        await scripted.listens()
        peer: Connect = stage.media.peers[-1]
        assert (peer.leg, peer.port, peer.direction) == (recognition.id, 4500, "sendonly")
        assert peer.is_even
        assert stage.media.heard[recognition.id] == [Peer(call.legs[0].id)]
        await scripted.begins()
        await scripted.says("yes please", confidence=0.75)
        await scripted.ends("it has died")
        heard = HeardSpeech("yes please", "yes", 0.75, True, 100, 600)
        assert listener.told == ["began", heard, ("it has died", True)]
        assert "yes" not in repr(heard)
        assert scripted.recognitions.active == 1
        await scripted.recognitions.end(recognition)
        await scripted.recognitions.end(recognition)
        assert scripted.recognitions.active == 0
        assert recognition.id not in stage.media.open_legs
        await scripted.says("yes")
        assert len(listener.told) == 3
        calls.find(call.id, None).hang_up()

    run_calls(tmp_path, script)


def test_what_cannot_begin_leaves_nothing(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, _phone = await up(stage, calls, ONE)
        scripted = ScriptedRecogniser(stage.media)
        stage.media.port_left = False
        with pytest.raises(EngineError, match="no RTP port left"):
            await scripted.recognitions.begin(call, call.legs[0], YES, Listener())
        stage.media.port_left, scripted.host.works = True, False
        with pytest.raises(EngineError, match="cannot start"):
            await scripted.recognitions.begin(call, call.legs[0], YES, Listener())
        assert scripted.recognitions.active == 0
        assert len(stage.media.open_legs) == 1
        calls.find(call.id, None).hang_up()

    run_calls(tmp_path, script)


@pytest.mark.parametrize(
    ("settings", "wanted", "reason"),
    [
        ({"engine": ""}, YES, "no speech recognition is configured"),
        ({}, WantedSpeech(), "needs words"),
        ({}, WantedSpeech(("ja",), language="de"), "English alone"),
        ({"language": "de"}, YES, "English alone"),
        ({"max_recognitions": 0}, YES, "recognition.max_recognitions"),
    ],
)
async def test_what_cannot_be_listened_for_is_said_beforehand(
    settings: dict[str, Any], wanted: WantedSpeech, reason: str
) -> None:
    with pytest.raises((EngineError, BadParams), match=reason):
        recogniser(**settings).recognitions.check(wanted)


async def test_a_program_and_a_service_take_any_language() -> None:
    anything = WantedSpeech(language="de")
    recogniser(engine="command", command=["/bin/cat"]).recognitions.check(anything)
    recogniser(engine="websocket", url="wss://speech.example/").recognitions.check(anything)


def test_programs_and_services_are_told_what_the_configuration_says(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, _phone = await up(stage, calls, ONE)
        command = ["/bin/hear", "--rate={rate_hz}", "{language}"]
        scripted = ScriptedRecogniser(
            stage.media, engine="command", command=command, rate_hz=8000, memory_mib=64
        )
        first = await scripted.recognitions.begin(
            call, call.legs[0], WantedSpeech(language="de-AT"), Listener()
        )
        order = await scripted.order()
        assert order.command == ("/bin/hear", "--rate=8000", "de-AT")
        assert (order.memory_mib, order.rate_hz, order.service) == (64, 8000, None)
        scripted.recognitions.configure(
            RecognitionSettings(
                engine="websocket",
                url="wss://speech.example/",
                token="s3cret",  # type: ignore[arg-type]
                ca_file="/ca.pem",
            )
        )
        second = await scripted.recognitions.begin(call, call.legs[0], YES, Listener())
        service = (await scripted.order()).service
        assert service is not None
        assert (service.url, service.ca_file) == ("wss://speech.example/", "/ca.pem")
        assert service.headers == (("Authorization", "Bearer s3cret"),)
        for recognition in (first, second):
            await scripted.recognitions.end(recognition)
        calls.find(call.id, None).hang_up()

    run_calls(tmp_path, script)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (LegFailed, "a fault of the media worker"),
        (
            partial(Played, play=0, error="it cannot be joined: no RTP port left"),
            "no RTP port left",
        ),
        (None, "media worker died"),
    ],
)
def test_one_whose_sound_is_lost_has_failed_and_says_why(
    tmp_path: Path, event: Callable[[str], Event] | None, reason: str
) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, _phone = await up(stage, calls, ONE)
        registry = stage.services.registry
        scripted, listener = ScriptedRecogniser(stage.media, registry), Listener()
        recognition = await scripted.recognitions.begin(call, call.legs[0], YES, listener)
        await scripted.listens()
        events = LegEvents(registry, stage.services.events)
        events.on_media(Played(recognition.id, 0))  # of no meaning
        for _ in range(2):
            if event is None:
                events.on_media_died("media worker 7: killed", [recognition.id])
            else:
                events.on_media(event(recognition.id))
        ((said, has_failed),) = listener.told
        assert reason in said and has_failed
        assert [stream for stream, _cause in scripted.host.closed] == [recognition.id]
        await scripted.recognitions.end(recognition)
        assert registry.endpoints == {}
        calls.find(call.id, None).hang_up()

    run_calls(tmp_path, script)


def test_one_whose_sound_is_lost_before_it_has_begun_does_not_begin(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, _phone = await up(stage, calls, ONE)
        registry = stage.services.registry
        scripted, listener = ScriptedRecogniser(stage.media, registry), Listener()
        hosted = scripted.host.open

        async def lose(order: Any) -> None:
            LegEvents(registry, stage.services.events).on_media(LegFailed(order.stream))
            await hosted(order)

        scripted.host.open = lose  # type: ignore[method-assign]
        with pytest.raises(EngineError, match="a fault of the media worker"):
            await scripted.recognitions.begin(call, call.legs[0], YES, listener)
        assert (listener.told, registry.endpoints) == ([], {})
        calls.find(call.id, None).hang_up()

    run_calls(tmp_path, script)
