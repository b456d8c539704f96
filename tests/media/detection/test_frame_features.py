"""What is read from 20 ms of sound."""

import numpy as np
import pytest

from media.detection.frame_features import FeatureReader, FrameFeatures
from tests.support.voices import tone, voice


def read(sound: np.ndarray[tuple[int], np.dtype[np.int16]]) -> list[FrameFeatures]:
    reader = FeatureReader()
    return [reader.read(sound[at : at + 160]) for at in range(0, len(sound) - 159, 160)]


@pytest.mark.parametrize("hz", [425.0, 1000.0, 2100.0])
def test_a_tone_is_known_by_its_frequency(hz: float) -> None:
    features = read(tone(hz, 0.3))[3:]
    assert all(one.is_tonal and not one.is_speech for one in features)
    assert [one.tone_hz for one in features] == pytest.approx([hz] * len(features), abs=8)
    assert features[-1].level_dbfs == pytest.approx(-10.3, abs=0.5)


def test_two_tones_are_tonal_and_none_alone() -> None:
    both = (tone(480.0, 0.3) // 2 + tone(620.0, 0.3) // 2).astype(np.int16)
    features = read(both)[3:]
    assert all(one.is_tonal for one in features)


def test_a_voice_is_speech_and_silence_is_not() -> None:
    features = read(np.concatenate((voice(1.0), np.zeros(4000, np.int16))))
    assert sum(one.is_speech for one in features[:50]) > 40
    assert not any(one.is_speech or one.is_loud for one in features[-20:])
    assert features[-1].level_dbfs == -96.0


def test_steady_noise_is_no_speech_once_it_is_known() -> None:
    noise = np.random.default_rng(3).normal(0, 150, 24_000).astype(np.int16)
    assert sum(one.is_speech for one in read(noise)[50:]) <= 3


def test_hum_below_the_band_is_not_loud() -> None:
    hum = (0.8 * tone(50.0, 1.0)).astype(np.int16)
    assert not any(one.is_loud for one in read(hum)[5:])
