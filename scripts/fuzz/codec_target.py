"""Payloads of RTP, for every decoder that there is, on each way of packets to sound."""

from collections.abc import Iterator

from media.codec.codec import Decoder
from media.codec.formats import Format, decoder_of, unavailable
from media.worker.coding.decoded_stream import DecodedStream
from media.worker.coding.packet_coder import PacketCoder
from media.worker.coding.playout_buffer import PlayoutBuffer
from media.worker.detecting.ordered_sound import OrderedSound, SoundPacket
from media.worker.recording.recorded_side import Frame, RecordedSide
from media.worker.recording.recorder import Track

CODECS = [
    name
    for name in ("opus", "G722", "L16/16000", "L16/8000", "PCMU", "PCMA")
    if name not in unavailable()
]
RATES_HZ = (16000, 8000, 48000)
FRAMES = 40
MOST_FRAMES = 80
"""Of 20 ms, that a packet brings with what is missing before it: ten packets of 120 ms."""


def payloads(data: bytes) -> None:
    """The first bytes choose codec and rate; each payload begins with its length, and a step.

    Whatever comes, each frame has its 20 ms, and no packet makes much more sound than it can have.
    """
    if len(data) < 2:
        return
    codec, rate_hz = CODECS[data[0] % len(CODECS)], RATES_HZ[data[1] % len(RATES_HZ)]

    def make(name: str) -> Decoder:
        return decoder_of(Format(name), rate_hz)

    buffer, narrow, now = PlayoutBuffer(rate_hz, make), DecodedStream(codec), 10.0
    coder, looked_at = PacketCoder(codec, rate_hz), OrderedSound()
    frames: list[Frame] = []
    side = RecordedSide(is_wide=rate_hz == 16000)
    track = Track(0, frames, now)
    form, sequence, timestamp = Format(codec), 1, 1
    for payload, step in _cut(data[2:]):
        sequence += step % 4
        timestamp += step * form.clock_hz // 1000
        if step == 255:
            buffer.put_noise(1, sequence, timestamp & 0xFFFFFFFF, payload, now)
        else:
            buffer.put(codec, 1, sequence, timestamp & 0xFFFFFFFF, payload, now)
        for coded in coder.put(sequence, timestamp & 0xFFFFFFFF, payload, now):
            assert all(len(frame) == rate_hz // 50 for frame in coded.frames)
            assert len(coded.frames) < MOST_FRAMES
        heard = looked_at.receive(SoundPacket(1, sequence, codec, payload))
        assert sum(len(piece) for piece in heard) < MOST_FRAMES * 160
        track.write(sequence, timestamp * 8000 // form.clock_hz & 0xFFFFFFFF, payload, codec, now)
        assert form.ticks(payload) >= 0
        assert len(narrow.payload(payload)) <= 8000
        assert len(buffer.next_frame(now)) == rate_hz // 50
        now += 0.02
    for frame in frames:
        side.add_frame(frame)
    for _place, samples, _its_rate_hz in side.decoded(8000):
        assert len(samples) < MOST_FRAMES * 320


def _cut(data: bytes) -> Iterator[tuple[bytes, int]]:
    at = 0
    for _ in range(FRAMES):
        if at + 2 > len(data):
            return
        size, step = data[at], data[at + 1]
        yield data[at + 2 : at + 2 + size], step
        at += 2 + size
