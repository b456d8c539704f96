"""Every file has one loudness, whatever it had before, and no peak is cut for it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from media.settings import LOUDNESS_LUFS
from media.sound.loudness import levelled, loudness_lufs


def tone(dbfs: float, seconds: float = 3.0) -> NDArray[np.int16]:
    t = np.arange(round(seconds * 8000)) / 8000
    return np.rint(32767 * 10 ** (dbfs / 20) * np.sin(2 * np.pi * 997 * t)).astype(np.int16)


def test_a_sine_at_full_scale_is_three_decibels_under_its_peak() -> None:
    assert loudness_lufs(tone(0.0)) == pytest.approx(-3.7, abs=0.05)


@pytest.mark.parametrize("dbfs", [-3.0, -15.0, -30.0])
def test_loud_and_quiet_files_come_out_alike(dbfs: float) -> None:
    assert loudness_lufs(levelled(tone(dbfs))) == pytest.approx(LOUDNESS_LUFS, abs=0.1)


def test_pauses_do_not_count() -> None:
    with_pauses = np.concatenate([tone(-20.0), np.zeros(40_000, np.int16), tone(-20.0)])
    found, alone = loudness_lufs(with_pauses), loudness_lufs(tone(-20.0))
    assert found == pytest.approx(alone, abs=0.5)


def test_a_peak_keeps_no_file_quiet_and_is_not_cut() -> None:
    samples = tone(-40.0)
    samples[1000] = samples[1003] = samples[12_000] = 20_000
    found = levelled(samples)
    assert np.abs(found.astype(np.int32)).max() <= 32767 * 0.97 + 1
    assert loudness_lufs(found) == pytest.approx(LOUDNESS_LUFS, abs=0.5)
    for quiet in (found[:900], found[1100:11_900], found[12_100:]):
        assert loudness_lufs(quiet) == pytest.approx(LOUDNESS_LUFS, abs=0.5)


def test_noise_of_a_bad_recording_is_not_brought_up_without_end() -> None:
    before, after = loudness_lufs(tone(-60.0)), loudness_lufs(levelled(tone(-60.0)))
    assert before is not None and after is not None
    assert after - before == pytest.approx(30.0, abs=0.3)


@pytest.mark.parametrize("samples", [np.zeros(16_000, np.int16), np.zeros(0, np.int16)])
def test_silence_stays_silence(samples: NDArray[np.int16]) -> None:
    assert loudness_lufs(samples) is None
    assert levelled(samples) is samples


def test_a_sound_shorter_than_a_block_is_levelled_too() -> None:
    assert loudness_lufs(levelled(tone(-30.0, 0.1))) == pytest.approx(LOUDNESS_LUFS, abs=0.1)
