"""The edges of a stream that is passed on as it comes."""

import numpy as np
import pytest

from media.codec.formats import Format, encoder_of, unavailable
from media.protocol.messages import Codec
from media.sound import l16
from media.sound.form import WIDE, decode, rate_hz
from media.worker.coding.untouched import Untouched, faded
from tests.support.voices import tone


@pytest.mark.parametrize("form", [WIDE, "PCMA"])
@pytest.mark.parametrize("codec", ["L16/16000", "L16/8000", "G722", "opus"])
def test_what_follows_goes_on_from_its_end(codec: Codec, form: str) -> None:
    if codec in unavailable():
        pytest.skip(unavailable()[codec])
    coded, hz = Format(codec), rate_hz(form)
    encoder, untouched = encoder_of(coded, coded.rate_hz), Untouched()
    said = tone(300, 0.105, coded.rate_hz)  # it ends at its highest
    size = coded.rate_hz // 50
    for at in range(len(said) % size, len(said), size):
        untouched.note(codec, encoder.encode(said[at : at + size]))
    falling = decode(untouched.falling(form), form).astype(int)
    assert len(falling) == hz // 100
    assert np.abs(np.diff(falling)).max() < 1.2 * 10000 * 2 * np.pi * 300 / hz
    assert np.abs(falling).max() > 1000
    untouched.forget()
    assert untouched.falling(form) == b""


def test_another_codec_is_another_sound() -> None:
    untouched = Untouched()
    untouched.note("L16/8000", l16.encode(np.full(160, 9000, np.int16)))
    untouched.note("G722", encoder_of(Format("G722"), 16000).encode(np.zeros(320, np.int16)))
    assert np.abs(decode(untouched.falling(WIDE), WIDE).astype(int)).max() < 100


def test_what_cannot_be_decoded_goes_on_as_nothing_known() -> None:
    untouched = Untouched()
    untouched.note("nothing", b"\x01")
    assert untouched.falling(WIDE) == b""


def test_a_payload_of_l16_rises_and_others_stay_as_they_are() -> None:
    before, said = np.full(160, 8000, np.int16), np.full(320, -2000, np.int16)
    risen = l16.decode(faded(before, l16.encode(said), "L16/16000")).astype(int)
    assert 7900 < risen[0] <= 8000 and (risen[160:] == -2000).all()
    assert np.abs(np.diff(risen)).max() < 100
    assert faded(before, b"\x12\x34", "G722") == b"\x12\x34"
