"""When the next packet is predicted, when it is not, and what a run of predicted ones books."""

from typing import cast

import pytest

from media.relay.tables import STEP
from media.rtp.rtp import build
from media.rtp.symmetric_rtp import NEW_SSRC_S
from media.sound.g711 import SILENCE
from media.worker.detecting.tone_keys import ToneKeys
from media.worker.leg import MediaLeg
from media.worker.peer_stream import PeerStream, StreamListener, audible
from media.worker.protection import Protection
from media.worker.recording.recorder import Tap

SSRC = 0x77
FIRST_TIMESTAMP = 5000


def packet(sequence: int, payload: bytes = b"\x33" * 160, payload_type: int = 0) -> bytes:
    timestamp = (FIRST_TIMESTAMP + 160 * sequence) & 0xFFFFFFFF
    return build(payload_type, sequence, timestamp, SSRC, payload)


class Peer:
    """Stands in for the leg of a stream, and notes what it hears."""

    def __init__(self) -> None:
        self.dropped_garbage = 0
        self.dropped_stranger = 0
        self.protection = Protection()
        self.tap: Tap | None = None
        self.heard = 0
        self.levels: list[bool] = []
        self.events: list[bytes] = []
        self.late: list[bool] = []
        self.stream = PeerStream(cast(MediaLeg, self))
        self.stream.audio = {0: "PCMU", 8: "PCMA"}
        self.stream.event_payload_types = (97, 101)

    def multiplexed_rtcp(self, packet: bytearray, size: int, now: float) -> bool:
        return False

    def fail(self, part: object = None) -> None:
        """As MediaLeg."""
        raise AssertionError("a defect of ours")

    def peer_heard(self, now: float) -> None:
        self.heard += 1

    def heard_level(self, loud: bool, now: float) -> None:
        self.levels.append(loud)

    def event_received(self, payload: bytes, timestamp: int, now: float, *, late: bool) -> None:
        self.events.append(payload)
        self.late.append(late)

    def receive(self, data: bytes, now: float = 1.0) -> None:
        self.stream.receive_packet(bytearray(data), len(data), now)


def first_eight_bytes(data: bytes) -> int:
    return int.from_bytes(data[:8], "big")


def test_the_next_packet_is_predicted_to_the_bit() -> None:
    peer = Peer()
    peer.receive(packet(41))
    assert peer.stream.flow.expect == first_eight_bytes(packet(42))
    assert peer.stream.ssrc == SSRC


@pytest.mark.parametrize("payload_bytes", [80, 240])
def test_frames_of_another_length_are_not_predicted(payload_bytes: int) -> None:
    peer = Peer()
    peer.receive(packet(41, bytes(payload_bytes)))
    assert peer.stream.flow.expect == 0
    assert peer.stream.packets_received == 1


def test_a_run_is_booked_once() -> None:
    peer = Peer()
    peer.receive(packet(41))
    peer.stream.flow.expect += 7 * STEP  # as the fast path leaves it
    peer.stream.settle()
    assert (peer.stream.packets_received, peer.stream.bytes_received) == (8, 1280)
    peer.stream.settle()
    assert peer.stream.packets_received == 8
    peer.receive(packet(49))
    assert (peer.stream.packets_received, peer.stream.lost) == (9, 0)


@pytest.mark.parametrize(("sequence", "room"), [(65530, 5), (65535, 0x10000), (0, 0xFFFF)])
def test_a_prediction_stops_before_the_sequence_number_wraps(sequence: int, room: int) -> None:
    peer = Peer()
    peer.receive(packet(sequence))
    assert (peer.stream.flow.stop - peer.stream.flow.expect) // STEP == room


def test_a_recorded_stream_is_not_predicted() -> None:
    class Notes:
        def __init__(self) -> None:
            self.frames: list[tuple[int | None, int, str]] = []
            self.skipped: list[int] = []

        def write(
            self, sequence: int | None, timestamp: int, payload: bytes, form: str, now: float
        ) -> None:
            self.frames.append((sequence, timestamp, form))

        def skip(self, sequence: int) -> None:
            self.skipped.append(sequence)

    peer, notes = Peer(), Notes()
    peer.tap = notes
    peer.receive(packet(1))
    assert peer.stream.flow.expect == 0
    peer.receive(packet(2, bytes(4), payload_type=101))
    first = peer.stream.highest - 1
    assert notes.frames == [(first, FIRST_TIMESTAMP + 160, "PCMU")]
    assert notes.skipped == [first + 1], "a key is no sound that is missing"


def test_the_level_is_looked_at_once_when_asked_for() -> None:
    peer = Peer()
    peer.stream.listening = True
    peer.receive(packet(1, SILENCE["PCMU"]))
    peer.receive(packet(2, SILENCE["PCMU"]))
    peer.stream.listening = True
    peer.receive(packet(3))
    assert peer.levels == [False, True]
    assert audible(b"\x10" * 160, "PCMU")
    assert not audible(SILENCE["PCMA"], "PCMA")


@pytest.mark.parametrize("payload_bytes", [80, 160, 240])
def test_frames_of_any_length_are_listened_to(payload_bytes: int) -> None:
    peer = Peer()
    peer.stream.listening = True
    peer.receive(packet(1, SILENCE["PCMU"][:1] * payload_bytes))
    assert peer.levels == [False]
    assert peer.stream.loud_at == 0.0
    peer.receive(packet(2, b"\x10" * payload_bytes), now=2.0)
    assert peer.stream.loud_at == 2.0


