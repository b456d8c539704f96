"""recording.*: which call is meant, what is listed, and who may see it."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from engine.acd.agents import AgentRegistry
from engine.callbacks.dispatcher import Dispatcher
from engine.calls.announcing.sound_files import SoundFiles
from engine.calls.call import Call
from engine.calls.leg import Leg
from engine.control.methods.recordings import RecordingMethods, RecordingStart
from engine.control.rights import Principal
from engine.control.scope.job_scope import JobScope
from engine.errors import BadParams, EngineError
from engine.recordings.entry import RecordedCall
from engine.request import WhisperSpec
from tests.engine.recordings.test_library import StoredLibrary, stored_library
from tests.support.jobs import callback_job
from tests.support.method_call import call_method
from tests.support.recording import write_tone_wav
from tests.support.scene import Scene
from tests.support.staffed import run_with_staff

SHOP = Principal("shop", "operate", sites=frozenset({"shop.example"}))


def methods_of(stage: Scene, dispatcher: Dispatcher, sounds: SoundFiles) -> Any:
    services = stage.services
    return RecordingMethods(services.recordings, services.registry, dispatcher, sounds).table()


def test_a_talk_is_recorded_paused_and_stopped_by_command(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, _agents: AgentRegistry) -> None:
        (tmp_path / "sounds").mkdir()
        write_tone_wav(tmp_path / "sounds" / "consent.wav", 440, 0.2)
        methods = methods_of(stage, dispatcher, SoundFiles([tmp_path / "sounds"]))
        job = callback_job()
        dispatcher.submit(job)
        (await stage.phone()).answers()
        customer = await stage.phone()
        (call,) = stage.services.registry.calls
        with pytest.raises(EngineError, match="do not talk now"):
            await call_method(methods, "recording.start", call=call)
        customer.answers()
        await asyncio.sleep(0.1)
        with pytest.raises(EngineError, match="no such sound file"):
            await call_method(methods, "recording.start", call=call, announcement="file:none.wav")
        said = {"file": "consent.wav"}
        begun = await call_method(methods, "recording.start", call=call, announcement=said)
        assert (begun["state"], begun["side"], begun["job"]) == ("recording", "both", "job-1")
        agent_leg, customer_leg = stage.services.registry.calls[call].legs
        ((left, right, _path),) = stage.media.recorded
        assert (left, right) == (agent_leg.id, customer_leg.id)
        await call_method(methods, "recording.pause", call=call, reason="card number")
        await call_method(methods, "recording.resume", leg=customer_leg.id)
        assert stage.seen("recording.") == [
            "recording.started", "recording.paused", "recording.resumed",
        ]  # fmt: skip
        ended = await call_method(methods, "recording.stop", call=call)
        assert [mark["kind"] for mark in ended["marks"]] == ["paused", "resumed"]
        with pytest.raises(EngineError, match="is not being recorded"):
            await call_method(methods, "recording.stop", call=call)
        one_side = await call_method(methods, "recording.start", call=call, side="customer")
        assert (one_side["side"], one_side["channels"]) == ("customer", 1)
        assert stage.media.recorded[-1][:2] == (customer_leg.id, "")
        customer.hangs_up()
        await stage.ended(job)
        assert stage.seen("recording.")[-1] == "recording.ended"

    run_with_staff(tmp_path, script)


def test_a_call_that_is_over_is_not_recorded(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, _agents: AgentRegistry) -> None:
        methods = methods_of(stage, dispatcher, SoundFiles())
        call = Call("call-1", "job-1")
        stage.services.registry.add_call(call)
        with pytest.raises(EngineError, match="already over"):
            await call_method(methods, "recording.start", call="call-1")
        stage.services.registry.remove_call(call)
        with pytest.raises(EngineError, match="no call call-1"):
            await call_method(methods, "recording.start", call="call-1")

    run_with_staff(tmp_path, script)


def test_what_an_announcement_may_be() -> None:
    assert RecordingStart(call="c", announcement="Hello").said == "Hello"
    assert RecordingStart(call="c", announcement=WhisperSpec(text="Hello")).said == "Hello"
    assert RecordingStart(call="c", announcement=WhisperSpec(file="a.wav")).said == "file:a.wav"
    with pytest.raises(BadParams, match="a tone says nothing"):
        RecordingStart(call="c", announcement=WhisperSpec(tone=440.0))
    with pytest.raises(BadParams, match="one side has one channel"):
        RecordingStart(call="c", side="agent", channels=2)


def methods_on(here: StoredLibrary) -> Any:
    nobody = cast(Any, None)
    return RecordingMethods(here.library, nobody, nobody, SoundFiles()).table()


async def test_recordings_are_listed_in_pages_shown_and_deleted(tmp_path: Path) -> None:
    async with stored_library(tmp_path) as here:
        methods = methods_on(here)
        ids = []
        for number in range(3):
            here.clock.now += 1.0
            call = RecordedCall(call=f"call-{number}", agent="alice" if number else "bob")
            ids.append((await here.ended(here.begun(call))).id)
        first = await call_method(methods, "recording.list", limit=2)
        assert [one["recording"] for one in first["recordings"]] == [ids[2], ids[1]]
        second = await call_method(methods, "recording.list", limit=2, cursor=first["cursor"])
        assert [one["recording"] for one in second["recordings"]] == [ids[0]]
        assert second["cursor"] is None
        of_bob = await call_method(methods, "recording.list", agent="bob", state="kept")
        assert [one["recording"] for one in of_bob["recordings"]] == [ids[0]]
        shown = await call_method(methods, "recording.get", recording=ids[0])
        assert shown == of_bob["recordings"][0]
        await call_method(methods, "recording.delete", recording=ids[0])
        with pytest.raises(EngineError, match="there is no recording"):
            await call_method(methods, "recording.get", recording=ids[0])


async def test_a_client_of_a_site_sees_the_recordings_of_that_site(tmp_path: Path) -> None:
    async with stored_library(tmp_path) as here:
        methods, scope = methods_on(here), JobScope(SHOP)
        for number, site in enumerate(("shop.example", "other.example", None)):
            here.clock.now += 1.0
            await here.ended(here.begun(RecordedCall(call=f"call-{number}", site=site)))
        listed = await call_method(methods, "recording.list")
        seen = scope.narrowed("recording.list", listed)["recordings"]
        assert [one["call"] for one in seen] == ["call-0"]
        for one in listed["recordings"]:
            if one["call"] == "call-0":
                assert scope.narrowed("recording.get", one) == one
                continue
            with pytest.raises(EngineError, match="there is no recording"):
                scope.narrowed("recording.get", one)


def test_only_those_of_its_calls_are_paused_by_a_client_of_a_site() -> None:
    call = Call("call-1", None, about={"context": {"site": "other.example"}})
    call.legs.append(cast(Leg, None))
    scope = JobScope(SHOP, calls={"call-1": Call("call-1", None, about=call.about)})
    with pytest.raises(EngineError, match="for its own jobs only"):
        scope.check("recording.start", RecordingStart(call="call-1"))
