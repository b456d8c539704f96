"""What one listener gets from clips and from another leg's stream, packet by packet."""

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from media.protocol.messages import Connect, Direction
from media.rtp.outgoing_stream import FRAME_S, OutgoingStream
from media.rtp.rtp import HEADER
from media.sound.clip import SILENCE, Clip
from media.sound.frames import SpeakingSources
from media.worker.pauses import GAP_FILL_S
from media.worker.peer_stream import PeerStream
from media.worker.playout import Playout
from tests.support.media.coded_peers import Talker

from .test_peer_stream import Peer, packet

CLIP = Clip(b"\x01" * 320, b"\x02" * 320)


class Listener:
    """A playout whose packets can be looked at, on a clock of its own."""

    def __init__(self) -> None:
        self.speaking: SpeakingSources[Playout] = SpeakingSources()
        self.ended: list[int] = []
        self.playout = Playout(OutgoingStream(7, 100, 0), self.speaking, self.ended.append)
        self.line, self.peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.peer.setblocking(False)
        self.now = 10.0
        self.playout.use(self.line)
        self.agree()

    def agree(self, *, codec: str = "PCMU", direction: Direction = "sendrecv") -> None:
        payload_type = 0 if codec == "PCMU" else 8
        described = Connect("a", "192.0.2.1", 4000, 4001, "PCMU", payload_type, 101, direction)
        described.codec = "PCMU" if codec == "PCMU" else "PCMA"
        may_send = direction in ("sendrecv", "sendonly")
        self.playout.agree(described, may_send=may_send, now=self.now)

    def tick(self, frames: int = 1) -> None:
        for _ in range(frames):
            self.now += FRAME_S
            made = self.speaking.tick()
            for playout, payload in zip(made.keys, made.payloads, strict=True):
                playout.send_frame(payload, self.now)
            for playout in made.ended:
                playout.clip_ended()

    def heard(self) -> list[tuple[int, bool, int, bytes]]:
        """Payload type, marker, sequence number, and the payload's last byte, where no fade is."""
        packets: list[tuple[int, bool, int, bytes]] = []
        while True:
            try:
                data = self.peer.recv(2048)
            except BlockingIOError:
                return packets
            first, sequence, _timestamp, _ssrc = HEADER.unpack_from(data)
            packets.append((first & 0x7F, bool(first & 0x80), sequence, data[-1:]))


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.line.close()
    made.peer.close()


def talk(listener: Listener, stream: PeerStream, sequences: range) -> None:
    for sequence in sequences:
        listener.now += FRAME_S
        data = packet(sequence)
        stream.receive_packet(bytearray(data), len(data), listener.now)


def test_a_clip_ends_and_silence_follows(listener: Listener) -> None:
    listener.playout.hear_clip(5, CLIP, listener.now, loop=False)
    listener.tick(3)
    silence = SILENCE.pcmu[:1]
    assert listener.heard() == [
        (0, True, 100, b"\x01"),
        (0, False, 101, b"\x01"),
        (0, False, 102, silence),
    ]
    assert listener.ended == [5]


def test_music_goes_on_after_an_announcement_where_it_was_left(listener: Listener) -> None:
    music = Clip(b"\x0a" * 160 + b"\x0b" * 160 + b"\x0c" * 160, bytes(480))
    listener.playout.hear_clip(1, music, listener.now, loop=True)
    listener.tick()
    listener.playout.hear_clip(2, CLIP, listener.now, loop=False)
    listener.tick(3)
    listener.playout.hear_clip(3, music, listener.now, loop=True)
    listener.tick(3)
    first_bytes = [first for _, _, _, first in listener.heard()]
    assert first_bytes[0] == b"\x0a" and first_bytes[1:3] == [b"\x01"] * 2
    assert first_bytes[4:] == [b"\x0b", b"\x0c", b"\x0a"]


def test_a_new_codec_takes_over_within_a_clip(listener: Listener) -> None:
    listener.playout.hear_clip(5, CLIP, listener.now, loop=True)
    listener.tick()
    listener.agree(codec="PCMA")
    listener.tick()
    assert [(kind, first) for kind, _, _, first in listener.heard()] == [(0, b"\x01"), (8, b"\x02")]


