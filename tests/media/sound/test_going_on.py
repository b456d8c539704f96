"""What a sound is faded out with that has ended without warning."""

import numpy as np
import pytest

from media.sound.fade import FADE_SAMPLES, going_on
from media.sound.form import SILENCE, WIDE, decode, encode, rate_hz
from tests.support.voices import tone


@pytest.mark.parametrize("form", ["PCMU", "PCMA", WIDE])
def test_neither_a_sound_nor_its_slope_breaks_off_where_it_goes_on(form: str) -> None:
    said = tone(300, 0.1, rate_hz(form))  # it ends where it is steepest
    on = decode(going_on(encode(said, form), form), form).astype(int)
    assert len(on) == rate_hz(form) // 100
    steps = np.diff(np.concatenate((said[-20:].astype(int), on)))
    assert np.abs(np.diff(steps)).max() < 0.5 * np.abs(steps).max()
    assert (on[len(on) // 2 :] == on[-1]).all(), "it is held"


def test_of_nothing_goes_on_nothing_and_one_sample_is_held() -> None:
    assert going_on(b"", "PCMU") == SILENCE["PCMU"][:FADE_SAMPLES]
    one = encode(np.array([8031], np.int16), "PCMU")
    assert going_on(one, "PCMU") == one * FADE_SAMPLES
