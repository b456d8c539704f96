import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.tone_detection import (
    dominant_hz,
    first_heard_s,
    heard,
    heard_s,
    level_dbfs,
    longest_gap_s,
    tone_level_dbfs,
)

RATE = 8000


def tone(
    hz: float, seconds: float = 1.0, dbfs: float = -12.0, rate: int = RATE
) -> NDArray[np.int16]:
    t = np.arange(int(seconds * rate)) / rate
    return np.round(32767 * 10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * t)).astype(np.int16)


def silence(seconds: float) -> NDArray[np.int16]:
    return np.zeros(int(seconds * RATE), np.int16)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("hz", [300.0, 440.0, 1004.5, 3100.0])
def test_dominant_hz_is_exact_to_a_hertz(rate: int, hz: float) -> None:
    assert dominant_hz(tone(hz, rate=rate), rate) == pytest.approx(hz, abs=1)


def test_dominant_hz_ignores_silence_and_offset() -> None:
    assert dominant_hz(silence(1), RATE) == 0.0
    assert dominant_hz(np.zeros(0, np.int16), RATE) == 0.0
    assert dominant_hz(tone(600) + np.int16(3000), RATE) == pytest.approx(600, abs=1)


@pytest.mark.parametrize("dbfs", [0.0, -12.0, -40.0])
def test_level_of_a_tone(dbfs: float) -> None:
    assert tone_level_dbfs(tone(700, dbfs=dbfs), RATE, 700) == pytest.approx(dbfs, abs=0.2)
    assert level_dbfs(tone(700, dbfs=dbfs)) == pytest.approx(dbfs, abs=0.2)
    assert tone_level_dbfs(tone(700, dbfs=dbfs), RATE, 900) < dbfs - 40
    assert tone_level_dbfs(silence(1), RATE, 700) == -120


def test_hears_each_of_two_tones_and_no_third() -> None:
    both = tone(440, dbfs=-15) + tone(650, dbfs=-25)
    assert heard(both, RATE, 440)
    assert heard(both, RATE, 650)
    for hz in (415, 465, 545, 625, 675, 1300):
        assert not heard(both, RATE, hz)


def test_hears_a_short_tone_in_a_long_recording() -> None:
    recording = np.concatenate([silence(2), tone(850, 0.5), silence(5)])
    assert heard(recording, RATE, 850)
    assert heard_s(recording, RATE, 850) == pytest.approx(0.5, abs=0.2)
    assert first_heard_s(recording, RATE, 850) == pytest.approx(1.9, abs=0.15)
    assert first_heard_s(recording, RATE, 500) is None


def test_noise_is_no_tone() -> None:
    noise = (np.random.default_rng(1).normal(0, 2000, 3 * RATE)).astype(np.int16)
    assert not any(heard(noise, RATE, hz) for hz in range(300, 3400, 100))


def test_a_whisper_below_the_floor_is_not_heard() -> None:
    assert not heard(tone(440, dbfs=-50), RATE, 440)
    assert heard(tone(440, dbfs=-50), RATE, 440, floor_dbfs=-55)
    assert not heard(tone(440, 0.1), RATE, 440)


def test_bytes_and_floats_are_samples_too() -> None:
    assert heard(tone(440).tobytes(), RATE, 440)
    assert heard(tone(440).astype(np.float64) / 32768, RATE, 440)


def test_longest_gap() -> None:
    recording = np.concatenate([tone(440, 1), silence(0.25), tone(440, 1), silence(0.1)])
    assert longest_gap_s(recording, RATE) == pytest.approx(0.25, abs=0.011)
    assert longest_gap_s(tone(440), RATE) == 0
