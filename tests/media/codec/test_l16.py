import numpy as np
import pytest

from media.codec.l16 import L16Decoder, L16Encoder
from tests.support.voices import voice


@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
def test_samples_are_sent_as_they_are(rate_hz: int) -> None:
    encoder, decoder = L16Encoder(rate_hz), L16Decoder(rate_hz)
    said = voice(0.02, rate_hz)
    payload = encoder.encode(said)
    assert len(payload) == 2 * len(said)
    assert payload[:2] == int(said[0]).to_bytes(2, "big", signed=True)
    assert np.array_equal(decoder.decode(payload), said)
    for codec in (encoder, decoder):
        assert (codec.name, codec.rate_hz, codec.clock_hz, codec.channels) == (
            "L16", rate_hz, rate_hz, 1,
        )  # fmt: skip


def test_an_odd_byte_is_left_out() -> None:
    assert L16Decoder(8000).decode(b"\x01\x02\x03").tolist() == [0x0102]
    assert len(L16Decoder(8000).decode(b"\x01")) == 0


def test_lost_payloads_are_concealed() -> None:
    one, other = L16Decoder(8000), L16Decoder(8000)
    payload = L16Encoder(8000).encode(voice(0.1))
    one.decode(payload)
    other.decode(payload)
    concealed = one.conceal(160)
    assert concealed.any()
    assert np.array_equal(concealed, other.recover(payload, 160))
