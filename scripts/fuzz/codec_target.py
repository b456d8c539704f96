"""Payloads of RTP, for every decoder that there is, through the playout buffer of a leg."""

from collections.abc import Iterator

from media.codec.codec import Decoder
from media.codec.formats import Format, decoder_of, unavailable
from media.worker.coding.decoded_stream import DecodedStream
from media.worker.coding.playout_buffer import PlayoutBuffer

CODECS = [
    name
    for name in ("opus", "G722", "L16/16000", "L16/8000", "PCMU", "PCMA")
    if name not in unavailable()
]
RATES_HZ = (16000, 8000, 48000)
FRAMES = 40


def payloads(data: bytes) -> None:
    """The first bytes choose codec and rate; each payload begins with its length, and a step.

    Whatever comes, each frame has its 20 ms.
    """
    if len(data) < 2:
        return
    codec, rate_hz = CODECS[data[0] % len(CODECS)], RATES_HZ[data[1] % len(RATES_HZ)]

    def make(name: str) -> Decoder:
        return decoder_of(Format(name), rate_hz)

    buffer, narrow, now = PlayoutBuffer(rate_hz, make), DecodedStream(codec), 10.0
    form, sequence, timestamp = Format(codec), 1, 1
    for payload, step in _cut(data[2:]):
        sequence += step % 4
        timestamp += step * form.clock_hz // 1000
        if step == 255:
            buffer.put_noise(1, sequence, timestamp & 0xFFFFFFFF, payload, now)
        else:
            buffer.put(codec, 1, sequence, timestamp & 0xFFFFFFFF, payload, now)
        assert form.ticks(payload) >= 0
        assert len(narrow.payload(payload)) <= 8000
        assert len(buffer.next_frame(now)) == rate_hz // 50
        now += 0.02


def _cut(data: bytes) -> Iterator[tuple[bytes, int]]:
    at = 0
    for _ in range(FRAMES):
        if at + 2 > len(data):
            return
        size, step = data[at], data[at + 1]
        yield data[at + 2 : at + 2 + size], step
        at += 2 + size
