import numpy as np

from media.codec.l16 import L16Decoder, L16Encoder
from media.codec.resampler import ResamplingDecoder, ResamplingEncoder
from tests.support.voices import voice


def test_a_codec_may_have_another_rate_than_the_sound() -> None:
    encoder, decoder = (
        ResamplingEncoder(L16Encoder(16000), 8000),
        ResamplingDecoder(L16Decoder(16000), 8000),
    )
    said = voice(0.1)
    heard = np.concatenate(
        [decoder.decode(encoder.encode(said[at : at + 160])) for at in range(0, 800, 160)]
    )
    assert len(heard) == 800
    error = heard[24:].astype(float) - said[:-24]
    assert np.sum(error**2) < 0.02 * np.sum(said.astype(float) ** 2)
    for codec in (encoder, decoder):
        assert (codec.name, codec.rate_hz, codec.clock_hz, codec.channels) == (
            "L16", 8000, 16000, 1,
        )  # fmt: skip
    assert len(decoder.conceal(160)) == len(decoder.recover(b"", 160)) == 160
    assert len(decoder.decode(b"\x00\x01" * 3)) == 1
