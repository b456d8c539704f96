"""The forms of sound: how long a tick is in each, and what is known by the length."""

import numpy as np
import pytest

from media.sound.form import SILENCE, WIDE, decode, encode, form_of, rate_hz, tick_bytes
from tests.support.voices import tone


@pytest.mark.parametrize("form", ["PCMU", "PCMA", WIDE])
def test_a_frame_has_160_ticks_in_every_form(form: str) -> None:
    samples = tone(400, 0.02, rate_hz(form))
    payload = encode(samples, form)
    assert len(payload) == len(SILENCE[form]) == 160 * tick_bytes(form)
    assert np.abs(decode(payload, form).astype(int) - samples).max() < 500
    assert not decode(SILENCE[form], form).astype(int)[1:].any() or form == "PCMA"
    law = "PCMA" if form == "PCMA" else "PCMU"
    assert form_of(payload, law) == form
    assert form_of(payload[: len(payload) // 2], law, 80) == form


def test_what_is_no_form_is_refused() -> None:
    with pytest.raises(KeyError):
        encode(np.zeros(160, np.int16), "G729")
