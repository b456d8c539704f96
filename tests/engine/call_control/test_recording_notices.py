"""Who is bridged to a call that is recorded hears of it before, or the recording ends."""

import asyncio
from pathlib import Path

import pytest

from engine.call_control.controlled_calls import ControlledCalls
from engine.errors import EngineError
from engine.recordings.entry import RecordingOrder
from media.sources import Peer, Prompt, Silence
from tests.support.calls_by_command import NUMBER, leg_of, run_calls, up
from tests.support.scene import Scene


def announced(stage: Scene, text: str) -> None:
    library = stage.services.recordings
    library.settings = library.settings.model_copy(update={"announcement": text})


@pytest.mark.parametrize("first_is_recorded", [True, False])
def test_who_is_bridged_to_a_recorded_call_hears_of_it_before(
    tmp_path: Path, first_is_recorded: bool
) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        announced(stage, "This call is recorded.")
        first, one = await up(stage, calls, "alice")
        second, two = await up(stage, calls, NUMBER)
        a, b = leg_of(first), leg_of(second)
        recorded = calls.find((first if first_is_recorded else second).id, None).recorded
        await recorded.start_by_command(RecordingOrder())
        other = b if first_is_recorded else a
        telling = asyncio.ensure_future(calls.tell_of_recording(a, b))
        await asyncio.sleep(0.01)
        assert not telling.done()
        assert isinstance(stage.media.heard[other][-1], Prompt)
        await telling
        assert stage.media.heard[other][-1] == Silence()
        calls.bridge(a, b, end_together=False)
        assert stage.media.heard[a][-1] == Peer(b) and stage.media.heard[b][-1] == Peer(a)
        calls.unbridge(None, a)
        heard = len(stage.media.heard[other])
        await calls.tell_of_recording(a, b)  # it has been heard
        assert len(stage.media.heard[other]) == heard
        assert recorded.entry is not None
        one.hangs_up()
        two.hangs_up()

    run_calls(tmp_path, script)


def test_a_recording_of_which_a_party_has_not_heard_ends_before_it_is_bridged(
    tmp_path: Path,
) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        announced(stage, "This call is recorded.")
        first, one = await up(stage, calls, "alice")
        second, two = await up(stage, calls, NUMBER)
        recorded = calls.find(first.id, None).recorded
        await recorded.start_by_command(RecordingOrder())
        stage.media.ends_plays = False
        await calls.tell_of_recording(leg_of(first), leg_of(second))
        assert recorded.entry is None
        ended = stage.last("recording.ended")
        assert ended["reason"] == f"leg {leg_of(second)} has not heard that the call is recorded"
        calls.bridge(leg_of(first), leg_of(second), end_together=False)
        one.hangs_up()
        two.hangs_up()

    run_calls(tmp_path, script)


def test_who_hangs_up_while_they_are_told_is_not_bridged(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        announced(stage, "This call is recorded.")
        first, one = await up(stage, calls, "alice")
        second, two = await up(stage, calls, NUMBER)
        recorded = calls.find(first.id, None).recorded
        await recorded.start_by_command(RecordingOrder())
        telling = asyncio.ensure_future(calls.tell_of_recording(leg_of(first), leg_of(second)))
        await asyncio.sleep(0.01)
        two.hangs_up()
        await telling
        with pytest.raises(EngineError):
            calls.bridge(leg_of(first), leg_of(second), end_together=False)
        assert recorded.entry is not None
        one.hangs_up()

    run_calls(tmp_path, script)