def test_a_clip_waits_while_nothing_may_be_sent(listener: Listener) -> None:
    listener.playout.hear_clip(5, CLIP, listener.now, loop=False)
    listener.tick()
    listener.agree(direction="recvonly")
    listener.tick(5)
    assert len(listener.heard()) == 1
    assert listener.ended == []
    listener.agree()
    listener.tick()  # the rest of it, from where it was
    assert [first for _, _, _, first in listener.heard()] == [b"\x01"]
    assert listener.ended == [5]


def test_what_was_heard_goes_on_until_the_peers_first_packet(listener: Listener) -> None:
    stream = Peer().stream
    listener.playout.hear_clip(5, CLIP, listener.now, loop=True)
    listener.playout.hear_peer(stream, listener.now)
    listener.tick(2)
    assert stream.listeners == [listener.playout]
    talk(listener, stream, range(900, 902))
    listener.tick()
    assert [first for _, _, _, first in listener.heard()] == [b"\x01", b"\x01", b"\x33", b"\x33"]


def test_early_media_that_does_not_come_leaves_what_was_heard(listener: Listener) -> None:
    """A network that announces early media and sends none does not silence the ringing."""
    stream = Peer().stream
    listener.playout.hear_clip(5, CLIP, listener.now, loop=True)
    listener.playout.hear_peer(stream, listener.now, patient=True)
    listener.playout.fill_gap(listener.now + 60.0)
    listener.tick()
    assert [first for _, _, _, first in listener.heard()] == [b"\x01"]
    talk(listener, stream, range(900, 902))
    listener.tick()
    assert [first for _, _, _, first in listener.heard()] == [b"\x33", b"\x33"]
    listener.playout.fill_gap(listener.now + GAP_FILL_S)
    listener.tick()
    assert [first for _, _, _, first in listener.heard()] == [SILENCE.pcmu[:1]]


def test_the_ringing_ends_with_the_answer_though_nothing_is_heard(listener: Listener) -> None:
    stream = Peer().stream
    listener.playout.hear_clip(5, CLIP, listener.now, loop=True)
    listener.playout.hear_peer(stream, listener.now, patient=True)
    answered_at = listener.now + 9.0
    listener.playout.hear_peer(stream, answered_at)
    listener.playout.fill_gap(answered_at + GAP_FILL_S - 0.01)
    listener.tick()
    assert [first for _, _, _, first in listener.heard()] == [b"\x01"]
    listener.playout.fill_gap(answered_at + GAP_FILL_S)
    listener.tick()
    assert [first for _, _, _, first in listener.heard()] == [SILENCE.pcmu[:1]]


def test_a_gap_is_filled_not_too_early(listener: Listener) -> None:
    stream = Peer().stream
    listener.playout.hear_peer(stream, listener.now)
    talk(listener, stream, range(900, 903))
    listener.heard()
    listener.playout.fill_gap(listener.now + GAP_FILL_S - 0.01)
    listener.tick()
    assert listener.heard() == []
    listener.playout.fill_gap(listener.now + GAP_FILL_S)
    listener.tick()
    assert [first for _, _, _, first in listener.heard()] == [SILENCE.pcmu[:1]]


