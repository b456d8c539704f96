"""The relay: flows come into its table and leave it again, and batches are bounded."""

import errno
import socket
from collections.abc import Iterator
from time import monotonic
from typing import cast

import pytest

from media.rtp.rtp import build
from media.worker.leg import MediaLeg
from media.worker.peer_stream import PeerStream
from media.worker.protection import Protection
from media.worker.relay import Relay
from tests.support.media.relays import BOTH

SSRC = 0x77
OUT_SSRC = 0x99


def packet(sequence: int) -> bytes:
    return build(0, sequence, 160 * sequence, SSRC, b"\x33" * 160)


class Peer:
    """Stands in for the leg of a stream; sends to the socket that the relay reads."""

    def __init__(self, relay: Relay) -> None:
        self.dropped_garbage = 0
        self.dropped_stranger = 0
        self.protection = Protection()
        self.tap = None
        self.line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for sock in (self.line, self.phone):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        self.line.connect(self.phone.getsockname())
        self.phone.connect(self.line.getsockname())
        self.stream = PeerStream(cast(MediaLeg, self), relay.new_flow())
        self.stream.audio = {0: "PCMU"}

    def multiplexed_rtcp(self, packet: bytearray, size: int, now: float) -> bool:
        return False

    def fail(self, part: object = None) -> None:
        """As MediaLeg."""
        raise AssertionError("a defect of ours")

    def peer_heard(self, now: float) -> None:
        self.heard_at = now

    def close(self) -> None:
        self.line.close()
        self.phone.close()


@pytest.fixture(params=BOTH)
def relay(request: pytest.FixtureRequest) -> Iterator[Relay]:
    relay = Relay(request.param())
    yield relay
    relay.close()


@pytest.fixture
def peer(relay: Relay) -> Iterator[Peer]:
    peer = Peer(relay)
    yield peer
    peer.close()


def send(peer: Peer, relay: Relay, *sequences: int) -> None:
    for sequence in sequences:
        peer.phone.send(packet(sequence))
        assert relay.drain() == 1


def test_what_a_flow_knew_goes_with_it(relay: Relay, peer: Peer) -> None:
    peer.stream.loud_at = 12.5
    relay.add_stream(peer.line.fileno(), peer.stream)
    assert peer.stream.loud_at == 12.5
    send(peer, relay, 1, 2, 3)
    heard_at = peer.stream.heard_at
    relay.remove_stream(peer.line.fileno())
    assert peer.stream.heard_at == heard_at
    assert (peer.stream.packets_received, peer.stream.lost) == (3, 0)


def test_the_next_stream_on_the_descriptor_starts_afresh(relay: Relay, peer: Peer) -> None:
    fd = peer.line.fileno()
    relay.add_stream(fd, peer.stream)
    send(peer, relay, 1, 2)
    relay.remove_stream(fd)
    gone, peer.stream = peer.stream, PeerStream(cast(MediaLeg, peer), relay.new_flow())
    peer.stream.audio = gone.audio
    relay.add_stream(fd, peer.stream)
    assert peer.stream.heard_at == 0.0
    send(peer, relay, 3, 4)  # the very packet that the one before expected
    assert (gone.packets_received, peer.stream.packets_received) == (2, 1)
    peer.stream.book()
    assert (gone.packets_received, peer.stream.packets_received) == (2, 2)


def test_figures_are_booked_without_stopping_the_fast_path(relay: Relay, peer: Peer) -> None:
    relay.add_stream(peer.line.fileno(), peer.stream)
    send(peer, relay, *range(1, 6))
    for _ in range(2):
        peer.stream.book()
        assert peer.stream.packets_received == 5
        assert peer.stream.flow.expect
    send(peer, relay, 6, 7)
    peer.stream.settle()
    assert peer.stream.packets_received == 7
    assert not peer.stream.flow.expect


def test_a_descriptor_beyond_the_table_is_refused(relay: Relay, peer: Peer) -> None:
    with pytest.raises(OSError) as refused:
        relay.add_stream(1 << 17, peer.stream)
    assert refused.value.errno == errno.EMFILE


def test_a_flood_is_read_in_bounded_parts(relay: Relay, peer: Peer) -> None:
    relay.add_stream(peer.line.fileno(), peer.stream)
    for sequence in range(20):
        peer.phone.send(packet(sequence))
    assert relay.drain(limit=1) == 8
    assert relay.drain(limit=1) == 8
    assert relay.drain(limit=1) == 4


def test_it_says_for_how_long_it_could_not_take_all(relay: Relay, peer: Peer) -> None:
    relay.add_stream(peer.line.fileno(), peer.stream)
    assert relay.behind_s(1e9) == 0.0
    for sequence in range(20):
        peer.phone.send(packet(sequence))
    assert relay.drain(1) == 8  # as many batches of one packet
    began = monotonic()
    assert 0.0 <= relay.behind_s(began) < 1.0
    assert relay.behind_s(began + 5.0) >= 5.0
    relay.drain(1)
    assert relay.behind_s(began + 5.0) >= 5.0
    relay.drain(1)
    assert relay.behind_s(began + 5.0) == 0.0
    relay.remove_stream(peer.line.fileno())


def test_what_was_handed_over_of_a_stream_that_has_left_is_late(relay: Relay, peer: Peer) -> None:
    relay.add_stream(peer.line.fileno(), peer.stream)
    peer.phone.send(packet(1))
    relay.packets.drain(1, 1, 0.0)  # and Python has no turn before it leaves
    relay.remove_stream(peer.line.fileno())
    relay.receive_handed_over()
    assert (relay.dropped_late, peer.stream.packets_received) == (1, 0)


def test_packets_that_there_was_no_room_for_are_counted(relay: Relay, peer: Peer) -> None:
    relay.add_stream(peer.line.fileno(), peer.stream)
    for number in range(70):
        peer.phone.send(packet(number))
        relay.packets.drain(1, 1, 0.0)
    assert relay.dropped_overflow == 6
    relay.receive_handed_over(100)
    assert (peer.stream.packets_received, peer.stream.lost) == (64, 0)
