import numpy as np
import pytest

from media.codec.pitch import best_lag
from tests.support.voices import voice


@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
@pytest.mark.parametrize("pitch_hz", [80.0, 125.0, 250.0])
def test_the_period_of_a_tone_is_found_at_every_rate(rate_hz: int, pitch_hz: float) -> None:
    time_s = np.arange(rate_hz // 20) / rate_hz
    wave = np.sin(2 * np.pi * pitch_hz * time_s) + 0.5 * np.sin(4 * np.pi * pitch_hz * time_s)
    lag, likeness = best_lag(wave.astype(np.float32), rate_hz // 50, rate_hz)
    periods = lag / rate_hz * pitch_hz
    assert periods == pytest.approx(round(periods), abs=0.03) and periods > 0.9
    assert likeness > 0.99


def test_noise_is_not_like_itself() -> None:
    noise = np.random.default_rng(1).standard_normal(400).astype(np.float32)
    assert best_lag(noise, 160, 8000)[1] < 0.5


def test_silence_has_a_lag_as_well() -> None:
    lag, likeness = best_lag(np.zeros(400, np.float32), 160, 8000)
    assert 20 <= lag <= 120
    assert likeness == 0.0


def test_the_period_of_a_voice_is_found() -> None:
    lag, likeness = best_lag(voice(0.05, pitch_hz=100.0).astype(np.float32), 160, 8000)
    assert 8000 / 116 <= lag <= 8000 / 84
    assert likeness > 0.9
