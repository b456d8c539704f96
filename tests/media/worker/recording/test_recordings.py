"""Which legs are recorded, and what the engine hears when a recording ends."""

import asyncio
import threading
import wave
from pathlib import Path
from time import monotonic
from typing import Any, cast

import pytest

from media.isolation import FAULT
from media.protocol import messages as m
from media.worker.leg import MediaLeg
from media.worker.peer_stream import PeerStream
from media.worker.protection import Protection
from media.worker.recording.recorded_side import Frame
from media.worker.recording.recorder import MAX_PENDING_FRAMES, Tap, WavWriter
from media.worker.recording.recordings import WRITE_INTERVAL_FRAMES, Recordings
from tests.support.waiting import until


class Heard:
    """Stands in for what a leg hears."""

    form = "PCMU"

    def __init__(self) -> None:
        self.tap: Tap | None = None

    def settle(self) -> None:
        """Nothing is relayed here."""


class Party:
    """Stands in for a leg."""

    def __init__(self) -> None:
        self.tap: Tap | None = None
        self.playout = Heard()
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
        self.recordings.start(m.Record(request, "a", "b", str(path)), self.a.leg, self.b.leg)

    async def started(self, path: Path, request: int = 1) -> None:
        """Start, and wait until the file is there."""
        self.start(path, request)
        await until(lambda: m.Done(request) in self.reports)


def ended_well(report: m.Answer | m.Event, path: Path) -> bool:
    return (
        isinstance(report, m.RecordingEnded)
        and report.path == str(path)
        and report.error is None
        and report.bytes == path.stat().st_size
    )


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
    assert isinstance(studio.reports[1], m.Recorded)
    with wave.open(str(path)) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (2, 8000)
    studio.recordings.close()


async def test_what_is_paused_from_its_beginning_takes_nothing(tmp_path: Path) -> None:
    studio, path = Studio(), tmp_path / "call.wav"
    command = m.Record(1, "a", "b", str(path), is_paused=True)
    studio.recordings.start(command, studio.a.leg, studio.b.leg)
    assert studio.a.tap is studio.b.tap is None
    assert studio.recordings.is_paused(studio.a.leg)
    studio.recordings.pause(2, studio.a.leg, pauses=False)  # before the file is there
    assert studio.a.tap is not None and studio.b.tap is not None
    await until(lambda: m.Done(1) in studio.reports)
    studio.recordings.close()


async def test_a_party_that_is_away_is_not_recorded(tmp_path: Path) -> None:
    studio, path = Studio(), tmp_path / "call.wav"
    a, b, recordings = studio.a, studio.b, studio.recordings
    recordings.described(a.leg, is_away=True)
    await studio.started(path)
    assert a.tap is None and b.tap is not None
    recordings.described(b.leg, is_away=True)
    recordings.described(a.leg, is_away=False)
    assert a.tap is not None and b.tap is None
    recordings.pause(2, a.leg, pauses=True)
    recordings.described(b.leg, is_away=False)
    assert a.tap is b.tap is None
    recordings.pause(3, a.leg, pauses=False)
    assert a.tap is not None and b.tap is not None
    recordings.leg_closed(a.leg)
    both = m.Record(4, "b", "b", str(tmp_path / "both.wav"))
    recordings.start(both, b.leg, b.leg)
    assert b.tap is not None and b.playout.tap is not None
    recordings.described(b.leg, is_away=True)
    assert b.tap is b.playout.tap is None
    recordings.close()


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
    other = m.Record(2, "b", "c", str(tmp_path / "other.wav"))
    studio.recordings.start(other, studio.b.leg, Party().leg)
    assert reason_of_refusal(studio) == "the leg is being recorded"
    studio.recordings.close()


async def test_a_closed_leg_ends_the_recording_of_both(tmp_path: Path) -> None:
    studio, path = Studio(), tmp_path / "call.wav"
    await studio.started(path)
    studio.recordings.leg_closed(studio.a.leg)
    assert studio.b.tap is None
    await until(lambda: len(studio.reports) == 2)
    assert ended_well(studio.reports[1], path)
    studio.recordings.leg_closed(studio.b.leg)  # there is none any more
    await studio.started(tmp_path / "next.wav", 3)
    assert studio.reports[2:] == [m.Done(3)]
    studio.recordings.close()


async def test_a_leg_may_be_recorded_with_itself(tmp_path: Path) -> None:
    studio, path = Studio(), tmp_path / "call.wav"
    studio.recordings.start(m.Record(1, "a", "a", str(path)), studio.a.leg, studio.a.leg)
    assert studio.a.playout.tap is not None
    studio.recordings.leg_closed(studio.a.leg)
    await until(lambda: len(studio.reports) == 2)
    assert studio.reports[0] == m.Done(1)
    assert ended_well(studio.reports[1], path)
    assert studio.a.tap is studio.a.playout.tap is None
    studio.recordings.close()


