"""Sound between a media worker and the stream host, in each codec."""

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codec.formats import Format, decoder_of
from media.streams.leg_codec import FRAME_MS, encode, rate_hz, silence
from media.streams.messages import PAYLOAD_TYPES


def decode(payload: bytes, codec: str) -> NDArray[np.int16]:
    return decoder_of(Format(codec), rate_hz(codec)).decode(payload)


@pytest.mark.parametrize("codec", PAYLOAD_TYPES)
def test_silence_is_a_frame_that_decodes_to_silence(codec: str) -> None:
    samples = decode(silence(codec), codec)
    assert len(samples) == rate_hz(codec) * FRAME_MS // 1000
    assert np.abs(samples).max() <= 8


def test_wide_samples_travel_as_they_are_in_the_order_of_the_network() -> None:
    samples = np.array([1, -2, 32767, -32768], np.int16)
    payload = encode(samples, "L16/16000")
    assert payload == b"\x00\x01\xff\xfe\x7f\xff\x80\x00"
    assert decode(payload, "L16/16000").tolist() == samples.tolist()


def test_the_laws_of_g711_have_8_khz() -> None:
    samples = np.array([0, 8031], np.int16)
    assert decode(encode(samples, "PCMA"), "PCMA").tolist() == pytest.approx([8, 8031], abs=130)
    assert rate_hz("PCMU") == rate_hz("PCMA") == 8000
