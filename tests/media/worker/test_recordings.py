"""Which legs are recorded, and what the engine hears when a recording ends."""

import asyncio
import threading
import wave
from pathlib import Path
from typing import Any, cast

import pytest

from media import messages as m
from media.worker.leg import MediaLeg
from media.worker.peer_stream import PeerStream
from media.worker.protection import Protection
from media.worker.recorder import MAX_PENDING_FRAMES, Frame, Tap, WavWriter
from media.worker.recordings import WRITE_INTERVAL_FRAMES, Recordings
from tests.support.waiting import until


class Party:
    """Stands in for a leg."""

    def __init__(self) -> None:
        self.tap: Tap | None = None
        self.protection = Protection()
        self.incoming = PeerStream(cast(MediaLeg, self))

    @property
    def leg(self) -> MediaLeg:
        return cast(MediaLeg, self)


class Studio:
    """Recordings, two parties and what was reported."""

    def __init__(self) -> None:
        self.reports: list[m.Answer | m.Event] = []
        self.recordings = Recordings(self.reports.append)
        self.a, self.b = Party(), Party()

    def start(self, path: Path, request: int = 1) -> None:
        self.recordings.start(request, self.a.leg, self.b.leg, str(path))

    async def started(self, path: Path, request: int = 1) -> None:
        """Start, and wait until the file is there."""
        self.start(path, request)
        await until(lambda: m.Done(request) in self.reports)


def reason_of_refusal(studio: Studio) -> str:
    refused = studio.reports.pop()
    assert isinstance(refused, m.Refused)
    assert refused.kind == "recording_failed"
    return refused.reason


async def test_both_legs_are_tapped_until_it_is_stopped(tmp_path: Path) -> None:
    studio, path = Studio(), tmp_path / "call.wav"
    await studio.started(path)
    assert studio.a.tap is not None
    assert studio.b.tap is not None
    assert studio.a.tap is not studio.b.tap
    studio.recordings.stop(2, studio.b.leg)
    assert studio.a.tap is studio.b.tap is None
    await until(lambda: len(studio.reports) == 2)
    assert studio.reports[1] == m.Done(2)
    with wave.open(str(path)) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (2, 8000)
    studio.recordings.close()


async def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    studio = Studio()
    studio.recordings.stop(1, studio.a.leg)
    assert reason_of_refusal(studio) == "the leg is not being recorded"
    (tmp_path / "file").touch()
    studio.start(tmp_path / "file" / "call.wav")
    await until(lambda: studio.reports)
    assert "File exists" in reason_of_refusal(studio)
    assert studio.a.tap is None
    await studio.started(tmp_path / "call.wav")
    studio.recordings.start(2, studio.b.leg, Party().leg, str(tmp_path / "other.wav"))
    assert reason_of_refusal(studio) == "the leg is being recorded"
    studio.recordings.close()


async def test_a_closed_leg_ends_the_recording_of_both(tmp_path: Path) -> None:
    studio, path = Studio(), tmp_path / "call.wav"
    await studio.started(path)
    studio.recordings.leg_closed(studio.a.leg)
    assert studio.b.tap is None
    await until(lambda: len(studio.reports) == 2)
    assert studio.reports[1] == m.RecordingEnded(str(path))
    studio.recordings.leg_closed(studio.b.leg)  # there is none any more
    await studio.started(tmp_path / "next.wav", 3)
    assert studio.reports[2:] == [m.Done(3)]
    studio.recordings.close()


async def test_a_leg_may_be_recorded_with_itself(tmp_path: Path) -> None:
    studio, path = Studio(), tmp_path / "call.wav"
    studio.recordings.start(1, studio.a.leg, studio.a.leg, str(path))
    studio.recordings.leg_closed(studio.a.leg)
    await until(lambda: len(studio.reports) == 2)
    assert studio.reports == [m.Done(1), m.RecordingEnded(str(path))]
    assert studio.a.tap is None
    studio.recordings.close()


