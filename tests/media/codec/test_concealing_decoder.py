"""What stands for packets that are lost, or that cannot be decoded."""

import numpy as np
import pytest

from media.codec.codec import Samples
from media.codec.concealing_decoder import ConcealingDecoder
from media.codec.formats import Format, decoder_of, encoder_of, unavailable
from tests.support.voices import tone


def decoder_and_payloads(codec: str) -> tuple[ConcealingDecoder, list[bytes]]:
    if codec in unavailable():
        pytest.skip(unavailable()[codec])
    form = Format(codec)
    encoder = encoder_of(form, form.rate_hz)
    said = np.split(tone(400, 1.0, form.rate_hz), 50)
    return ConcealingDecoder(decoder_of(form, 8000)), [encoder.encode(one) for one in said]


def milliseconds(pieces: list[Samples]) -> list[float]:
    return [len(piece) / 8 for piece in pieces]


@pytest.mark.parametrize("codec", ["PCMA", "G722", "opus", "L16/16000"])
@pytest.mark.parametrize("lost", [0, 1, 2, 10])
def test_lost_packets_are_as_long_as_the_one_before_them(codec: str, lost: int) -> None:
    decoder, payloads = decoder_and_payloads(codec)
    decoder.decode(payloads[0])
    assert milliseconds(decoder.made_up(lost, payloads[lost + 1])) == [20.0] * lost


def test_before_the_first_packet_nothing_is_made_up() -> None:
    decoder, payloads = decoder_and_payloads("opus")
    assert decoder.made_up(3, payloads[3]) == []


@pytest.mark.parametrize("before", [[], [b""]])
def test_nothing_stands_for_garbage_where_nothing_was_heard(before: list[bytes]) -> None:
    decoder, payloads = decoder_and_payloads("opus")
    for payload in before:
        decoder.decode(payload)
    assert len(decoder.decode(b"\xff\xff")) == 0
    assert len(decoder.decode(payloads[0])) == 160


def test_garbage_is_concealed() -> None:
    decoder, payloads = decoder_and_payloads("opus")
    for payload in payloads[:10]:
        decoder.decode(payload)
    assert np.abs(decoder.decode(b"\xff\xff")).max() > 5000
