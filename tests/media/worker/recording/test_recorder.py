"""Recordings: two sides, aligned in time, in a whole WAV file."""

import errno
import wave
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from media.sound import g711
from media.sound.form import WIDE, tick_bytes
from media.worker.recording.recorder import Recording

LOUD = g711.encode(np.full(160, 8000, np.int16), "PCMU")
QUIET = g711.encode(np.full(160, 1000, np.int16), "PCMA")


def read(path: Path) -> NDArray[np.int16]:
    with wave.open(str(path)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (2, 2, 8000)
        data = sound.readframes(sound.getnframes())
    return np.frombuffer(data, "<i2").reshape(-1, 2)


def opened(path: Path, started_at: float = 0.0) -> Recording:
    recording = Recording(str(path), started_at)
    recording.writer.open()
    return recording


def finish(recording: Recording, now: float) -> None:
    recording.writer.write(recording.take_frames(), recording.length_samples(now), last=True)


def test_sides_stand_on_their_channels_at_their_times(tmp_path: Path) -> None:
    recording = opened(tmp_path / "call.wav", 100.0)
    assert recording.right is not None
    for frame in range(25):  # left speaks from 0.1 s to 0.6 s, right from 1.0 to 1.5
        recording.left.write(None, 5000 + 160 * frame, LOUD, "PCMU", 100.1 + 0.02 * frame)
        recording.right.write(None, 160 * frame, QUIET, "PCMA", 101.0 + 0.02 * frame)
    finish(recording, 102.0)
    samples = read(tmp_path / "call.wav")
    assert len(samples) == 16000
    left, right = samples[:, 0], samples[:, 1]
    assert np.flatnonzero(left)[[0, -1]].tolist() == [800, 800 + 3999]
    assert np.flatnonzero(right)[[0, -1]].tolist() == [8000, 8000 + 3999]
    assert left[800] == pytest.approx(8000, rel=0.05)
    assert right[8000] == pytest.approx(1000, rel=0.05)


def test_network_jitter_moves_nothing(tmp_path: Path) -> None:
    recording = opened(tmp_path / "call.wav")
    for frame, late_s in enumerate([0, 0.03, 0.05, 0.01, 0]):
        recording.left.write(None, 160 * frame, LOUD, "PCMU", 0.02 * frame + late_s)
    finish(recording, 0.2)
    assert np.flatnonzero(read(tmp_path / "call.wav")[:, 0]).tolist() == list(range(800))


def test_a_new_source_is_placed_by_its_arrival(tmp_path: Path) -> None:
    recording = opened(tmp_path / "call.wav")
    recording.left.write(None, 4_000_000_000, LOUD, "PCMU", 0.0)
    recording.left.write(None, 77, LOUD, "PCMU", 0.5)
    finish(recording, 1.0)
    heard = np.flatnonzero(read(tmp_path / "call.wav")[:, 0])
    assert heard.tolist() == [*range(160), *range(4000, 4160)]


def test_timestamps_may_wrap(tmp_path: Path) -> None:
    recording = opened(tmp_path / "call.wav")
    for frame in range(4):
        recording.left.write(None, (2**32 - 320 + 160 * frame) % 2**32, LOUD, "PCMU", 0.02 * frame)
    finish(recording, 0.08)
    assert np.flatnonzero(read(tmp_path / "call.wav")[:, 0]).tolist() == list(range(640))


@pytest.mark.parametrize(("ppm", "form"), [(200, "PCMU"), (-200, WIDE)])
def test_a_clock_that_drifts_for_an_hour_is_followed(tmp_path: Path, ppm: int, form: str) -> None:
    """No frame is far from where it was said, none is missing, and none covers another."""
    recording = Recording(str(tmp_path / "call.wav"), 0.0)
    frame_s = 0.02 / (1 + ppm * 1e-6)  # by our clock
    payload = bytes(160 * tick_bytes(form))
    end, most_apart = 0, 0.0
    for frame in range(180_000):
        now = frame * frame_s + 0.001 * (frame % 7)
        recording.left.write(None, 160 * frame + 4_294_000_000 & 0xFFFFFFFF, payload, form, now)
        (written,) = recording.take_frames()
        place = written.place
        assert -1 <= place - end <= 0
        end = place + 160 + written.is_stretched
        most_apart = max(most_apart, abs(place / 8000 - now))
    assert most_apart < 0.03


def test_a_late_first_frame_is_made_good_without_a_jump(tmp_path: Path) -> None:
    recording = Recording(str(tmp_path / "call.wav"), 0.0)
    places = []
    for frame in range(2000):
        recording.left.write(None, 160 * frame, LOUD, "PCMU", 0.02 * frame + (0 if frame else 0.08))
        places += [frame.place for frame in recording.take_frames()]
    steps = np.diff(places)
    assert set(steps.tolist()) == {159, 160}
    assert places[0] == 640 and places[-1] == 160 * 1999


def test_the_file_is_whole_after_each_write_and_late_packets_have_a_second(
    tmp_path: Path,
) -> None:
    path = tmp_path / "call.wav"
    recording = opened(path)
    assert len(read(path)) == 0
    for second in range(1, 5):
        for frame in range(50):
            if (second, frame) != (2, 10):
                at = 50 * (second - 1) + frame
                recording.left.write(None, 160 * at, LOUD, "PCMU", 0.02 * at)
        recording.writer.write(recording.take_frames(), 8000 * second)
        assert len(read(path)) == 8000 * (second - 1)
        if second == 2:  # comes 0.8 s late
            recording.left.write(None, 160 * 60, LOUD, "PCMU", 1.2)
    finish(recording, 4.0)
    assert np.count_nonzero(read(path)[:, 0]) == 32000


class FullDisk:
    """A file that has room for so many bytes more."""

    def __init__(self, file: BinaryIO, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: bytes) -> int:
        written = self._file.write(data[: self._room])
        self._room -= written
        if written < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.mark.parametrize("is_wide", [False, True])
def test_what_got_into_a_file_on_a_full_disk_can_be_played(tmp_path: Path, is_wide: bool) -> None:
    path = tmp_path / "call.wav"
    recording = Recording(str(path), 0.0, is_wide=is_wide)
    writer = recording.writer
    writer.open()
    for frame in range(100):
        recording.left.write(None, 160 * frame, LOUD, "PCMU", 0.02 * frame)
    writer._file = cast(BinaryIO, FullDisk(cast(BinaryIO, writer._file), 16_001))
    with pytest.raises(OSError, match="No space"):
        writer.write(recording.take_frames(), 16_000)
    writer.abandon()
    with wave.open(str(path)) as sound:
        assert sound.getnframes() == 4000
        assert any(sound.readframes(4000))
    assert (writer.duration_s, writer.size) == (0.25 if is_wide else 0.5, 16_044)


def test_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    recording = Recording(str(tmp_path / "file" / "such" / "call.wav"), 0.0)
    with pytest.raises(NotADirectoryError):
        recording.writer.open()
    finish(recording, 1.0)
    recording.writer.abandon()
    recording.writer.discard()
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_what_was_opened_too_late_is_removed(tmp_path: Path) -> None:
    recording = opened(tmp_path / "call.wav")
    finish(recording, 1.0)
    recording.writer.discard()
    assert not list(tmp_path.iterdir())


def test_the_directory_is_made_and_private(tmp_path: Path) -> None:
    finish(opened(tmp_path / "recordings" / "call.wav"), 1.0)
    assert (tmp_path / "recordings").stat().st_mode & 0o777 == 0o700


def test_nobody_elses_file_is_removed(tmp_path: Path) -> None:
    (tmp_path / "call.wav").mkdir()
    recording = Recording(str(tmp_path / "call.wav"), 0.0)
    with pytest.raises(IsADirectoryError):
        recording.writer.open()
    recording.writer.discard()
    assert (tmp_path / "call.wav").exists()


def test_both_sides_go_into_one_channel(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    recording = Recording(str(path), 0.0, channels=1)
    recording.writer.open()
    assert recording.right is not None
    loudest = g711.encode(np.full(160, 30000, np.int16), "PCMU")
    recording.left.write(None, 0, LOUD, "PCMU", 0.0)
    recording.right.write(None, 0, QUIET, "PCMA", 0.0)
    recording.left.write(None, 160, loudest, "PCMU", 0.02)
    recording.right.write(None, 160, loudest, "PCMU", 0.02)
    finish(recording, 0.04)
    with wave.open(str(path)) as sound:
        assert sound.getnchannels() == 1
        samples = np.frombuffer(sound.readframes(320), "<i2")
    assert samples[0] == pytest.approx(9000, rel=0.05)
    assert samples[-1] == 32767


def test_the_last_frame_that_was_relayed_is_in_the_file_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    recording = opened(path)
    recording.left.write(None, 0, LOUD, "PCMU", 0.98)
    recording.writer.write(recording.take_frames(), recording.whole_samples(0.985), last=True)
    samples = read(path)
    assert len(samples) == 7840 + 160
    assert np.count_nonzero(samples[:, 0]) == 160


def test_a_frame_far_ahead_of_its_time_makes_no_file_longer() -> None:
    recording = Recording("call.wav", 0.0)
    recording.left.write(None, 0, LOUD, "PCMU", 5.0)
    assert recording.whole_samples(1.0) == 8000


def test_a_file_does_not_grow_beyond_what_a_header_can_say(tmp_path: Path) -> None:
    recording = opened(tmp_path / "call.wav")
    recording.writer._written = 1 << 30
    with pytest.raises(OSError, match="as long as a WAV file can be"):
        recording.writer.write([], 0)
    recording.writer.abandon()
