"""The recording of a call: where it is put, and that its failure is told and survived."""

from pathlib import Path
from typing import cast

import pytest

from engine.calls.leg import Leg
from engine.calls.recording import Recording
from media.errors import MediaError
from tests.support.scene import scene


class _Named:
    def __init__(self, name: str) -> None:
        self.id = name


def leg(name: str) -> Leg:
    return cast(Leg, _Named(name))


async def test_the_file_is_named_after_the_call(tmp_path: Path) -> None:
    stage = scene(tmp_path)
    told: list[str] = []
    recording = Recording("call-1", stage.services, lambda kind, **_fields: told.append(kind))
    path = await recording.start(leg("a"), leg("b"))
    assert path == str(tmp_path / "recordings" / "call-1.wav")
    assert stage.media.recorded == [("a", "b", path)]
    await recording.stop()
    await recording.stop()
    assert stage.media.stopped == ["a"]
    assert told == ["recording.started", "recording.ended"]


async def test_a_file_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(_a: str, _b: str, path: str) -> None:
        raise MediaError(f"{path}: No space left on device")

    stage = scene(tmp_path)
    monkeypatch.setattr(stage.media, "record", refused)
    told: list[str] = []
    recording = Recording("call-1", stage.services, lambda kind, **_fields: told.append(kind))
    assert await recording.start(leg("a"), leg("b")) is None
    await recording.stop()
    assert told == ["recording.failed"]