async def test_many_recordings_are_not_written_in_one_frame(tmp_path: Path) -> None:
    """What the thread does for one file holds up the packets for as long as it takes."""
    studio = Studio()
    for request in range(WRITE_INTERVAL_FRAMES):
        path = tmp_path / f"{request}.wav"
        studio.recordings.start(m.Record(request, "a", "a", str(path)), Party().leg, None)
    asked: list[int] = []
    recordings = studio.recordings
    for _ in range(2 * WRITE_INTERVAL_FRAMES):
        for recording in recordings._legs:
            recording.writing = False
        recordings.frame(asyncio.get_running_loop().time())
        asked.append(sum(recording.writing for recording in recordings._legs))
    assert asked == [1] * (2 * WRITE_INTERVAL_FRAMES)
    recordings.close()


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
    monkeypatch.setattr("media.worker.recording.recordings.monotonic", lambda: 100.0)
    await studio.started(path)
    assert studio.a.tap is not None
    studio.a.tap.write(None, 0, b"\x10" * 160, "PCMU", 100.0)
    monkeypatch.setattr("media.worker.recording.recordings.monotonic", lambda: 103.0)
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
    monkeypatch.setattr("media.worker.recording.recordings.monotonic", lambda: 100.0)
    studio.start(path)
    assert studio.a.tap is not None
    studio.a.tap.write(None, 0, b"\x10" * 160, "PCMU", 100.0)
    await until(lambda: disk.waiting)
    for _ in range(WRITE_INTERVAL_FRAMES):
        studio.recordings.frame(101.0)
    assert studio.reports == []
    disk.answers.set()
    await until(lambda: studio.reports == [m.Done(1)])
    assert disk.waiting == ["recorder"]
    monkeypatch.setattr("media.worker.recording.recordings.monotonic", lambda: 102.0)
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
    monkeypatch.setattr("media.worker.recording.recordings.OPEN_DEADLINE_S", 0.0)
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
    assert studio.reports[0] == m.Done(1)
    assert ended_well(studio.reports[1], path)
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
    for deadline in ("WRITE_DEADLINE_S", "ABANDON_DEADLINE_S"):
        monkeypatch.setattr(f"media.worker.recording.recordings.{deadline}", 0.0)
    studio.recordings.leg_closed(studio.a.leg)
    await until(lambda: len(studio.reports) == 2)
    ended = studio.reports[1]
    assert isinstance(ended, m.RecordingEnded)
    assert ended.error == f"{path}: the disk did not answer for 0 s"
    writer.answers.set()
    studio.recordings.close()
    assert writer.abandoned_by == ["recorder"]


async def test_a_disk_that_hangs_does_not_keep_the_worker_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, disk = Studio(), SlowDisk(monkeypatch)
    studio.start(tmp_path / "call.wav")
    monkeypatch.setattr("media.worker.recording.recordings.CLOSE_DEADLINE_S", 0.0)
    studio.recordings.close()
    assert studio.a.tap is None
    disk.answers.set()


