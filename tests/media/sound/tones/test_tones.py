import numpy as np
import pytest

from media.sound.tones.tones import LEVEL_DBM0, render
from tests.support.tone_detection import dominant_hz, level_dbfs, tone_level_dbfs

FULL_SCALE_DBM0 = 3.14


@pytest.mark.parametrize("spec", ["440", "440/250", "2100/1000", "913.8/500"])
def test_frequency_and_level_of_a_single_tone(spec: str) -> None:
    hz = float(spec.partition("/")[0])
    samples = render(spec)
    assert dominant_hz(samples, 8000) == pytest.approx(hz, abs=0.5)
    inner = samples[80:-80]
    assert level_dbfs(inner) == pytest.approx(LEVEL_DBM0 - FULL_SCALE_DBM0, abs=0.1)


def test_two_frequencies_share_the_power_and_nothing_else_sounds() -> None:
    samples = render("350+440/1000", level_dbm0=-10)
    for hz in (350, 440):
        assert tone_level_dbfs(samples, 8000, hz) == pytest.approx(-10 - 3.14 - 3.01, abs=0.2)
    for hz in (90, 300, 395, 500, 700, 790, 880, 1320):
        assert tone_level_dbfs(samples, 8000, hz) < -65
    assert level_dbfs(samples[80:-80]) == pytest.approx(-13.14, abs=0.2)


def test_a_cadence_has_exact_lengths() -> None:
    samples = render("440/300,0/200,620/100")
    assert len(samples) == 4800
    assert not samples[2400:4000].any()
    assert dominant_hz(samples[:2400], 8000) == pytest.approx(440, abs=1)
    assert dominant_hz(samples[4000:], 8000) == pytest.approx(620, abs=3)


def test_edges_do_not_click() -> None:
    samples = render("1000/200,0/100,1500/200").astype(np.int32)
    padded = np.concatenate([[0], samples, [0]])
    # A step that a 1500 Hz tone of this level does not make by itself would be a click.
    amplitude = 32767 * 10 ** ((LEVEL_DBM0 - FULL_SCALE_DBM0) / 20)
    assert np.abs(np.diff(padded)).max() <= amplitude * 2 * np.sin(np.pi * 1500 / 8000) + 2
    assert np.abs(padded[:6]).max() < amplitude * 0.1


@pytest.mark.parametrize("spec", ["440", "350+440", "913.8", "0"])
def test_a_loop_without_durations_has_no_seam(spec: str) -> None:
    samples = render(spec, loop=True).astype(np.int32)
    twice = np.concatenate([samples, samples])
    middle = twice[len(samples) - 4000 : len(samples) + 4000]
    inside = samples[:8000]
    assert np.abs(np.diff(middle, 2)).max() <= np.abs(np.diff(inside, 2)).max() + 3
    assert level_dbfs(middle.astype(np.int16)) == pytest.approx(
        level_dbfs(inside.astype(np.int16)), abs=0.1
    )


def test_a_very_short_segment_is_still_a_segment() -> None:
    assert len(render("440/1")) == 8
    assert len(render("0/1,440/3")) == 32


def test_a_loud_sum_is_clipped_not_wrapped() -> None:
    samples = render("400+500+600+700/1000", level_dbm0=3)
    assert np.abs(np.diff(samples.astype(np.int32))).max() < 40_000
    assert samples.max() == 32767
