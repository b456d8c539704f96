"""Two sides at 16 kHz: one as it came, one raised from 8 kHz, at the same places."""

import numpy as np

from media.worker.recording.wide_sides import WideSides
from tests.support.voices import level_of, tone


def test_what_is_raised_stands_where_it_stood_however_it_is_taken() -> None:
    narrow = np.zeros((4000, 2), np.int16)
    narrow[:, 0] = tone(440, 0.5)
    taken = []
    for sizes in ((4000,), (160, 1000, 2840)):
        sides, rest, parts = WideSides(2), narrow, []
        for size in sizes:
            parts.append(sides.take_samples(rest, size))
            rest = rest[size:]
        taken.append(np.concatenate(parts))
    assert np.array_equal(taken[0], taken[1])
    raised = taken[0][:, 0].astype(float)
    wanted = tone(440, 0.5, 16000).astype(float)
    assert len(raised) == 8000 and not taken[0][:, 1].any()
    assert np.abs(raised[200:-200] - wanted[200:-200]).max() < 900  # half a sample of 16 kHz


def test_what_comes_at_16_khz_is_placed_and_kept_beside_the_rest() -> None:
    sides, narrow = WideSides(2), np.zeros((1600, 2), np.int16)
    sides.place(160, 1, tone(5000, 0.02, 16000), 1600)
    sides.place(-5, 0, tone(5000, 0.02, 16000), 1600)  # before the window, and beyond it
    sides.place(1590, 0, tone(5000, 0.02, 16000), 1600)
    first, second = sides.take_samples(narrow, 240), sides.take_samples(narrow[240:], 240)
    both = np.concatenate((first, second))
    assert not both[:, 0].any()
    assert not both[:320, 1].any() and not both[640:, 1].any()
    assert level_of(5000, both[320:640, 1], 16000) > 9000