async def test_a_disk_that_accepts_nothing_ends_the_recording(tmp_path: Path) -> None:
    studio, path = Studio(), tmp_path / "call.wav"
    await studio.started(path)
    fill_disk(studio)
    for frame in range(1, 200 * WRITE_INTERVAL_FRAMES):
        studio.recordings.frame(asyncio.get_running_loop().time() + 0.02 * frame)
        if frame % WRITE_INTERVAL_FRAMES == 0:
            await asyncio.sleep(0.002)
        if len(studio.reports) == 2:
            break
    ended = studio.reports[1]
    assert isinstance(ended, m.RecordingEnded)
    assert ended.error == f"{path}: No space left on device"
    assert studio.a.tap is studio.b.tap is None
    studio.recordings.close()


async def test_a_disk_that_is_full_at_the_end_is_an_error_of_the_stop(tmp_path: Path) -> None:
    studio, path = Studio(), tmp_path / "call.wav"
    await studio.started(path)
    fill_disk(studio)
    studio.recordings.stop(2, studio.a.leg)
    await until(lambda: len(studio.reports) == 2)
    assert reason_of_refusal(studio) == f"{path}: No space left on device"
    studio.recordings.close()


async def test_a_full_disk_does_not_keep_the_worker_from_ending(tmp_path: Path) -> None:
    studio = Studio()
    await studio.started(tmp_path / "call.wav")
    fill_disk(studio)
    studio.recordings.close()
    assert studio.a.tap is None


def fill_disk(studio: Studio) -> None:
    (recording,) = studio.recordings._legs
    recording.writer.abandon()
    recording.writer._file = Path("/dev/full").open("wb")  # noqa: SIM115 - the writer closes it


async def test_close_completes_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio, path = Studio(), tmp_path / "call.wav"
    monkeypatch.setattr("media.worker.recordings.monotonic", lambda: 100.0)
    await studio.started(path)
    assert studio.a.tap is not None
    studio.a.tap.write(0, b"\x10" * 160, "PCMU", 100.0)
    monkeypatch.setattr("media.worker.recordings.monotonic", lambda: 103.0)
    studio.recordings.close()
    with wave.open(str(path)) as sound:
        assert sound.getnframes() == 24000


class SlowDisk:
    """A disk on which no file can be created until `answers` is set; notes who waits for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers = threading.Event()
        self.waiting: list[str] = []
        create = Path.open

        def open_late(path: Path, *args: Any, **named: Any) -> Any:
            self.waiting.append(threading.current_thread().name)
            self.answers.wait(10)
            return create(path, *args, **named)

        monkeypatch.setattr(Path, "open", open_late)


async def test_a_file_that_is_slow_to_open_holds_up_nobody_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, path, disk = Studio(), tmp_path / "call.wav", SlowDisk(monkeypatch)
    monkeypatch.setattr("media.worker.recordings.monotonic", lambda: 100.0)
    studio.start(path)
    assert studio.a.tap is not None
    studio.a.tap.write(0, b"\x10" * 160, "PCMU", 100.0)
    await until(lambda: disk.waiting)
    for _ in range(WRITE_INTERVAL_FRAMES):
        studio.recordings.frame(101.0)
    assert studio.reports == []
    disk.answers.set()
    await until(lambda: studio.reports == [m.Done(1)])
    assert disk.waiting == ["recorder"]
    monkeypatch.setattr("media.worker.recordings.monotonic", lambda: 102.0)
    studio.recordings.stop(2, studio.a.leg)
    await until(lambda: len(studio.reports) == 2)
    with wave.open(str(path)) as sound:
        assert sound.getnframes() == 16000
        assert sound.readframes(1) != bytes(4)
    studio.recordings.close()


async def test_a_file_that_does_not_open_in_time_is_refused_and_left_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, path, disk = Studio(), tmp_path / "call.wav", SlowDisk(monkeypatch)
    monkeypatch.setattr("media.worker.recordings.OPEN_DEADLINE_S", 0.0)
    studio.start(path)
    await until(lambda: studio.reports)
    assert reason_of_refusal(studio) == f"{path}: the disk did not answer for 0 s"
    assert studio.a.tap is studio.b.tap is None
    disk.answers.set()
    studio.recordings.close()
    assert not path.exists()


async def test_legs_that_close_meanwhile_leave_a_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, path, disk = Studio(), tmp_path / "call.wav", SlowDisk(monkeypatch)
    studio.start(path)
    await until(lambda: disk.waiting)
    studio.recordings.leg_closed(studio.a.leg)
    assert studio.a.tap is studio.b.tap is None
    disk.answers.set()
    await until(lambda: len(studio.reports) == 2)
    assert studio.reports == [m.Done(1), m.RecordingEnded(str(path))]
    with wave.open(str(path)) as sound:
        assert sound.getnchannels() == 2
    studio.recordings.close()


async def test_what_never_began_does_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, path, disk = Studio(), tmp_path, SlowDisk(monkeypatch)
    studio.start(path)
    await until(lambda: disk.waiting)
    studio.recordings.leg_closed(studio.a.leg)
    studio.start(path, 2)
    studio.recordings.stop(3, studio.a.leg)
    disk.answers.set()
    await until(lambda: len(studio.reports) == 3)
    failure = f"{path}: Is a directory"
    assert studio.reports == [
        m.Refused(1, "recording_failed", failure),
        m.Refused(2, "recording_failed", failure),
        m.Refused(3, "recording_failed", "the leg is not being recorded"),
    ]
    studio.recordings.close()


async def test_a_file_that_is_not_completed_in_time_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, path, writer = Studio(), tmp_path / "call.wav", StuckWriter()
    await studio.started(path)
    give(studio, writer)
    monkeypatch.setattr("media.worker.recordings.WRITE_DEADLINE_S", 0.0)
    studio.recordings.leg_closed(studio.a.leg)
    await until(lambda: len(studio.reports) == 2)
    assert studio.reports[1] == m.RecordingEnded(
        str(path), f"{path}: the disk did not answer for 0 s"
    )
    writer.answers.set()
    studio.recordings.close()
    assert writer.abandoned_by == ["recorder"]


async def test_a_disk_that_hangs_does_not_keep_the_worker_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, disk = Studio(), SlowDisk(monkeypatch)
    studio.start(tmp_path / "call.wav")
    monkeypatch.setattr("media.worker.recordings.CLOSE_DEADLINE_S", 0.0)
    studio.recordings.close()
    assert studio.a.tap is None
    disk.answers.set()


class StuckWriter:
    """A writer whose disk does not answer until `answers` is set; notes who closes the file."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.began = threading.Event()
        self.abandoned_by: list[str] = []

    def write(self, frames: list[Frame], length_samples: int, *, last: bool = False) -> None:
        self.began.set()
        self.answers.wait()

    def abandon(self) -> None:
        self.abandoned_by.append(threading.current_thread().name)