class StuckWriter:
    """A writer whose disk does not answer until `answers` is set; notes who closes the file."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.began = threading.Event()
        self.abandoned_by: list[str] = []
        self.duration_s, self.size = 0.0, 0

    def write(self, frames: list[Frame], length_samples: int, *, last: bool = False) -> None:
        self.began.set()
        self.answers.wait()

    def abandon(self) -> None:
        self.abandoned_by.append(threading.current_thread().name)


def give(studio: Studio, writer: StuckWriter) -> None:
    (recording,) = studio.recordings._legs
    recording.writer.abandon()
    recording.writer = cast(WavWriter, writer)


async def test_a_disk_that_hangs_does_not_hold_up_the_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
        tap.write(None, 160 * index, b"\x10" * 160, "PCMU", 1.0)
    for _ in range(WRITE_INTERVAL_FRAMES):
        studio.recordings.frame(2.0)
    assert studio.a.tap is None
    monkeypatch.setattr("media.worker.recording.recordings.ABANDON_DEADLINE_S", 0.0)
    await until(lambda: len(studio.reports) == 2)
    (ended,) = studio.reports[1:]
    assert isinstance(ended, m.RecordingEnded)
    assert ended.error == f"{path}: the file cannot be written fast enough"
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
    monkeypatch.setattr("media.worker.recording.recordings.monotonic", lambda: 100.0)
    await studio.started(path)
    for _ in range(WRITE_INTERVAL_FRAMES):
        studio.recordings.frame(102.0)
    (recording,) = studio.recordings._legs
    assert recording.writing
    monkeypatch.setattr("media.worker.recording.recordings.monotonic", lambda: 103.0)
    studio.recordings.close()
    with wave.open(str(path)) as sound:
        assert sound.getnframes() == 24000


async def test_nothing_is_heard_in_a_recording_while_it_is_paused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, path = Studio(), tmp_path / "call.wav"
    at = [100.0]
    monkeypatch.setattr("media.worker.recording.recordings.monotonic", lambda: at[0])
    await studio.started(path)

    def speak(now: float) -> None:
        at[0] = now
        if studio.a.tap is not None:
            studio.a.tap.write(None, round(8000 * now), b"\x10" * 160, "PCMU", now)

    speak(100.0)
    studio.recordings.pause(2, studio.b.leg, pauses=True)
    studio.recordings.pause(3, studio.a.leg, pauses=True)  # it is already
    assert studio.a.tap is studio.b.tap is None
    speak(101.0)
    studio.recordings.pause(4, studio.a.leg, pauses=False)
    speak(102.0)
    at[0] = 103.0
    studio.recordings.stop(5, studio.a.leg)
    await until(lambda: len(studio.reports) == 5)
    positions = [one.at_s for one in studio.reports if isinstance(one, m.RecordingAt)]
    assert positions == [0.0, 0.0, 1.0]
    assert studio.reports[-1] == m.Recorded(5, 3.0, path.stat().st_size)
    with wave.open(str(path)) as sound:
        heard = [any(sound.readframes(8000)) for _second in range(3)]
    assert heard == [True, False, True]
    studio.recordings.pause(6, studio.a.leg, pauses=True)
    assert reason_of_refusal(studio) == "the leg is not being recorded"
    studio.recordings.close()


async def test_one_side_is_recorded_alone(tmp_path: Path) -> None:
    studio, path = Studio(), tmp_path / "side.wav"
    studio.recordings.start(m.Record(1, "a", "", str(path)), studio.a.leg, None)
    assert studio.a.tap is not None
    assert studio.b.tap is None
    studio.recordings.pause(2, studio.a.leg, pauses=True)
    studio.recordings.leg_closed(studio.a.leg)
    await until(lambda: len(studio.reports) == 3)
    with wave.open(str(path)) as sound:
        assert sound.getnchannels() == 1
    studio.recordings.close()


async def test_a_disk_with_too_little_room_is_refused_and_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, path = Studio(), tmp_path / "call.wav"
    most = 1 << 62
    studio.recordings.start(
        m.Record(1, "a", "b", str(path), min_free_bytes=most), studio.a.leg, studio.b.leg
    )
    await until(lambda: studio.reports)
    assert "MiB are free" in reason_of_refusal(studio)
    assert not path.exists()
    studio.recordings.start(
        m.Record(2, "a", "b", str(path), min_free_bytes=1), studio.a.leg, studio.b.leg
    )
    await until(lambda: studio.reports)
    (recording,) = studio.recordings._legs
    recording.writer._min_free_bytes = most
    for _ in range(WRITE_INTERVAL_FRAMES):
        studio.recordings.frame(asyncio.get_running_loop().time() + 5.0)
    await until(lambda: len(studio.reports) == 2)
    ended = studio.reports[1]
    assert isinstance(ended, m.RecordingEnded)
    assert ended.error is not None
    assert "MiB are free" in ended.error
    assert ended.duration_s > 0
    assert path.stat().st_size == ended.bytes
    studio.recordings.close()


async def test_a_write_that_fails_by_a_fault_ends_the_recording_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, path = Studio(), tmp_path / "call.wav"
    await studio.started(path)
    (recording,) = studio.recordings._legs

    def fail(*_args: object, **_options: object) -> None:
        raise ValueError("could not broadcast")

    with monkeypatch.context() as patched:
        patched.setattr(WavWriter, "write", fail)
        for _ in range(WRITE_INTERVAL_FRAMES):
            studio.recordings.frame(monotonic())
        await until(lambda: len(studio.reports) == 2)
    ended = studio.reports[1]
    assert isinstance(ended, m.RecordingEnded)
    assert ended.error == f"{path}: a fault of the media worker: ValueError: could not broadcast"
    assert not recording.writing and studio.a.tap is None
    studio.recordings.close()


async def test_a_recording_that_fails_in_a_frame_ends_alone(tmp_path: Path) -> None:
    studio, other = Studio(), (Party(), Party())
    await studio.started(tmp_path / "bad.wav")
    (bad,) = studio.recordings._legs
    command = m.Record(2, "c", "d", str(tmp_path / "good.wav"))
    studio.recordings.start(command, *(one.leg for one in other))
    await until(lambda: m.Done(2) in studio.reports)
    del bad.started_at
    for _ in range(WRITE_INTERVAL_FRAMES):
        studio.recordings.frame(monotonic())
    await until(lambda: len(studio.reports) == 3)
    ended = studio.reports[2]
    assert isinstance(ended, m.RecordingEnded)
    assert ended.error == f"{tmp_path / 'bad.wav'}: {FAULT}"
    assert other[0].tap is not None
    studio.recordings.close()
    with wave.open(str(tmp_path / "good.wav")) as sound:
        assert sound.getnchannels() == 2


async def test_a_recording_whose_leg_has_failed_is_whole_and_says_so(tmp_path: Path) -> None:
    studio, path = Studio(), tmp_path / "call.wav"
    await studio.started(path)
    studio.recordings.leg_closed(studio.a.leg, FAULT)
    await until(lambda: len(studio.reports) == 2)
    ended = studio.reports[1]
    assert isinstance(ended, m.RecordingEnded)
    assert ended.error == f"{path}: {FAULT}"
    assert ended.bytes == path.stat().st_size
    studio.recordings.close()
