"""WAV becomes FLAC or Ogg Opus, whole or not at all."""

import os
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.recordings import encode_process
from engine.recordings.encode_process import encode


def stereo(path: Path, seconds: float = 2.0) -> Path:
    """A WAV file with 600 Hz left and 1500 Hz right."""
    times = np.arange(round(8000 * seconds)) / 8000
    sides = [8000 * np.sin(2 * np.pi * hz * times) for hz in (600, 1500)]
    with wave.open(str(path), "wb") as sound:
        sound.setparams((2, 2, 8000, 0, "NONE", ""))
        sound.writeframes(np.stack(sides, axis=1).astype("<i2").tobytes())
    return path


def loudest_hz(samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> float:
    spectrum = np.abs(np.fft.rfft(samples[4000:12000]))
    return float(np.argmax(spectrum))


@pytest.mark.parametrize("format", ["flac", "ogg", "opus"])
def test_each_side_stays_on_its_channel(tmp_path: Path, format: str) -> None:
    source, target = stereo(tmp_path / "talk.wav"), tmp_path / f"talk.{format}"
    encode(source, target, format)
    samples, rate = soundfile.read(target, dtype="int16")
    assert (rate, samples.shape) == (8000, (16000, 2))
    assert [loudest_hz(samples[:, side]) for side in (0, 1)] == [600.0, 1500.0]
    if format == "flac":
        assert np.array_equal(samples, soundfile.read(source, dtype="int16")[0])
    assert sorted(tmp_path.iterdir()) == sorted([source, target])


def test_what_is_no_wav_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "talk.wav"
    source.write_bytes(b"RIFF nothing")
    monkeypatch.setattr(os, "nice", lambda _by: 0)
    monkeypatch.setattr(sys, "argv", ["", str(source), str(tmp_path / "talk.flac"), "flac"])
    with pytest.raises(SystemExit) as ended:
        encode_process.main()
    assert isinstance(ended.value.code, str)
    assert list(tmp_path.iterdir()) == [source]


def test_the_process_is_the_last_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(os, "nice", asked.append)
    source, target = stereo(tmp_path / "talk.wav", 0.1), tmp_path / "talk.flac"
    monkeypatch.setattr(sys, "argv", ["", str(source), str(target), "flac"])
    encode_process.main()
    assert asked == [encode_process.NICENESS]
    assert soundfile.info(target).frames == 800