def test_an_empty_packet_says_nothing_of_the_level() -> None:
    peer = Peer()
    peer.stream.listening = True
    peer.receive(packet(1, b""))
    assert peer.levels == []
    assert peer.stream.listening


def test_events_comfort_noise_and_what_was_not_agreed() -> None:
    peer = Peer()
    peer.receive(packet(1, b"\x05\x8a\x01\x40", 101))
    peer.receive(packet(2, b"\x06\x8a\x01\x40", 97))
    peer.receive(packet(3, b"\x40", 13))
    peer.receive(packet(4, payload_type=96))
    peer.receive(b"no RTP")
    assert peer.events == [b"\x05\x8a\x01\x40", b"\x06\x8a\x01\x40"]
    assert (peer.stream.packets_received, peer.stream.lost) == (4, 0)
    assert peer.dropped_garbage == 2
    assert peer.heard == 3


def test_what_was_not_agreed_is_not_missing() -> None:
    peer = Peer()
    for sequence in (1, 2, 4, 5):
        peer.receive(packet(sequence, payload_type=96 if sequence % 2 == 0 else 0))
    peer.receive(packet(4, payload_type=96))
    peer.receive(packet(30_000, payload_type=96))
    peer.receive(other_packet(6, payload_type=96))
    assert (peer.stream.packets_received, peer.stream.lost) == (4, 1)
    assert (peer.heard, peer.dropped_garbage) == (2, 5)
    peer.receive(packet(6))
    assert peer.stream.flow.expect == first_eight_bytes(packet(7))


def test_an_event_that_was_overtaken_is_late() -> None:
    peer = Peer()
    for sequence in (1, 3, 2, 4):
        peer.receive(packet(sequence, b"\x05\x8a\x01\x40", 101))
    assert peer.late == [False, False, True, False]


def test_a_new_ssrc_begins_a_new_epoch() -> None:
    peer = Peer()
    peer.receive(packet(1))
    epoch = peer.stream.epoch
    peer.receive(packet(2))
    assert peer.stream.epoch == epoch
    peer.receive(build(0, 9000, 1, SSRC + 1, b"\x33" * 160), 2.0)
    assert peer.stream.epoch == epoch + 1
    assert (peer.stream.packets_received, peer.stream.lost) == (3, 0)


def other_packet(sequence: int, payload: bytes = b"\x44" * 160, payload_type: int = 0) -> bytes:
    return build(payload_type, sequence, 160 * sequence, SSRC + 1, payload)


def test_another_ssrc_is_not_heard_while_the_stream_flows() -> None:
    peer = Peer()
    peer.receive(packet(1), 1.0)
    expected = peer.stream.flow.expect
    peer.receive(other_packet(7), 1.01)
    peer.receive(other_packet(8, b"\x05\x8a\x01\x40", 101), 1.01)
    assert peer.events == []
    assert peer.dropped_stranger == 2
    assert peer.stream.flow.expect == expected, "the fast path goes on"
    assert (peer.stream.ssrc, peer.stream.packets_received) == (SSRC, 1)


def test_another_ssrc_is_heard_once_the_stream_has_ended_and_gives_way_to_it() -> None:
    peer = Peer()
    peer.receive(packet(1), 1.0)
    peer.receive(other_packet(7), 1.0 + NEW_SSRC_S)
    assert peer.stream.ssrc == SSRC + 1
    peer.receive(packet(2), 1.0 + NEW_SSRC_S + 0.01)
    peer.receive(other_packet(8), 1.0 + NEW_SSRC_S + 0.02)
    assert (peer.stream.ssrc, peer.dropped_stranger) == (SSRC, 1)


def test_the_ssrc_of_another_peer_is_heard_at_once() -> None:
    peer = Peer()
    peer.receive(packet(1), 1.0)
    peer.stream.renew()
    peer.receive(other_packet(7), 1.0)
    assert peer.stream.ssrc == SSRC + 1


class Listener:
    """Hears packets of a peer of G722: the codec, and how many bytes there are of each."""

    relayed = None
    is_asking = False

    def __init__(self, peer: Peer) -> None:
        peer.stream.audio = {9: "G722"}
        peer.stream.listeners.append(cast(StreamListener, self))
        self.heard: list[tuple[str, int]] = []
        self.skipped: list[int] = []

    def relay_audio(
        self,
        source: PeerStream,
        sequence: int,
        timestamp: int,
        marker: bool,
        payload: bytes,
        codec: str,
        now: float,
    ) -> None:
        self.heard.append((codec, len(payload)))

    def relay_nothing(self, source: PeerStream, sequence: int) -> None:
        self.skipped.append(sequence)


def test_listeners_have_the_packets_of_another_codec_as_they_come() -> None:
    peer = Peer()
    listener = Listener(peer)
    peer.receive(packet(1, payload_type=9))
    assert listener.heard == [("G722", 160)]


def test_keys_that_come_as_sound_of_another_codec_are_kept_from_listeners() -> None:
    peer = Peer()
    listener = Listener(peer)
    peer.stream.tones, peer.stream.keeps_keys = ToneKeys(lambda *_key: None), True
    peer.receive(packet(1, payload_type=9))
    assert (listener.heard, listener.skipped) == ([], [peer.stream.highest])
