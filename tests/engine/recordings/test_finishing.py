"""A file is completed, whatever a crash has left of it."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from engine.recordings import finishing
from engine.recordings.entry import RecordingEntry
from engine.recordings.finishing import NotFinished, finish
from tests.engine.recordings.test_encode_process import stereo


def entry(path: Path, **more: object) -> RecordingEntry:
    return RecordingEntry(id="rec-1", call="call-1", path=str(path), started=1.0, **more)  # type: ignore[arg-type]


async def test_a_wav_file_stays_as_it_is(tmp_path: Path) -> None:
    path = stereo(tmp_path / "talk.wav", 1.5)
    done = await finish(entry(path))
    data = path.read_bytes()
    assert done == (1.5, len(data), hashlib.sha256(data).hexdigest())


async def test_another_format_is_made_of_it(tmp_path: Path) -> None:
    source, path = stereo(tmp_path / "talk.wav", 1.5), tmp_path / "talk.opus"
    done = await finish(entry(path, format="opus"))
    assert not source.exists()
    assert (done.duration_s, done.bytes) == (1.5, path.stat().st_size)
    # An engine that died before it had noted that.
    again = await finish(entry(path, format="opus", duration_s=1.5))
    assert again == done


async def test_what_cannot_be_completed(tmp_path: Path) -> None:
    with pytest.raises(NotFinished, match="No such file"):
        await finish(entry(tmp_path / "none.wav"))
    garbage = tmp_path / "talk.wav"
    garbage.write_bytes(b"")
    with pytest.raises(NotFinished):
        await finish(entry(garbage))
    stereo(garbage, 0.1)
    (tmp_path / "talk.flac").mkdir()
    with pytest.raises(NotFinished, match="cannot be encoded as flac"):
        await finish(entry(tmp_path / "talk.flac", format="flac"))
    assert garbage.exists()


async def test_an_encoding_that_takes_too_long_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finishing, "ENCODE_LIMIT_S", 0.0)
    source = stereo(tmp_path / "talk.wav", 0.1)
    with pytest.raises(NotFinished, match="takes over 0 s"):
        await finish(entry(tmp_path / "talk.flac", format="flac"))
    assert source.exists()
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
