"""Callers who leave a message."""

import asyncio
from pathlib import Path

from engine.calls.call import Call
from engine.calls.hangup_cause import BY_COMMAND
from engine.calls.scripting.voicemail import Voicemail
from engine.scripts.actions import Record
from media.sources import Tone
from tests.support.reception import Reception
from tests.support.scripted_callers import (
    CONNECT,
    ended,
    press,
    run,
)
from tests.support.scripts import step

MESSAGE = step("mail", "voicemail", queue="sales", max_s=8.0)


def test_caller_leaves_a_message(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        desk.stage.media.recorded_s = 4.0
        await desk.waiting()
        await asyncio.sleep(6)
        assert desk.stage.media.recorded
        await press(desk, "#")

    desk = run(tmp_path, conduct, MESSAGE)
    assert ended(desk) == ("voicemail", "the caller has left a message")
    left = desk.stage.last("voicemail.left")
    assert (left["queue"], left["duration_s"]) == ("sales", 4.0)
    assert left["recording"] == desk.stage.last("recording.started")["recording"]
    assert Tone("1000/400") in desk.heard()


def test_caller_leaves_a_message_and_is_called_back(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        desk.stage.media.recorded_s = 4.0
        caller = await desk.waiting()
        await asyncio.sleep(6)
        caller.hangs_up()

    mail = step("mail", "voicemail", callback=True)
    desk = run(tmp_path, conduct, mail)
    ((asked, _joined_at),) = desk.intake.accepted
    left = desk.stage.last("voicemail.left")["recording"]
    assert asked.context is not None and asked.context["voicemail"] == left
    assert ended(desk)[0] == "callback"


def test_nothing_that_can_be_kept_was_said(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await asyncio.sleep(20)

    desk = run(tmp_path, conduct, MESSAGE)
    assert ended(desk) == ("failed", "nothing was said")

    async def without_room(desk: Reception) -> None:
        desk.stage.media.records = False
        await conduct(desk)

    desk = run(tmp_path, without_room, MESSAGE)
    assert ended(desk) == ("failed", "the message cannot be recorded")
    assert desk.stage.seen("voicemail") == []


def test_who_hangs_up_before_they_have_spoken_goes_no_further(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        desk.stage.media.recorded_s = 0.3
        caller = await desk.waiting()
        await asyncio.sleep(6)
        caller.hangs_up()

    mail = step("mail", "voicemail", next="menu")
    menu = step("menu", "menu", keys={"1": "mail"})
    desk = run(tmp_path, conduct, mail, menu)
    finished = desk.stage.last("script.finished")
    assert (finished["result"], finished["path"]) == ("hung_up", ["mail"])
    assert ended(desk)[0] == "abandoned"
    assert desk.stage.seen("voicemail") == []


def test_message_has_one_speaker_and_no_announcement(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting_alone()
        (call,) = desk.stage.services.registry.calls.values()
        leg = call.legs[0]
        record = Record(queue="sales", max_s=5.0, terminator="#", calls_back=False)
        message = Voicemail(desk.stage.services, call.owner, leg, record)  # type: ignore[arg-type]
        assert message.recorded_legs("both") == (leg, None)
        assert message.listeners() == ()
        message.hear_again()
        leg.hang_up(BY_COMMAND)

    desk = run(tmp_path, conduct, CONNECT)
    assert ended(desk)[0] != "completed"


def test_a_message_pauses_while_its_party_is_asked_for_a_secret(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        desk.stage.media.recorded_s = 4.0
        await desk.waiting()
        await asyncio.sleep(6)
        registry = desk.stage.services.registry
        (call,) = registry.calls.values()
        (message,) = registry.recordings_of(call)
        async with message.silenced("secret keys"):
            assert [pauses for _leg, pauses in desk.stage.media.paused] == [True]
        assert [pauses for _leg, pauses in desk.stage.media.paused] == [True, False]
        assert registry.recordings_of(Call("other", None)) == []
        await press(desk, "#")

    desk = run(tmp_path, conduct, MESSAGE)
    assert ended(desk)[0] == "voicemail"