def give(studio: Studio, writer: StuckWriter) -> None:
    (recording,) = studio.recordings._legs
    recording.writer.abandon()
    recording.writer = cast(WavWriter, writer)


async def test_a_disk_that_hangs_does_not_hold_up_the_calls(tmp_path: Path) -> None:
    """Closing a file waits for the write under way: that is for the thread to do."""
    studio, path, writer = Studio(), tmp_path / "call.wav", StuckWriter()
    await studio.started(path)
    give(studio, writer)
    for _ in range(WRITE_INTERVAL_FRAMES):
        studio.recordings.frame(1.0)
    await until(writer.began.is_set)
    tap = studio.a.tap
    assert tap is not None
    for index in range(MAX_PENDING_FRAMES + 1):
        tap.write(160 * index, b"\x10" * 160, "PCMU", 1.0)
    for _ in range(WRITE_INTERVAL_FRAMES):
        studio.recordings.frame(2.0)
    assert studio.reports[1:] == [
        m.RecordingEnded(str(path), f"{path}: the file cannot be written fast enough")
    ]
    assert studio.a.tap is None
    assert writer.abandoned_by == []
    writer.answers.set()
    await until(lambda: writer.abandoned_by)
    assert writer.abandoned_by[0].startswith("recorder")
    studio.recordings.close()


async def test_close_waits_for_a_write_under_way_and_completes_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, path = Studio(), tmp_path / "call.wav"
    monkeypatch.setattr("media.worker.recordings.monotonic", lambda: 100.0)
    await studio.started(path)
    for _ in range(WRITE_INTERVAL_FRAMES):
        studio.recordings.frame(102.0)
    (recording,) = studio.recordings._legs
    assert recording.writing
    monkeypatch.setattr("media.worker.recordings.monotonic", lambda: 103.0)
    studio.recordings.close()
    with wave.open(str(path)) as sound:
        assert sound.getnframes() == 24000
