"""The instruments of the bench: each is heard at its pitch, and a band plays them."""

import random

import numpy as np
import pytest

from scripts.bench import instruments
from scripts.bench.instruments import ACCOMPANIMENTS, LEADS, RATE_HZ, Instrument, piece

NOTES = sorted({*LEADS, *ACCOMPANIMENTS, instruments.bass}, key=lambda one: one.__name__)


@pytest.mark.parametrize("instrument", NOTES)
def test_a_note_is_of_its_frequency_and_begins_and_ends(instrument: Instrument) -> None:
    hz = 220.0
    sound = instrument(hz, 0.5, random.Random(5))
    assert 0.5 <= len(sound) / RATE_HZ < 1.3
    assert np.isfinite(sound).all() and np.abs(sound).max() > 0.1
    spectrum = np.abs(np.fft.rfft(sound[: RATE_HZ // 2]))
    found = np.fft.rfftfreq(RATE_HZ // 2, 1 / RATE_HZ)[spectrum.argmax()]
    # Its strongest tone is the note, or one of its overtones; a bell's may be any of its own.
    if instrument is not instruments.bell:
        assert abs(found / hz - round(found / hz)) < 0.06
    assert np.abs(sound[-80:]).max() < 0.7 * np.abs(sound).max()


@pytest.mark.parametrize("drum", ["kick", "snare", "hat", "cowbell"])
def test_a_drum_is_loud_at_once_and_fades(drum: str) -> None:
    sound = getattr(instruments, drum)(random.Random(5))
    third = len(sound) // 3
    assert np.abs(sound[:third]).max() > np.abs(sound[-third:]).max() > 0


def test_a_band_plays_and_a_seed_gives_the_same() -> None:
    first, again = piece(3.0, random.Random(4)), piece(3.0, random.Random(4))
    assert len(first) == 3 * RATE_HZ and np.array_equal(first, again)
    assert not np.array_equal(first, piece(3.0, random.Random(5)))
    quarters = [np.abs(part).max() for part in np.split(first, 4)]
    assert min(quarters) > 0.1
