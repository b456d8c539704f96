"""The recording of a call: where it is put, and that its failure is published and survived."""

from pathlib import Path
from typing import cast

import pytest

from engine.calls.leg import Leg
from engine.calls.legs.leg_events import LegEvents
from engine.calls.recording import Recording
from media.errors import MediaError
from media.messages import RecordingEnded
from tests.support.scene import Scene, scene


class _Named:
    def __init__(self, name: str) -> None:
        self.id = name


def leg(name: str) -> Leg:
    return cast(Leg, _Named(name))


class Seen:
    """What a recording publishes, and the paths that its call is given."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.paths: list[str | None] = []

    def of(self, stage: Scene) -> Recording:
        return Recording(
            "call-1",
            stage.services,
            lambda kind, **_fields: self.kinds.append(kind),
            self.paths.append,
        )


async def test_the_file_is_named_after_the_call(tmp_path: Path) -> None:
    stage, seen = scene(tmp_path), Seen()
    recording = seen.of(stage)
    await recording.start(leg("a"), leg("b"))
    path = str(tmp_path / "recordings" / "call-1.wav")
    assert seen.paths == [path]
    assert stage.media.recorded == [("a", "b", path)]
    await recording.stop()
    await recording.stop()
    assert stage.media.stopped == ["a"]
    assert seen.kinds == ["recording.started", "recording.ended"]
    assert seen.paths == [path]
    assert stage.services.registry.recordings == {}


async def test_a_file_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(_a: str, _b: str, path: str) -> None:
        raise MediaError(f"{path}: No space left on device")

    stage, seen = scene(tmp_path), Seen()
    monkeypatch.setattr(stage.media, "record", refused)
    recording = seen.of(stage)
    await recording.start(leg("a"), leg("b"))
    await recording.stop()
    assert seen.kinds == ["recording.failed"]
    assert seen.paths == [None]


async def test_a_file_that_cannot_be_written_on_is_not_given(tmp_path: Path) -> None:
    stage, seen = scene(tmp_path), Seen()
    events = LegEvents(stage.services.registry, stage.services.events)
    recording = seen.of(stage)
    await recording.start(leg("a"), leg("b"))
    (path,) = seen.paths
    assert path is not None
    events.on_media(RecordingEnded(path, f"{path}: No space left on device"))
    assert seen.kinds == ["recording.started", "recording.failed"]
    assert seen.paths == [path, None]
    await recording.stop()
    assert stage.media.stopped == []
    # One whose call is over is published all the same.
    events.on_media(RecordingEnded(path, "the disk is full"))
    assert seen.paths == [path, None]
    assert stage.last("recording.failed")["reason"] == "the disk is full"


async def test_a_file_that_cannot_be_completed_is_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(_a: str) -> None:
        raise MediaError("No space left on device")

    stage, seen = scene(tmp_path), Seen()
    monkeypatch.setattr(stage.media, "stop_recording", refused)
    recording = seen.of(stage)
    await recording.start(leg("a"), leg("b"))
    await recording.stop()
    assert seen.kinds == ["recording.started", "recording.failed"]
    assert seen.paths[-1] is None
