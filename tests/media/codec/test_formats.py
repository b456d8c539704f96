from unittest.mock import patch

import numpy as np
import pytest

from media.codec import opus
from media.codec.codec import CodecError
from media.codec.formats import Format, decoder_of, encoder_of, unavailable
from tests.support.voices import level_of, tone

FORMATS = [
    Format("PCMU"),
    Format("PCMA"),
    Format("G722"),
    Format("L16/8000"),
    Format("L16/16000"),
    Format("L16/48000"),
    Format("opus"),
]


@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
@pytest.mark.parametrize("wanted", FORMATS, ids=lambda one: one.name)
def test_every_codec_takes_and_gives_every_rate(wanted: Format, rate_hz: int) -> None:
    if wanted.codec in unavailable():
        pytest.skip(unavailable()[wanted.codec])
    encoder, decoder = encoder_of(wanted, rate_hz), decoder_of(wanted, rate_hz)
    said, size, heard = tone(400, 0.5, rate_hz), rate_hz // 50, []
    for start in range(0, len(said), size):
        samples = decoder.decode(encoder.encode(said[start : start + size]))
        assert len(samples) == size
        heard.append(samples)
    level = level_of(400, np.concatenate(heard)[rate_hz // 10 :], rate_hz)
    assert level == pytest.approx(10000, rel=0.15)
    for codec in (encoder, decoder):
        assert (codec.name, codec.rate_hz, codec.clock_hz) == (
            wanted.codec, rate_hz, wanted.clock_hz,
        )  # fmt: skip


def test_a_codec_that_is_not_there_is_refused() -> None:
    for make in (decoder_of, encoder_of):
        with pytest.raises(CodecError, match="there is no codec GSM"):
            make(Format("GSM"), 8000)


@pytest.mark.parametrize(
    ("wanted", "rate_hz"),
    [(Format("PCMA"), 8000), (Format("L16/48000"), 48000), (Format("G722"), 16000),
     (Format("opus"), 16000)],
)  # fmt: skip
def test_each_codec_has_the_rate_of_its_sound(wanted: Format, rate_hz: int) -> None:
    assert wanted.rate_hz == rate_hz


def test_what_does_not_work_here_is_told_with_its_reason() -> None:
    with patch.object(opus, "missing", return_value="no libopus"):
        assert unavailable() == {"opus": "no libopus"}
    with patch.object(opus, "missing", return_value=""):
        assert unavailable() == {}


def test_frames_of_silence_stay_silent() -> None:
    for wanted in FORMATS:
        if wanted.codec in unavailable():
            continue
        payload = encoder_of(wanted, 16000).encode(np.zeros(320, np.int16))
        assert np.abs(decoder_of(wanted, 16000).decode(payload).astype(int)).max() <= 16


@pytest.mark.parametrize(
    ("name", "payload", "ms"),
    [
        ("PCMU", bytes(160), 20),
        ("G722", bytes(240), 30),
        ("L16/16000", bytes(640), 20),
        ("opus", b"", 0),
        ("opus", bytes([9 << 3]) + bytes(30), 20),
        ("opus", bytes([11 << 3]), 60),
        ("opus", bytes([12 << 3 | 1]), 20),
        ("opus", bytes([28 << 3]), 2.5),
        ("opus", bytes([9 << 3 | 3, 3]), 60),
        ("opus", bytes([9 << 3 | 3]), 0),
    ],
)
def test_a_payload_tells_how_long_it_is(name: str, payload: bytes, ms: float) -> None:
    wanted = Format(name)
    assert wanted.ticks(payload) == ms * wanted.clock_hz / 1000


@pytest.mark.parametrize("ptime_ms", [10, 20, 40, 60])
def test_what_opus_encodes_is_as_long_as_it_tells(ptime_ms: int) -> None:
    if unavailable():
        pytest.skip(unavailable()["opus"])
    encoder = encoder_of(Format("opus"), 16000)
    payload = encoder.encode(tone(400, ptime_ms / 1000, 16000))
    assert Format("opus").ticks(payload) == 48 * ptime_ms
