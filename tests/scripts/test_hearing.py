"""scripts/hearing.py: it must distinguish what is there from what is not."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scripts.hearing import Heard

RATE = 8000


def sine(hz: float, duration_s: float, amplitude: float = 0.3) -> NDArray[np.float64]:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(int(duration_s * RATE)) / RATE)


def silence(duration_s: float) -> NDArray[np.float64]:
    return np.zeros(int(duration_s * RATE))


def test_two_tones_and_silence_are_distinguished_by_time() -> None:
    heard = Heard(np.concatenate([sine(600, 1), silence(1), sine(1000, 2)]), RATE, 100.0)
    assert heard.duration_s == 4.0
    assert abs(heard.tone_s(600) - 1) <= 0.2
    assert abs(heard.tone_s(1000) - 2) <= 0.2
    assert heard.at(100.0, 101.0).tone_s(1000) == 0
    assert heard.at(101.1, 101.9).level_dbfs() < -100
    assert heard.at(102.2, 104.0).tone_s(600) == 0


def test_other_sound_is_what_no_named_tone_explains() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 2 * RATE)
    heard = Heard(np.concatenate([sine(600, 1), noise]), RATE, 0.0)
    assert heard.other_s(600) >= 1.7
    assert heard.at(0, 1).other_s(600) == 0
    assert heard.at(0, 1).other_s(700) > 0.7


def test_a_tone_under_louder_sound_or_below_the_floor_is_not_heard() -> None:
    loud, soft = sine(600, 1), sine(1000, 1, 0.01)
    assert Heard(loud + soft, RATE, 0.0).tone_s(1000) == 0
    assert Heard(sine(600, 1, 0.001), RATE, 0.0).tone_s(600) == 0
    mixed = Heard(sine(400, 1) + sine(450, 1), RATE, 0.0)
    assert mixed.tone_s(400) > 0.8 and mixed.tone_s(450) > 0.8


def test_reads_a_recording_and_survives_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "heard.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((32767 * sine(600, 0.5)).astype("<i2").tobytes())
    heard = Heard.read(path, 50.0)
    assert heard.tone_s(600) >= 0.4 and heard.started == 50.0
    empty = heard.at(60.0, 61.0)
    assert empty.duration_s == 0 and empty.tone_s(600) == 0 and empty.level_dbfs() < -100
