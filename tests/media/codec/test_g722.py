import numpy as np
import pytest

from media.codec.g722 import G722Decoder, G722Encoder
from tests.support.voices import loudest_step, voice


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """The correlation of two sounds, the second at most 5 ms later than the first."""
    most = 0.0
    for delay in range(len(one) // 40):
        a, b = one[: len(one) - delay].astype(float), other[delay:].astype(float)
        most = max(most, float(np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b))))
    return most


@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_what_is_encoded_is_decoded_again(rate_hz: int) -> None:
    encoder, decoder = G722Encoder(rate_hz), G722Decoder(rate_hz)
    said, heard = voice(0.2, rate_hz), []
    for start in range(0, len(said), rate_hz // 50):
        payload = encoder.encode(said[start : start + rate_hz // 50])
        assert len(payload) == 160
        heard.append(decoder.decode(payload))
    assert likeness(said, np.concatenate(heard)) > 0.99
    for codec in (encoder, decoder):
        assert (codec.name, codec.rate_hz, codec.clock_hz, codec.channels) == (
            "G722", rate_hz, 8000, 1,
        )  # fmt: skip


@pytest.mark.parametrize(("sends_hz", "hears_hz"), [(16000, 8000), (8000, 16000)])
def test_one_side_may_do_with_the_lower_band(sends_hz: int, hears_hz: int) -> None:
    heard = G722Decoder(hears_hz).decode(G722Encoder(sends_hz).encode(voice(0.2, sends_hz)))
    assert likeness(voice(0.2, hears_hz), heard) > 0.98


def test_lost_payloads_are_concealed() -> None:
    encoder, decoder, other = G722Encoder(16000), G722Decoder(16000), G722Decoder(16000)
    said = voice(0.3, 16000)
    heard = []
    for number in range(15):
        payload = encoder.encode(said[number * 320 : number * 320 + 320])
        heard.append(decoder.conceal(320) if number == 10 else decoder.decode(payload))
        if number < 10:
            other.decode(payload)
    assert np.array_equal(heard[10], other.recover(b"", 320))
    assert loudest_step(np.concatenate(heard)) <= 2.5 * loudest_step(said)


@pytest.mark.parametrize("size", [0, 1, 80, 159, 480, 2000])
def test_no_payload_breaks_it(size: int) -> None:
    payload = np.random.default_rng(size).bytes(size)
    assert len(G722Decoder(16000).decode(payload)) == 2 * size
    assert len(G722Decoder(8000).decode(payload)) == size
