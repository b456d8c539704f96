import numpy as np
import pytest

from media.codec.formats import Format
from media.rtp.outgoing_stream import OutgoingStream
from media.sound import g711
from media.worker.coding.packetizer import PacketFormat, Packetizer
from tests.support.voices import tone


class Line:
    """A packetizer, and what it has sent."""

    def __init__(self, packet: PacketFormat) -> None:
        self.stream = OutgoingStream(1, 10, 0)
        self.sent: list[tuple[int, bool, int, int]] = []
        self.packetizer = Packetizer(packet, self.stream, self._send)
        self.now = 5.0

    def _send(self, payload_type: int, marker: bool, payload: bytes) -> None:
        self.sent.append((payload_type, marker, self.stream.timestamp, len(payload)))

    def frames(self, samples: np.ndarray) -> None:
        size = self.packetizer.rate_hz // 50
        for at in range(0, len(samples), size):
            self.packetizer.send_samples(samples[at : at + size], round(self.now, 6))
            self.now += 0.02


@pytest.mark.parametrize(("ptime_ms", "count"), [(10, 24), (20, 12), (30, 8), (60, 4)])
def test_frames_fill_packets_of_any_length(ptime_ms: int, count: int) -> None:
    line = Line(PacketFormat(Format("PCMU"), ptime_ms, 0))
    line.frames(tone(400, 0.24))
    assert len(line.sent) == count
    assert [sent[2] for sent in line.sent] == [number * ptime_ms * 8 for number in range(count)]
    assert [sent[1] for sent in line.sent] == [True] + [False] * (count - 1)
    assert {sent[3] for sent in line.sent} == {ptime_ms * 8}
    assert line.stream.packets_sent == count


def test_after_a_pause_the_timestamp_has_gone_on() -> None:
    line = Line(PacketFormat(Format("PCMU"), 60, 0))
    line.frames(tone(400, 0.12))
    line.now += 1.0
    line.frames(tone(400, 0.06))
    assert line.sent[2][1:3] == (True, 960 + 8000)


def test_what_does_not_fill_a_packet_can_be_forgotten() -> None:
    line = Line(PacketFormat(Format("PCMU"), 60, 0))
    line.frames(tone(400, 0.04))
    line.packetizer.forget()
    line.frames(tone(400, 0.06))
    assert len(line.sent) == 1


def test_a_frame_rises_out_of_what_was_heard() -> None:
    line = Line(PacketFormat(Format("G722"), 20, 9))
    before = g711.encode(tone(400, 0.01), "PCMU")
    line.packetizer.fade_from(before, "PCMU")
    faded = line.packetizer.risen(np.zeros(320, np.int16)).astype(int)
    assert faded[:100].max() > 4000 and not faded[160:].any()
    assert np.abs(np.diff(faded)).max() < 2500


def test_a_frame_that_the_encoder_refuses_is_counted() -> None:
    line = Line(PacketFormat(Format("PCMU"), 20, 0))

    class Refusing:
        def encode(self, _samples: object) -> bytes:
            from media.codec.codec import CodecError

            raise CodecError("no")

    line.packetizer._encoder = Refusing()  # type: ignore[assignment]
    line.frames(tone(400, 0.02))
    assert line.stream.errors == 1 and line.sent == []


def test_frames_of_either_rate_are_encoded_at_the_rate_of_the_codec() -> None:
    line = Line(PacketFormat(Format("G722"), 40, 9))
    line.frames(tone(400, 0.04, 16000))
    line.frames(tone(400, 0.08, 16000))
    line.packetizer.send_samples(tone(400, 0.02), line.now)
    line.now += 0.02
    line.frames(tone(400, 0.02, 16000))
    assert [sent[2] for sent in line.sent] == [0, 320, 640, 960]
    assert {sent[3] for sent in line.sent} == {320}
