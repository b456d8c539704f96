"""Sound files read in the test's own process, where coverage sees the lines that run.

In the engine a confined process reads them: see test_sound_file_process.py and test_prompts.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from media.sound.sound_file import SoundFileError, check, read


def tone(rate_hz: int, seconds: float, channels: int = 1) -> NDArray[np.float64]:
    """A tone of 440 Hz at half of full scale."""
    times = np.arange(round(rate_hz * seconds)) / rate_hz
    return np.repeat(0.5 * np.sin(2 * np.pi * 440 * times)[:, None], channels, axis=1)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    with path.open("rb") as file:
        yield file.fileno()


@pytest.mark.parametrize(("rate_hz", "channels"), [(8000, 1), (8000, 2), (44_100, 2), (16_000, 1)])
def test_any_rate_becomes_one_channel_at_8_khz(tmp_path: Path, rate_hz: int, channels: int) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(rate_hz, 2.0, channels), rate_hz)
    with opened(path) as descriptor:
        check(descriptor, 10.0)
    with opened(path) as descriptor:
        samples = read(descriptor, 10.0)
    assert samples.dtype == np.int16 and abs(len(samples) - 16_000) <= 2
    spectrum = np.abs(np.fft.rfft(samples[4000:12_000]))
    assert spectrum.argmax() == 440  # one second: a line for each Hz
    assert 15_000 < samples[4000:12_000].max() < 17_500


def test_values_that_are_no_sound_are_limited(tmp_path: Path) -> None:
    path = tmp_path / "wild.wav"
    values = np.array([np.nan, np.inf, -np.inf, 2.0, 0.0])
    soundfile.write(path, values, 8000, subtype="FLOAT")
    with opened(path) as descriptor:
        assert list(read(descriptor, 1.0)) == [0, 32767, -32768, 32767, 0]


@pytest.mark.parametrize(
    ("rate_hz", "seconds", "channels", "reason"),
    [
        (8000, 2.0, 1, "lasts more than 1 s"),
        (2000, 0.5, 1, "has a sample rate of 2000 Hz"),
        (8000, 0.1, 33, "has 33 channels"),
    ],
)
def test_a_file_that_is_refused_says_why(
    tmp_path: Path, rate_hz: int, seconds: float, channels: int, reason: str
) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(rate_hz, seconds, channels), rate_hz)
    for ask in (check, read):
        with opened(path) as descriptor, pytest.raises(SoundFileError) as refused:
            ask(descriptor, 1.0)
        assert refused.value.reason == reason


def test_what_is_no_sound_at_all_is_refused(tmp_path: Path) -> None:
    text, empty = tmp_path / "text.wav", tmp_path / "empty.wav"
    text.write_text("no sound")
    soundfile.write(empty, np.zeros(0), 8000)
    for ask in (check, read):
        with opened(text) as descriptor, pytest.raises(SoundFileError, match="cannot be read"):
            ask(descriptor, 1.0)
    with opened(empty) as descriptor, pytest.raises(SoundFileError, match="holds no sound"):
        read(descriptor, 1.0)


def test_a_file_that_was_cut_off_is_found_out(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, (160_000, 1))
    for name in ("a.wav", "b.flac"):
        whole, cut = tmp_path / name, tmp_path / f"cut-{name}"
        soundfile.write(whole, noise, 8000)
        with opened(whole) as descriptor:
            check(descriptor, 30.0)
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        with opened(cut) as descriptor, pytest.raises(SoundFileError, match="is truncated"):
            check(descriptor, 30.0)
    with opened(tmp_path / "cut-a.wav") as descriptor:
        assert 70_000 < len(read(descriptor, 30.0)) < 90_000


@pytest.mark.parametrize("said", [0x7FFFF000, 0xFFFFFFFF, 0x80000000, 16_000 + 44])
def test_a_file_written_to_a_pipe_says_no_length_and_is_read(tmp_path: Path, said: int) -> None:
    path = tmp_path / "piped.wav"
    soundfile.write(path, tone(8000, 1.0), 8000)
    body = bytearray(path.read_bytes())
    body[40:44] = said.to_bytes(4, "little")
    path.write_bytes(body)
    with opened(path) as descriptor:
        check(descriptor, 1e6)
    with opened(path) as descriptor:
        assert len(read(descriptor, 1e6)) == 8000


def test_the_chunks_of_a_wav_file_may_end_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "chunks.wav"
    soundfile.write(path, tone(8000, 1.0), 8000)
    body = path.read_bytes()
    path.write_bytes(body[:36] + b"LIST" + (3).to_bytes(4, "little") + b"abc\0" + body[36:])
    with opened(path) as descriptor:
        assert len(read(descriptor, 2.0)) == 8000
    path.write_bytes(body[:36])  # no sound at all
    with opened(path) as descriptor, pytest.raises(SoundFileError):
        read(descriptor, 2.0)
