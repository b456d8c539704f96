import numpy as np
import pytest

from media.codec.g711 import G711Decoder, G711Encoder
from media.sound import g711
from tests.support.voices import voice


@pytest.mark.parametrize("name", ["PCMU", "PCMA"])
def test_what_is_encoded_is_decoded_again(name: str) -> None:
    encoder, decoder = G711Encoder(name), G711Decoder(name)
    samples = voice(0.06)
    payload = encoder.encode(samples)
    assert len(payload) == 480
    decoded = decoder.decode(payload)
    assert np.array_equal(decoded, g711.decode(payload, name))
    noise = np.sum((decoded.astype(float) - samples) ** 2) / np.sum(samples.astype(float) ** 2)
    assert noise < 10**-3.3
    for codec in (encoder, decoder):
        assert (codec.name, codec.rate_hz, codec.clock_hz, codec.channels) == (name, 8000, 8000, 1)


def test_a_lost_payload_is_concealed_whatever_follows() -> None:
    one, other = G711Decoder("PCMU"), G711Decoder("PCMU")
    payload = G711Encoder("PCMU").encode(voice(0.1))
    one.decode(payload)
    other.decode(payload)
    concealed = one.conceal(160)
    assert concealed.any()
    assert np.array_equal(concealed, other.recover(payload, 160))
