"""When silence begins: in time where there is no source, and not for packets that are late."""

import pytest

from media.rtp.outgoing_stream import FRAME_S, OutgoingStream
from media.worker.pauses import GAP_FILL_S, has_stopped, lateness_s, must_fill
from media.worker.peer_stream import PeerStream
from tests.support.media.coded_peers import Leg

SENT_AT = 10.0


@pytest.fixture
def stream() -> OutgoingStream:
    made = OutgoingStream(7, 100, 0)
    made.next_frame(160, SENT_AT)
    return made


def heard_at(now: float) -> PeerStream:
    peer = PeerStream(Leg())
    peer.flow.heard_at = now
    return peer


@pytest.mark.parametrize("look_ms", range(20))
def test_whenever_the_looks_come_silence_is_in_time(stream: OutgoingStream, look_ms: int) -> None:
    looks = [SENT_AT + (look_ms + 20 * number) / 1000 for number in range(4)]
    filled_at = next(now for now in looks if must_fill(stream, None, now))
    assert FRAME_S - 0.0011 < filled_at - SENT_AT <= 0.0391


def test_a_peer_whose_next_packet_comes_before_the_next_look_is_waited_for(
    stream: OutgoingStream,
) -> None:
    now = SENT_AT + FRAME_S
    assert must_fill(stream, None, now)
    assert not must_fill(stream, heard_at(now - 0.01), now)
    assert must_fill(stream, heard_at(now - 0.03), now), "it pauses itself"
    assert must_fill(stream, heard_at(now - 0.01), now + 0.005), "the next look is too late"


def test_a_peer_has_stopped_when_nobody_waits_for_its_packets_any_more() -> None:
    peer = heard_at(SENT_AT)
    assert not has_stopped(peer, 0.0, 0.0, SENT_AT + GAP_FILL_S - 0.001)
    assert has_stopped(peer, 0.0, 0.0, SENT_AT + GAP_FILL_S + 0.001)
    assert not has_stopped(peer, 0.0, 0.1, SENT_AT + GAP_FILL_S + 0.099), "some is to be heard"
    assert not has_stopped(peer, SENT_AT + 5.0, 0.0, SENT_AT + 5.1), "it was not heard before"


def test_what_comes_late_is_late_by_the_silence_before_it(stream: OutgoingStream) -> None:
    stream.follow(500, 7000, SENT_AT + FRAME_S)
    stream.forward(500, 7000, 160, SENT_AT + FRAME_S)
    for frame in range(10):
        stream.next_frame(160, SENT_AT + FRAME_S * (2 + frame))
    assert lateness_s(stream, 7160, SENT_AT + FRAME_S * 12) == pytest.approx(0.2)
    assert lateness_s(stream, 7000 + 160 * 30, SENT_AT + FRAME_S * 12) == 0.0, "it is early"
    assert lateness_s(stream, 7000 - 160 * 90, SENT_AT + FRAME_S * 12) == 0.4, "at most"
