import ctypes.util
from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pytest

from media.codec import opus
from media.codec.codec import CodecError
from media.codec.opus import OpusDecoder, OpusEncoder
from media.sound.g711 import decode, encode
from media.sound.resampler import Resampler
from tests.support.media.clicks import clicks
from tests.support.voices import level_of, tone, voice

needs_libopus = pytest.mark.skipif(
    bool(opus.missing()), reason=f"Opus cannot be tested here: {opus.missing()}"
)


@needs_libopus
@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
@pytest.mark.parametrize("ptime_ms", [10, 20, 40, 60])
def test_what_is_encoded_is_decoded_again(rate_hz: int, ptime_ms: int) -> None:
    encoder, decoder = OpusEncoder(rate_hz), OpusDecoder(rate_hz)
    said, heard, size = tone(400, 0.48, rate_hz), [], rate_hz * ptime_ms // 1000
    for start in range(0, len(said), size):
        heard.append(decoder.decode(encoder.encode(said[start : start + size])))
        assert len(heard[-1]) == size
    assert level_of(400, np.concatenate(heard)[rate_hz // 10 :], rate_hz) == pytest.approx(
        10000, rel=0.15
    )
    for codec in (encoder, decoder):
        assert (codec.name, codec.rate_hz, codec.clock_hz, codec.channels) == (
            "opus", rate_hz, 48000, 1,
        )  # fmt: skip


@needs_libopus
def test_lost_packets_are_concealed_and_recovered_from_the_next() -> None:
    encoder = OpusEncoder(16000)
    encoder.expect_loss(0.03)
    hiss = (np.random.default_rng(1).standard_normal(9600) * 20).astype(np.int16)
    said = np.concatenate((hiss, voice(0.4, 16000)))
    payloads = [encoder.encode(said[at : at + 320]) for at in range(0, len(said), 320)]
    before = OpusDecoder(16000)
    for payload in payloads[:30]:  # the word begins with the next one
        before.decode(payload)
    lost = [before.conceal(320), before.recover(payloads[31], 320)]
    assert [len(samples) for samples in lost] == [320, 320]
    assert np.abs(lost[0].astype(int)).max() < 300 < np.abs(lost[1].astype(int)).max()


def with_copies(encoder: OpusEncoder) -> bool:
    """Whether what an encoder sends of a word tells of the packet before."""
    payloads = [encoder.encode(piece) for piece in np.split(voice(0.4, 16000), 20)]
    heard = [OpusDecoder(16000) for _ in range(2)]
    for decoder in heard:
        for payload in payloads[:9]:
            decoder.decode(payload)
    recovered, concealed = heard[0].recover(payloads[10], 320), heard[1].conceal(320)
    return bool((recovered != concealed).any())


@needs_libopus
def test_copies_are_sent_while_packets_are_lost() -> None:
    encoder = OpusEncoder(16000)
    found = []
    for share in (0.0, 0.01, 0.6, 0.0):
        encoder.expect_loss(share)
        found.append(with_copies(encoder))
    assert found == [False, True, True, False]
    unwanted = OpusEncoder(16000, has_copy=False)
    unwanted.expect_loss(0.1)
    assert not with_copies(unwanted)


@needs_libopus
def test_a_sound_that_was_g711_before_is_not_noisy_as_it_begins() -> None:
    """With copies that nobody needs, and so fewer bits for the sound, it has noise of 260."""
    encoder, decoder = OpusEncoder(16000), OpusDecoder(16000)
    pieces = [tone(hz, 0.12) * 0.3 for hz in (300, 400, 500, 350, 450) * 3]
    said = decode(encode(np.rint(np.concatenate(pieces)).astype(np.int16), "PCMA"), "PCMA")
    wide = Resampler(8000, 16000).resample(said)
    heard = [decoder.decode(encoder.encode(piece)) for piece in np.split(wide, len(wide) // 320)]
    inner = [clicks(piece, 16000)[30:-30].max() for piece in heard[2:]]
    assert max(inner) < 180


@needs_libopus
def test_what_is_concealed_is_a_multiple_of_2_5_ms() -> None:
    decoder = OpusDecoder(8000)
    assert [len(decoder.conceal(count)) for count in (0, 1, 20, 21, 160, 5000)] == [
        0, 20, 20, 40, 160, 960,
    ]  # fmt: skip


@needs_libopus
def test_the_bit_rate_that_the_peer_wants_is_kept() -> None:
    said = voice(1.0, 16000)

    def size(encoder: OpusEncoder) -> int:
        return sum(len(encoder.encode(said[at : at + 320])) for at in range(0, len(said), 320))

    assert size(OpusEncoder(16000, bits_a_second=8000)) < 0.6 * size(OpusEncoder(16000))
    assert size(OpusEncoder(16000, has_copy=False)) <= size(OpusEncoder(16000)) * 1.1


@needs_libopus
@pytest.mark.parametrize("hz", [3000, 5000, 6500])
def test_with_16_khz_all_of_the_wide_band_is_sent_beside_the_copy(hz: int) -> None:
    encoder, decoder, said = OpusEncoder(16000), OpusDecoder(16000), tone(hz, 1.0, 16000)
    payloads = [encoder.encode(said[at : at + 320]) for at in range(0, len(said), 320)]
    heard = np.concatenate([decoder.decode(payload) for payload in payloads])[4000:]
    assert level_of(hz, heard, 16000) > 8000


@needs_libopus
def test_a_stereo_stream_is_mixed() -> None:
    import opuslib_next

    sent = opuslib_next.Encoder(48000, 2, "voip")
    both = np.repeat(voice(0.02, 48000), 2)
    decoder = OpusDecoder(16000)
    assert len(decoder.decode(sent.encode(both.tobytes(), 960))) == 320


@needs_libopus
def test_a_packet_that_is_none_is_refused() -> None:
    decoder = OpusDecoder(16000)
    with pytest.raises(CodecError, match="refuses the packet"):
        decoder.decode(b"\xff\xff")
    with pytest.raises(CodecError, match="5000 bytes are no Opus packet"):
        decoder.decode(bytes(5000))
    assert len(decoder.decode(b"")) == 0
    assert len(decoder.recover(b"\xff\xff", 320)) == 320


@needs_libopus
def test_a_length_that_opus_has_not_is_refused() -> None:
    with pytest.raises(CodecError, match="cannot encode 100 samples"):
        OpusEncoder(8000).encode(np.zeros(100, np.int16))


@needs_libopus
@pytest.mark.parametrize("seed", range(30))
def test_no_packet_breaks_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    decoder = OpusDecoder(int(rng.choice([8000, 16000, 48000])))
    for _ in range(50):
        try:
            samples = decoder.decode(rng.bytes(int(rng.integers(0, 400))))
        except CodecError:
            samples = decoder.conceal(160)
        assert len(samples) <= 0.12 * decoder.rate_hz


@pytest.fixture
def forgotten() -> Iterator[None]:
    """The library is looked for again, before the test and after it."""
    opus._library.cache_clear()
    yield
    opus._library.cache_clear()


@pytest.mark.usefixtures("forgotten")
def test_without_the_library_there_is_a_reason() -> None:
    with patch.object(ctypes.util, "find_library", return_value=None):
        assert opus.missing() == "libopus is not on this machine (Debian and Ubuntu: libopus0)"
        with pytest.raises(CodecError, match="libopus0"):
            OpusDecoder(8000)
        with pytest.raises(CodecError, match="libopus0"):
            OpusEncoder(8000)


@pytest.mark.usefixtures("forgotten")
def test_a_library_that_cannot_be_loaded_has_a_reason() -> None:
    with (
        patch.object(ctypes.util, "find_library", return_value="libopus.so.0"),
        patch.dict("sys.modules", {"opuslib_next.api.ctl": None}),
    ):
        assert opus.missing().startswith("libopus cannot be used: ")
