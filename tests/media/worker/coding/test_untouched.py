"""The edges of a stream that is passed on as it comes."""

import numpy as np
import pytest

from media.codec.formats import Format, encoder_of, unavailable
from media.protocol.messages import Codec
from media.sound import l16
from media.worker.coding.untouched import QUIET_FRAMES, Splice, Untouched, faded
from tests.support.voices import level_of, tone


@pytest.mark.parametrize("codec", ["L16/16000", "L16/8000", "G722", "opus"])
def test_its_newest_sound_is_known(codec: Codec) -> None:
    if codec in unavailable():
        pytest.skip(unavailable()[codec])
    rate = Format(codec).rate_hz
    encoder, untouched = encoder_of(Format(codec), rate), Untouched()
    for piece in np.split(tone(300, 0.2, rate), 10):
        untouched.note(codec, encoder.encode(piece))
    said = untouched.newest()
    assert len(said) == 8 * rate // 50
    assert level_of(300, said[-rate // 50 :], rate) == pytest.approx(10000, rel=0.2)
    untouched.forget()
    assert not len(untouched.newest())


def test_another_codec_is_another_sound() -> None:
    untouched = Untouched()
    untouched.note("L16/8000", l16.encode(np.full(160, 9000, np.int16)))
    untouched.note("G722", encoder_of(Format("G722"), 16000).encode(np.zeros(320, np.int16)))
    assert np.abs(untouched.newest().astype(int)).max() < 100


def test_what_cannot_be_decoded_is_not_known() -> None:
    untouched = Untouched()
    untouched.note("nothing", b"\x01")
    assert not len(untouched.newest())


def test_a_splice_is_over_once_the_speaker_has_been_quiet() -> None:
    encoder, splice = encoder_of(Format("G722"), 16000), Splice("G722")
    said = tone(300, 0.1, 16000)
    for piece in np.split(said, 5):
        assert np.abs(splice.decode(encoder.encode(piece)).astype(int)).max() > 5000
        assert not splice.is_over
    for _ in range(QUIET_FRAMES + 1):  # of the first the filters still ring
        assert not splice.is_over
        splice.decode(encoder.encode(np.zeros(320, np.int16)))
    assert splice.is_over


def test_a_payload_of_l16_rises_and_others_stay_as_they_are() -> None:
    before, said = np.full(160, 8000, np.int16), np.full(320, -2000, np.int16)
    risen = l16.decode(faded(before, l16.encode(said), "L16/16000")).astype(int)
    assert 7900 < risen[0] <= 8000 and (risen[160:] == -2000).all()
    assert np.abs(np.diff(risen)).max() < 100
    assert faded(before, b"\x12\x34", "G722") == b"\x12\x34"
