import numpy as np
import pytest

from media.sound.g711 import decode
from media.sound.hold_music import LEVEL_DBFS, hold_music, render
from tests.support.tone_detection import level_dbfs, longest_gap_s


def test_length_level_and_headroom() -> None:
    samples = render()
    assert len(samples) == 24 * 8000
    assert level_dbfs(samples) == pytest.approx(LEVEL_DBFS, abs=0.1)
    assert np.abs(samples.astype(int)).max() < 32767 * 0.6


def test_it_is_never_silent_for_long() -> None:
    samples = render()
    assert longest_gap_s(np.concatenate([samples, samples]), 8000, floor_dbfs=-50) < 0.3


def test_the_loop_has_no_seam() -> None:
    samples = render().astype(np.int32)
    jerk = np.abs(np.diff(np.concatenate([samples[-40:], samples[:40]]), 2))
    assert jerk.max() <= np.abs(np.diff(samples, 2)).max()
    around = np.concatenate([samples[-800:], samples[:800]]).astype(np.int16)
    spectrum = np.abs(np.fft.rfft(around * np.hanning(1600)))
    assert spectrum[700:].max() < spectrum.max() / 300  # a click would spread above 3.5 kHz


def test_it_lies_in_the_telephone_band() -> None:
    samples = render().astype(np.float64)
    power = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / 8000)
    assert power[hz < 3400].sum() / power.sum() > 0.999
    assert power[hz > 100].sum() / power.sum() > 0.999


def test_the_clip_is_made_once_and_holds_both_codecs() -> None:
    clip = hold_music()
    assert clip is hold_music()
    for codec in ("PCMU", "PCMA"):
        samples = decode(clip.payload(codec), codec)
        assert level_dbfs(samples) == pytest.approx(LEVEL_DBFS, abs=0.2)
