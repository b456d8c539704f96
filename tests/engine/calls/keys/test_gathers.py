"""Keys by command: whom they are for, who must not know them, and what is published."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from engine.call_control.controlled_calls import ControlledCalls
from engine.calls.announcing.plays import Plays
from engine.calls.bridge import HIDDEN_KEY
from engine.calls.hangup_cause import BY_COMMAND
from engine.calls.keys.gather import GatherSettings
from engine.calls.keys.gathers import LOST, Gathers
from engine.calls.keys.secret_span import SECRET_KEYS, SecretSpan
from engine.calls.leg import Leg
from engine.calls.recognition.speech import WantedSpeech
from engine.calls.supervision.supervisors import Supervisor
from engine.errors import BadParams, EngineError
from media.errors import MediaError
from media.protocol.messages import Dtmf
from media.sources import Hold, Mix, Peer, Prompt, Tone
from sip.events import InfoDigit
from tests.support.calls_by_command import leg_of, run_calls, up
from tests.support.legs import dial, leg_to
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene, ScriptedMedia
from tests.support.scripted_recognition import ScriptedRecogniser

ONE, TWO = "sip:one@127.0.0.1:5061", "sip:two@127.0.0.1:5062"
SCRIPTED: WeakKeyDictionary[Gathers, ScriptedRecogniser] = WeakKeyDictionary()
"""What says what is heard for each."""
Script = Callable[[Scene, Gathers, Leg, ScriptedPhone], Awaitable[None]]


class Recorder:
    """Keeps when it is silent, and when it goes on."""

    def __init__(self, media: ScriptedMedia) -> None:
        self._media = media

    @asynccontextmanager
    async def silenced(self, reason: str) -> AsyncIterator[None]:
        assert reason == SECRET_KEYS
        self._media.paused.append(("recording", True))
        yield
        self._media.paused.append(("recording", False))


def with_two(tmp_path: Path, script: Script) -> None:
    """Run a script with a leg that talks with another."""

    async def both(stage: Scene, calls: ControlledCalls) -> None:
        services = stage.services
        plays = Plays(services.registry, services.announcer, hold=Hold(), country="DE")
        recorders = [Recorder(stage.media)]
        scripted = ScriptedRecogniser(stage.media)
        gathers = Gathers(plays, scripted.recognitions, services.registry, lambda _call: recorders)
        SCRIPTED[gathers] = scripted
        one, phone = await up(stage, calls, ONE)
        two, _phone = await up(stage, calls, TWO)
        calls.bridge(leg_of(one), leg_of(two), end_together=False)
        await script(stage, gathers, one.legs[0], phone)
        for call in (one, two):
            if call.id not in services.registry.calls:  # the script has ended it
                continue
            calls.find(call.id, None).hang_up()

    run_calls(tmp_path, both)


def said(stage: Scene, kind: str) -> list[dict[str, Any]]:
    found = []
    for event in stage.services.events.after(0):
        if event.type == kind:
            found.append(event.line.decode())
    return found  # type: ignore[return-value]


async def press(leg: Leg, digits: str) -> None:
    for digit in digits:
        await asyncio.sleep(0.1)
        leg.on_media(Dtmf(leg.id, digit, 100))


@pytest.mark.parametrize("secret", [True, False])
def test_keys_are_for_who_asked_and_secret_ones_for_nobody_else(
    tmp_path: Path, secret: bool
) -> None:
    async def script(stage: Scene, gathers: Gathers, leg: Leg, _phone: ScriptedPhone) -> None:
        settings = GatherSettings(max_digits=4, secret=secret)
        gathering = asyncio.ensure_future(
            gathers.run(stage.services.registry.call_of(None, leg.id), leg, settings)
        )
        await press(leg, "4711")
        result = await gathering
        assert (result.digits, result.ended) == ("4711", "max_digits")
        assert stage.media.blocked == [(leg.id, True), (leg.id, False)]
        finished = stage.last("gather.finished")
        assert (finished["ended"], finished["keys"]) == ("max_digits", 4)
        assert finished.get("digits") == (None if secret else "4711")
        pressed = said(stage, "leg.dtmf")
        assert len(pressed) == 4
        assert all(('"digit"' in str(one)) != secret for one in pressed)
        tones = [source for _leg, source in stage.media.signals]
        assert tones == ([HIDDEN_KEY] * 4 if secret else [])
        assert stage.media.paused == ([("recording", True), ("recording", False)] if secret else [])
        # Afterwards keys are everybody's again.
        await press(leg, "5")
        assert stage.last("leg.dtmf")["digit"] == "5"

    with_two(tmp_path, script)


def test_keys_by_info_are_not_sent_on_meanwhile(tmp_path: Path) -> None:
    async def script(stage: Scene, gathers: Gathers, leg: Leg, phone: ScriptedPhone) -> None:
        gathering = asyncio.ensure_future(
            gathers.run(
                stage.services.registry.call_of(None, leg.id), leg, GatherSettings(max_digits=1)
            )
        )
        await asyncio.sleep(0.1)
        leg.on_sip(InfoDigit(leg.session, "7", 100))  # type: ignore[arg-type]
        assert (await gathering).digits == "7"
        assert stage.media.digits == []
        leg.on_sip(InfoDigit(leg.session, "8", 100))  # type: ignore[arg-type]
        await asyncio.sleep(1.0)  # it is not reported as telephone-event as well
        assert [digits for _leg, digits, _ms in stage.media.digits] == ["8"]

    with_two(tmp_path, script)


def test_the_first_key_cuts_the_prompt_short(tmp_path: Path) -> None:
    async def script(stage: Scene, gathers: Gathers, leg: Leg, _phone: ScriptedPhone) -> None:
        settings = GatherSettings(max_digits=2, first_digit_s=1.0, secret=False)
        gathering = asyncio.ensure_future(
            gathers.run(
                stage.services.registry.call_of(None, leg.id), leg, settings, Prompt("pin.wav")
            )
        )
        await press(leg, "12")
        assert (await gathering).digits == "12"
        await asyncio.sleep(0.01)
        assert stage.last("play.finished")["reason"] == "stopped"
        # One that is heard to its end gives the time for the first key.
        gathering = asyncio.ensure_future(
            gathers.run(
                stage.services.registry.call_of(None, leg.id), leg, settings, Tone("440/500")
            )
        )
        await asyncio.sleep(5.0)
        stage.media.end_announcement(stage.media.plays)
        assert (await gathering).ended == "first_digit"

    with_two(tmp_path, script)


def test_one_at_a_time_stopped_by_command_or_by_the_end_of_the_leg(tmp_path: Path) -> None:
    async def script(stage: Scene, gathers: Gathers, leg: Leg, _phone: ScriptedPhone) -> None:
        gathers.stop(leg)  # nothing is gathered
        gathering = asyncio.ensure_future(
            gathers.run(stage.services.registry.call_of(None, leg.id), leg, GatherSettings())
        )
        await press(leg, "1")
        with pytest.raises(EngineError) as error:
            await gathers.run(stage.services.registry.call_of(None, leg.id), leg, GatherSettings())
        assert error.value.kind == "state"
        gathers.stop(leg)
        assert (await gathering).ended == "stopped"
        gathering = asyncio.ensure_future(
            gathers.run(stage.services.registry.call_of(None, leg.id), leg, GatherSettings())
        )
        await asyncio.sleep(0.1)
        gathering.cancel()
        await asyncio.wait([gathering])
        assert stage.media.blocked[-1] == (leg.id, False)
        gathering = asyncio.ensure_future(
            gathers.run(stage.services.registry.call_of(None, leg.id), leg, GatherSettings())
        )
        await asyncio.sleep(0.1)
        leg.hang_up(BY_COMMAND)
        assert (await gathering).ended == "leg_ended"
        await asyncio.sleep(0.1)

    with_two(tmp_path, script)


@pytest.mark.parametrize("secret", [True, False])
def test_supervisors_do_not_hear_who_keys_in_a_secret(tmp_path: Path, secret: bool) -> None:
    async def script(stage: Scene, gathers: Gathers, leg: Leg, _phone: ScriptedPhone) -> None:
        call = stage.services.registry.call_of(None, leg.id)
        boss = leg_to(stage, "sip:boss@127.0.0.1", leg_id="boss", role="supervisor")
        await dial(stage, boss)
        supervisor = Supervisor(boss, "boss", "listen")
        call.supervisors.add_supervisor(supervisor)
        call.supervisors.join(supervisor)
        (other,) = set(stage.services.registry.legs) - {leg.id, "boss"}
        both = Mix((leg.id, other))
        assert stage.media.heard["boss"][-1] == both
        gathering = asyncio.ensure_future(
            gathers.run(call, leg, GatherSettings(max_digits=1, secret=secret))
        )
        await asyncio.sleep(0.05)
        assert stage.media.heard["boss"][-1] == (Peer(other) if secret else both)
        await press(leg, "1")
        await gathering
        assert stage.media.heard["boss"][-1] == both
        call.supervisors.remove(supervisor)
        boss.hang_up(BY_COMMAND)
        await boss.release()
        del stage.services.registry.legs["boss"]

    with_two(tmp_path, script)


@pytest.mark.parametrize("secret", [True, False])
def test_words_are_gathered_in_place_of_keys(tmp_path: Path, secret: bool) -> None:
    async def script(stage: Scene, gathers: Gathers, leg: Leg, _phone: ScriptedPhone) -> None:
        scripted = SCRIPTED[gathers]
        call = stage.services.registry.call_of(None, leg.id)
        settings = GatherSettings(secret=secret, speech=WantedSpeech(("yes", "no")))
        gathering = asyncio.ensure_future(gathers.run(call, leg, settings, Prompt("ask.wav")))
        await scripted.listens()
        assert stage.media.announced[-1][1] == Prompt("ask.wav")
        await scripted.begins()
        assert stage.media.stop_asked  # the voice ends the prompt
        await scripted.says("yes please", confidence=0.8)
        result = await gathering
        assert (result.ended, result.word) == ("speech", "yes")
        finished = stage.last("gather.finished")
        assert (finished["ended"], finished["confidence"], finished["keys"]) == ("speech", 0.8, 0)
        told = (finished.get("text"), finished.get("word"))
        assert told == ((None, None) if secret else ("yes please", "yes"))
        assert scripted.recognitions.active == 0
        assert scripted.host.closed

    with_two(tmp_path, script)


def test_keys_come_first_where_they_are_pressed_first(tmp_path: Path) -> None:
    async def script(stage: Scene, gathers: Gathers, leg: Leg, _phone: ScriptedPhone) -> None:
        scripted = SCRIPTED[gathers]
        call = stage.services.registry.call_of(None, leg.id)
        settings = GatherSettings(max_digits=1, speech=WantedSpeech(("yes",)))
        gathering = asyncio.ensure_future(gathers.run(call, leg, settings))
        await scripted.listens()
        await press(leg, "7")
        result = await gathering
        assert (result.ended, result.digits, result.text) == ("max_digits", "7", None)
        assert scripted.recognitions.active == 0

    with_two(tmp_path, script)


@pytest.mark.parametrize("secret", [True, False])
def test_a_recogniser_that_dies_is_named_when_the_time_is_over(
    tmp_path: Path, secret: bool
) -> None:
    async def script(stage: Scene, gathers: Gathers, leg: Leg, _phone: ScriptedPhone) -> None:
        scripted = SCRIPTED[gathers]
        call = stage.services.registry.call_of(None, leg.id)
        settings = GatherSettings(max_digits=0, secret=secret, speech=WantedSpeech(("yes",)))
        gathering = asyncio.ensure_future(gathers.run(call, leg, settings))
        await scripted.ends("it has died: no such word: 4711")
        result = await gathering
        assert result.ended == "first_digit"
        assert result.speech_failed == "it has died: no such word: 4711"
        told = stage.last("gather.finished")["speech_failed"]
        assert told == (LOST if secret else result.speech_failed)

    with_two(tmp_path, script)


@pytest.mark.parametrize("fails", [True, False])
def test_a_secret_whose_end_fails_or_is_cancelled_keeps_no_recogniser(
    tmp_path: Path, fails: bool
) -> None:
    class Stuck:
        @asynccontextmanager
        async def silenced(self, _reason: str) -> AsyncIterator[None]:
            yield
            if fails:
                raise MediaError("the media worker died")
            await asyncio.sleep(100.0)

    async def script(stage: Scene, _gathers: Gathers, leg: Leg, _phone: ScriptedPhone) -> None:
        scripted = ScriptedRecogniser(stage.media)
        registry = stage.services.registry
        plays = Plays(registry, stage.services.announcer, hold=Hold(), country="DE")
        gathers = Gathers(plays, scripted.recognitions, registry, lambda _call: [Stuck()])
        call = stage.services.registry.call_of(None, leg.id)
        settings = GatherSettings(max_digits=0, secret=True, speech=WantedSpeech(("yes",)))
        gathering = asyncio.ensure_future(gathers.run(call, leg, settings))
        await scripted.says("yes")
        await asyncio.sleep(0.1)
        gathering.cancel()
        with pytest.raises(MediaError if fails else asyncio.CancelledError):
            await gathering
        assert not leg.tells_secret
        assert scripted.recognitions.active == 0

    with_two(tmp_path, script)


def test_a_secret_that_ends_while_a_recording_of_it_begins_is_over(tmp_path: Path) -> None:
    class Late:
        @asynccontextmanager
        async def silenced(self, _reason: str) -> AsyncIterator[None]:
            try:
                await asyncio.sleep(100.0)
                yield
            finally:
                await asyncio.sleep(1.0)

    async def script(stage: Scene, _gathers: Gathers, leg: Leg, _phone: ScriptedPhone) -> None:
        recorders: list[Late] = []
        call = stage.services.registry.call_of(None, leg.id)
        secret = SecretSpan(call, leg, stage.services.registry, lambda _call: recorders)
        await secret.begin()
        recorders.append(Late())
        leg.tell_partners()
        await asyncio.sleep(0.1)
        ending = asyncio.ensure_future(secret.end())
        await asyncio.sleep(0.1)
        ending.cancel()  # the party hangs up just then
        with pytest.raises(asyncio.CancelledError):
            await ending
        assert not leg.tells_secret

    with_two(tmp_path, script)


def test_where_nothing_can_be_recognised_keys_count(tmp_path: Path) -> None:
    async def script(stage: Scene, gathers: Gathers, leg: Leg, _phone: ScriptedPhone) -> None:
        call = stage.services.registry.call_of(None, leg.id)
        with pytest.raises(BadParams, match="needs words"):
            await gathers.run(call, leg, GatherSettings(speech=WantedSpeech()))
        SCRIPTED[gathers].host.works = False
        settings = GatherSettings(max_digits=1, speech=WantedSpeech(("yes",)))
        gathering = asyncio.ensure_future(gathers.run(call, leg, settings))
        await press(leg, "7")
        result = await gathering
        assert (result.digits, result.speech_failed) == ("7", "the stream host cannot start")

    with_two(tmp_path, script)