def test_what_comes_late_after_the_fill_is_heard_all_the_same_and_the_next_pause_makes_up_for_it(
    listener: Listener,
) -> None:
    """A network that stalls for 300 ms, and then delivers all at once."""
    stream = Peer().stream
    listener.playout.hear_peer(stream, listener.now)
    talk(listener, stream, range(900, 903))
    stalled_at = listener.now
    listener.now += 0.2
    listener.playout.fill_gap(listener.now)
    listener.tick(5)
    for sequence in range(903, 918):
        data = packet(sequence)
        stream.receive_packet(bytearray(data), len(data), listener.now)
    talk(listener, stream, range(918, 920))
    heard = listener.heard()
    assert [first for *_, first in heard] == [b"\x33"] * 3 + [SILENCE.pcmu[:1]] * 5 + [b"\x33"] * 17
    assert [number for _, _, number, _ in heard] == list(range(100, 125))
    # 300 ms too late: for so much longer the peer has something to hear.
    listener.now += GAP_FILL_S + 0.29
    listener.playout.fill_gap(listener.now)
    listener.tick()
    assert listener.heard() == []
    listener.now += 0.02
    listener.playout.fill_gap(listener.now)
    listener.tick()
    assert len(listener.heard()) == 1
    # The stream is where the clock is again, to a frame: three were sent until the stall.
    past_s = listener.now - stalled_at
    assert listener.playout.stream.timestamp == pytest.approx(160 * 2 + 8000 * past_s, abs=161)


def test_a_peer_that_has_described_its_silence_is_not_followed_by_another(
    listener: Listener,
) -> None:
    """The phone that hears it makes the noise itself, until there is sound again (RFC 3389)."""
    described = Connect("a", "192.0.2.1", 4000, 4001, "PCMU", 0, 101, "sendrecv")
    described.comfort_noise_payload_type = 13
    listener.playout.agree(described, may_send=True, now=listener.now)
    stream = Peer().stream
    listener.playout.hear_peer(stream, listener.now)
    talk(listener, stream, range(900, 903))
    noise = packet(903, b"\x40", 13)
    stream.receive_packet(bytearray(noise), len(noise), listener.now)
    assert [kind for kind, *_ in listener.heard()] == [0, 0, 0, 13]
    listener.now += 60.0
    listener.playout.fill_gap(listener.now)
    listener.tick(2)
    assert listener.heard() == []
    talk(listener, stream, range(904, 906))
    listener.now += GAP_FILL_S + 0.001
    listener.playout.fill_gap(listener.now)
    listener.tick()
    assert [first for *_, first in listener.heard()] == [b"\x33", b"\x33", SILENCE.pcmu[:1]]


def test_digits_take_the_place_of_the_clip(listener: Listener) -> None:
    listener.playout.hear_clip(5, CLIP, listener.now, loop=True)
    assert not listener.playout.dialling
    assert listener.playout.send_digits("5", 40, 40)
    assert listener.playout.dialling
    listener.tick()
    listener.playout.send_digit_frame(listener.now)
    assert [(kind, marker) for kind, marker, _, _ in listener.heard()] == [(101, True)]


def test_nothing_is_sent_after_close(listener: Listener) -> None:
    stream = Peer().stream
    listener.playout.hear_peer(stream, listener.now)
    talk(listener, stream, range(900, 902))
    listener.heard()
    listener.playout.close()
    talk(listener, stream, range(902, 904))
    listener.playout.hear_clip(6, CLIP, listener.now, loop=True)
    listener.tick()
    assert listener.heard() == []
    assert stream.listeners == []


def test_a_peer_that_takes_no_telephone_events_is_sent_no_digits(listener: Listener) -> None:
    listener.playout.event_payload_type = None
    assert not listener.playout.send_digits("12", 100, 60)


def test_what_the_kernel_refuses_is_counted_as_an_error(listener: Listener) -> None:
    listener.playout.hear_clip(5, CLIP, listener.now, loop=False)
    listener.peer.close()
    listener.tick(2)
    stream = listener.playout.stream
    assert (stream.packets_sent, stream.errors) == (0, 2)


def test_nothing_is_coded_while_keys_are_sent_or_nothing_may_be(listener: Listener) -> None:
    talker, sound = Talker("G722"), np.zeros(320, np.int16)
    listener.playout.hear_peer(talker.stream, listener.now)

    def coded() -> bool:
        talker.say(sound, listener.now)
        return listener.playout._coding.transcoder is not None

    listener.agree(direction="recvonly")
    assert not coded()
    listener.agree()
    assert listener.playout.send_digits("5", 100, 50)
    assert not coded()
    while listener.playout.dialling:
        listener.now += FRAME_S
        listener.playout.send_digit_frame(listener.now)
    assert coded()
