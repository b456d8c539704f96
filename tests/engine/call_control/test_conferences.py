"""Conferences: created, joined, changed and ended by command, in virtual time."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.call_control.conferences import MOST_CONFERENCES, Conferences
from engine.call_control.controlled_calls import ControlledCalls, Origination
from engine.calls.call import Call
from engine.errors import EngineError
from engine.recordings.entry import RecordingOrder
from engine.store.kept_events import Event
from media.protocol.messages import RecordingEnded
from media.sources import Prompt, Silence
from tests.support.calls_by_command import leg_of, run_calls, up
from tests.support.scene import Scene

ONE, TWO, THREE = "+442079460101", "+442079460102", "+442079460103"
PLAIN: dict[str, Any] = {"muted": False, "deaf": False}


def test_a_conference_ends_with_its_last_member(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        created = conferences.create(None, 5, {"about": "x"})
        assert created.view()["context"] == {"about": "x"}
        first, phone = await up(stage, calls, ONE)
        conferences.join(created.name, None, leg_of(first), **PLAIN)
        (member,) = created.view()["members"]
        assert (member["call"], member["muted"]) == (first.id, False)
        phone.hangs_up()
        await asyncio.sleep(0.1)
        assert conferences.all() == []
        assert stage.last("conference.ended")["cause"] == "the last member has left"
        with pytest.raises(EngineError, match="no conference"):
            conferences.find(created.name)

    run_calls(tmp_path, script)


def test_whom_the_conference_calls_joins_when_they_answer(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        conferences.create("friday", 3, {})
        conference, call = await conferences.invite("friday", Origination(to=ONE), **PLAIN)
        assert conference.view()["invited"] == [call.id]
        first = await stage.phone()
        first.answers()
        await asyncio.sleep(0.1)
        assert [one.call.call.id for one in conference.members] == [call.id]
        assert not conference.invited
        await conferences.invite("friday", Origination(to=TWO), muted=True, deaf=True)
        second = await stage.phone()
        second.rings()
        await asyncio.sleep(20.0)
        second.answers()
        await asyncio.sleep(0.1)
        assert conference.members[1].muted and conference.members[1].deaf
        await conferences.invite("friday", Origination(to=THREE), **PLAIN)
        with pytest.raises(EngineError, match="3 members"):
            await conferences.invite("friday", Origination(to="alice"), **PLAIN)
        (await stage.phone()).refuses(486)
        await asyncio.sleep(0.1)
        assert stage.last("conference.failed")["reason"] == "they have not answered"
        with pytest.raises(EngineError):
            await conferences.invite("friday", Origination(to="112"), **PLAIN)
        conferences.end("friday", hangs_up=True)
        await asyncio.sleep(0.1)
        assert first.is_hung_up and second.is_hung_up
        assert stage.last("conference.ended")["cause"] == "ended by command"

    run_calls(tmp_path, script)


def test_who_is_being_called_when_the_conference_ends_is_hung_up(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        conferences.create("friday", 3, {})
        await conferences.invite("friday", Origination(to=ONE), **PLAIN)
        phone = await stage.phone()
        conferences.end("friday", hangs_up=False)
        await asyncio.sleep(0.1)
        assert phone.is_hung_up and conferences.all() == []
        # One who has answered at that very moment.
        conferences.create("friday", 3, {})
        await conferences.invite("friday", Origination(to=TWO), **PLAIN)
        phone = await stage.phone()
        phone.answers()
        conferences.end("friday", hangs_up=False)
        await asyncio.sleep(0.1)
        assert phone.is_hung_up
        # The only one who was called does not answer: nobody is left.
        conferences.create("friday", 3, {})
        await conferences.invite("friday", Origination(to=THREE), **PLAIN)
        (await stage.phone()).refuses(486)
        await asyncio.sleep(0.1)
        assert conferences.all() == []

    run_calls(tmp_path, script)


def test_one_who_was_put_elsewhere_meanwhile_does_not_join(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        conferences.create("friday", 3, {})
        conferences.create("monday", 3, {})
        _, call = await conferences.invite("friday", Origination(to=TWO), **PLAIN)
        phone = await stage.phone()

        def take(event: Event) -> None:
            if event.type == "call.answered":
                conferences.join("monday", call.id, None, **PLAIN)

        stage.services.events.listen(take)
        phone.answers()
        await asyncio.sleep(0.1)
        assert "is in conference monday" in stage.last("conference.failed")["reason"]

    run_calls(tmp_path, script)


def test_members_are_taken_out_kicked_and_kept_out(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        conference = conferences.create("friday", 2, {})
        first, first_phone = await up(stage, calls, ONE)
        second, second_phone = await up(stage, calls, TWO)
        third, _third_phone = await up(stage, calls, THREE)
        with pytest.raises(EngineError, match="does not take part"):
            conferences.leave("friday", first.id, None, hangs_up=False)
        conferences.join("friday", first.id, None, **PLAIN)
        with pytest.raises(EngineError, match="is in conference"):
            conferences.join("friday", first.id, None, **PLAIN)
        conferences.join("friday", second.id, None, **PLAIN)
        with pytest.raises(EngineError, match="2 members"):
            conferences.join("friday", third.id, None, **PLAIN)
        assert conferences.lock("friday", is_on=True).locked
        conferences.lock("friday", is_on=True)
        conferences.leave("friday", None, leg_of(first), hangs_up=False)
        assert stage.media.heard[leg_of(first)][-1] == Silence() and not first_phone.is_hung_up
        with pytest.raises(EngineError, match="locked"):
            conferences.join("friday", first.id, None, **PLAIN)
        assert stage.seen("conference.l") == ["conference.locked", "conference.left"]
        conferences.lock("friday", is_on=False)
        conferences.join("friday", first.id, None, **PLAIN)
        conferences.leave("friday", second.id, None, hangs_up=True)
        await asyncio.sleep(0.1)
        assert second_phone.is_hung_up
        assert [one.call.call for one in conference.members] == [first]
        conferences.end("friday", hangs_up=False)
        assert not first_phone.is_hung_up
        calls.bridge(leg_of(first), leg_of(third), end_together=True)
        with pytest.raises(EngineError, match="bridged already"):
            conferences.create("monday", 2, {})
            conferences.join("monday", first.id, None, **PLAIN)

    run_calls(tmp_path, script)


def test_a_conference_lasts_no_longer_than_a_call_may(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        conferences.create("friday", 2, {})
        await asyncio.sleep(stage.services.dial.max_duration_s + 1.0)
        assert stage.last("conference.ended")["cause"] == "maximum duration reached"

    run_calls(tmp_path, script)


def test_ids_are_used_once_and_there_are_so_many(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        conferences.create("friday", 2, {})
        with pytest.raises(EngineError) as caught:
            conferences.create("friday", 2, {})
        assert (caught.value.kind, caught.value.field) == ("conflict", "conference")
        for _ in range(MOST_CONFERENCES - 1):
            conferences.create(None, 2, {})
        with pytest.raises(EngineError, match="already"):
            conferences.create("monday", 2, {})
        for one in conferences.all():
            conferences.end(one.name, hangs_up=True)

    run_calls(tmp_path, script)


def test_a_leg_without_media_does_not_join(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        conferences.create("friday", 2, {})
        first, _phone = await up(stage, calls, ONE)
        second, _other = await up(stage, calls, TWO)
        conferences.join("friday", first.id, None, **PLAIN)
        stage.media.are_together = lambda a, b: False  # type: ignore[method-assign]
        with pytest.raises(EngineError, match="no media any more"):
            conferences.join("friday", second.id, None, **PLAIN)

    run_calls(tmp_path, script)


def test_one_who_is_heard_and_hears_records_the_conference(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        conference = conferences.create("friday", 3, {})
        with pytest.raises(EngineError, match="nobody takes part"):
            await conferences.record("friday", is_on=True)
        with pytest.raises(EngineError, match="not being recorded"):
            await conferences.record("friday", is_on=False)
        first, first_phone = await up(stage, calls, ONE)
        second, _second_phone = await up(stage, calls, TWO)
        conferences.join("friday", first.id, None, muted=True, deaf=False)
        conferences.join("friday", second.id, None, **PLAIN)
        await conferences.record("friday", is_on=True)
        assert conference.view()["recorded_by"] == second.id
        (legs,) = [(a, b) for a, b, _path in stage.media.recorded]
        assert legs == (leg_of(second), leg_of(second))
        with pytest.raises(EngineError, match="already"):
            await conferences.record("friday", is_on=True)
        conferences.change("friday", first.id, None, "muted", is_on=False)
        conferences.change("friday", second.id, None, "deaf", is_on=True)
        await asyncio.sleep(0.1)
        assert conference.view()["recorded_by"] == first.id
        assert stage.media.stopped == [leg_of(second)]
        first_phone.hangs_up()
        await asyncio.sleep(0.1)
        assert conference.view()["recorded_by"] == second.id
        assert [a for a, _b, _path in stage.media.recorded] == [
            leg_of(second), leg_of(first), leg_of(second),
        ]  # fmt: skip
        await conferences.record("friday", is_on=False)
        assert conference.view()["recorded_by"] is None
        stage.media.records = False
        with pytest.raises(EngineError, match="not recorded"):
            await conferences.record("friday", is_on=True)
        assert conference.recorder is None
        third, third_phone = await up(stage, calls, THREE)
        conferences.join("friday", third.id, None, **PLAIN)
        stage.media.records = True
        await conferences.record("friday", is_on=True)
        stage.media.records = False
        third_phone.hangs_up()
        await asyncio.sleep(0.1)
        assert conference.recorder is None  # the next could not be recorded

    run_calls(tmp_path, script)


def test_the_recording_goes_on_with_another_member_where_one_holds_or_is_held(
    tmp_path: Path,
) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        conference = conferences.create("friday", 3, {})
        members = []
        for uri in (ONE, TWO, THREE):
            members.append(await up(stage, calls, uri))
            conferences.join("friday", members[-1][0].id, None, **PLAIN)
        (first, first_phone), (second, _second_phone), (third, _third_phone) = members
        await conferences.record("friday", is_on=True)
        assert conference.view()["recorded_by"] == first.id
        first_phone.holds()
        await asyncio.sleep(0.1)
        assert conference.view()["recorded_by"] == second.id
        calls.hold(second.id, None)
        await asyncio.sleep(0.1)
        assert conference.view()["recorded_by"] == third.id
        first_phone.resumes()
        calls.hold(third.id, None)
        await asyncio.sleep(0.1)
        assert conference.view()["recorded_by"] == first.id
        calls.resume(third.id, None)
        first_phone.holds()
        calls.hold(third.id, None)
        await asyncio.sleep(0.1)
        await conferences.record("friday", is_on=False)
        assert len(stage.media.recorded) == len(stage.media.stopped)

    run_calls(tmp_path, script)


def test_a_recording_comes_back_to_a_member_where_it_has_not_ended_yet(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        first, second = await two_in(stage, calls, conferences)
        await conferences.record("friday", is_on=True)
        for call, is_on in ((first, True), (second, True), (first, False)):
            conferences.change("friday", call.id, None, "deaf", is_on=is_on)
        await asyncio.sleep(0.1)
        assert conferences.find("friday").view()["recorded_by"] == first.id
        assert stage.services.registry.recordings
        await conferences.record("friday", is_on=False)

    run_calls(tmp_path, script)


def announced(stage: Scene, text: str) -> None:
    library = stage.services.recordings
    library.settings = library.settings.model_copy(update={"announcement": text})


async def two_in(stage: Scene, calls: ControlledCalls, conferences: Conferences) -> list[Call]:
    conferences.create("friday", 3, {})
    members = []
    for uri in (ONE, TWO):
        call, _phone = await up(stage, calls, uri)
        conferences.join("friday", call.id, None, **PLAIN)
        members.append(call)
    return members


def test_a_recording_that_is_ended_while_it_is_announced_does_not_begin(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        await two_in(stage, calls, conferences)
        announced(stage, "This talk is recorded.")
        starting = asyncio.ensure_future(conferences.record("friday", is_on=True))
        await asyncio.sleep(0.01)
        assert (await conferences.record("friday", is_on=False)).view()["recorded_by"] is None
        with pytest.raises(EngineError, match="stopped before it began"):
            await starting
        assert stage.media.recorded == []

    run_calls(tmp_path, script)


def test_a_recording_that_is_ended_while_its_file_is_made_ends(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        first, _second = await two_in(stage, calls, conferences)
        stage.media.record_takes_s = 1.0
        starting = asyncio.ensure_future(conferences.record("friday", is_on=True))
        await asyncio.sleep(0.1)
        conference = await conferences.record("friday", is_on=False)
        with pytest.raises(EngineError, match="is not recorded"):
            await starting
        assert conference.view()["recorded_by"] is None
        assert stage.media.stopped == [leg_of(first)]

    run_calls(tmp_path, script)


def test_a_recorder_who_leaves_while_it_is_announced_is_followed_by_another(
    tmp_path: Path,
) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        first, second = await two_in(stage, calls, conferences)
        announced(stage, "This talk is recorded.")
        starting = asyncio.ensure_future(conferences.record("friday", is_on=True))
        await asyncio.sleep(0.01)
        conferences.leave("friday", first.id, None, hangs_up=True)
        conference = await starting
        await asyncio.sleep(5.0)
        assert conference.view()["recorded_by"] == second.id
        assert [a for a, _b, _path in stage.media.recorded] == [leg_of(second)]

    run_calls(tmp_path, script)


def test_a_recording_that_has_failed_or_was_stopped_can_be_begun_again(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        first, _second = await two_in(stage, calls, conferences)
        conference = await conferences.record("friday", is_on=True)
        ((path, recording),) = stage.services.registry.recordings.items()
        recording.over(RecordingEnded(path, "the disk is full"))
        assert conference.view()["recorded_by"] is None
        with pytest.raises(EngineError, match="not being recorded"):
            await conferences.record("friday", is_on=False)
        await conferences.record("friday", is_on=True)
        await calls.find(first.id, None).recorded.stop()
        assert conference.view()["recorded_by"] is None
        conferences.leave("friday", first.id, None, hangs_up=True)
        await asyncio.sleep(1.0)
        assert len(stage.media.recorded) == 2  # no other member is recorded in its place

    run_calls(tmp_path, script)


def test_who_comes_to_a_recorded_conference_hears_of_it_before(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        await two_in(stage, calls, conferences)
        third, _phone = await up(stage, calls, THREE)
        await conferences.tell_of_recording("friday", third.id, None)  # it is not recorded
        announced(stage, "This talk is recorded.")
        conference = await conferences.record("friday", is_on=True)
        telling = asyncio.ensure_future(conferences.tell_of_recording("friday", third.id, None))
        await asyncio.sleep(0.01)
        assert not telling.done()
        assert stage.media.heard[leg_of(third)][-1] != Silence()
        await telling
        conferences.join("friday", third.id, None, **PLAIN)
        assert len(conference.members) == 3

    run_calls(tmp_path, script)


def test_who_does_not_hear_of_the_recording_does_not_take_part(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        await two_in(stage, calls, conferences)
        third, _phone = await up(stage, calls, THREE)
        announced(stage, "This talk is recorded.")
        conference = await conferences.record("friday", is_on=True)
        announced(stage, "file:/nowhere/at/all.wav")
        stage.media.ends_plays = False
        with pytest.raises(EngineError, match="has not heard") as caught:
            await conferences.tell_of_recording("friday", third.id, None)
        assert caught.value.kind == "unavailable"
        assert len(conference.members) == 2

    run_calls(tmp_path, script)


def test_whom_a_recorded_conference_calls_hears_of_it_before(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        await two_in(stage, calls, conferences)
        announced(stage, "This talk is recorded.")
        conference = await conferences.record("friday", is_on=True)
        _conference, call = await conferences.invite("friday", Origination(to=THREE), **PLAIN)
        (await stage.phone()).answers()
        await asyncio.sleep(0.1)
        assert (len(conference.members), len(conference.invited)) == (2, 1)
        await asyncio.sleep(5.0)
        assert [one.call.call.id for one in conference.members][2:] == [call.id]
        conferences.leave("friday", call.id, None, hangs_up=True)
        await asyncio.sleep(1.0)
        # Who hears it not to its end does not take part.
        stage.media.ends_plays = False
        _conference, call = await conferences.invite("friday", Origination(to=THREE), **PLAIN)
        phone = await stage.phone()
        phone.answers()
        await asyncio.sleep(200.0)
        assert "has not heard" in stage.last("conference.failed")["reason"]
        assert phone.is_hung_up and len(conference.members) == 2

    run_calls(tmp_path, script)


def test_who_brings_a_recording_to_a_conference_tells_its_members(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        conferences = Conferences(stage.services, calls)
        members = await two_in(stage, calls, conferences)
        third, _phone = await up(stage, calls, THREE)
        announced(stage, "This call is recorded.")
        recorded = calls.find(third.id, None).recorded
        await recorded.start_by_command(RecordingOrder())
        telling = asyncio.ensure_future(conferences.tell_of_recording("friday", third.id, None))
        await asyncio.sleep(0.01)
        for member in members:
            assert isinstance(stage.media.heard[leg_of(member)][-1], Prompt)
        await telling
        conferences.join("friday", third.id, None, **PLAIN)
        assert recorded.entry is not None

    run_calls(tmp_path, script)
