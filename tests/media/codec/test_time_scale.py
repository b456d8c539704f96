from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codec.time_scale import lengthened, shortened
from tests.support.voices import loudest_step, voice

Change = Callable[[NDArray[np.int16], int], NDArray[np.int16]]


@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
@pytest.mark.parametrize(("change", "sign"), [(shortened, -1), (lengthened, 1)])
def test_a_period_less_or_more_does_not_click(change: Change, sign: int, rate_hz: int) -> None:
    samples = voice(0.04, rate_hz)
    changed = change(samples, rate_hz)
    periods = (len(changed) - len(samples)) * sign / rate_hz * 120.0
    assert periods == pytest.approx(1.0, abs=0.15)
    assert loudest_step(changed) <= 1.2 * loudest_step(samples)
    assert changed[0] == samples[0] or sign < 0
    assert changed[-1] == samples[-1]


@pytest.mark.parametrize("change", [shortened, lengthened])
def test_noise_is_left_as_it_is(change: Change) -> None:
    noise = (np.random.default_rng(1).standard_normal(320) * 3000).astype(np.int16)
    assert change(noise, 8000) is noise


@pytest.mark.parametrize("change", [shortened, lengthened])
def test_a_pause_may_be_changed_anywhere(change: Change) -> None:
    hiss = (np.random.default_rng(1).standard_normal(320) * 5).astype(np.int16)
    assert len(change(hiss, 8000)) != 320


@pytest.mark.parametrize("change", [shortened, lengthened])
def test_what_is_too_short_for_a_period_is_left_as_it_is(change: Change) -> None:
    samples = voice(0.008)
    assert change(samples, 8000) is samples


def test_a_frame_of_20_ms_can_be_made_longer() -> None:
    assert len(lengthened(voice(0.02, pitch_hz=150.0), 8000)) > 160
