"""Legs over real sockets, with the clock in the test's hands."""

import gc
import itertools
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import messages as m
from media.rtp import rtcp
from media.rtp.outgoing_stream import FRAME_S
from media.rtp.rtp import build
from media.rtp.telephone_event import PAYLOAD
from media.sound.g711 import SILENCE, ULAW_TO_ALAW
from media.sources import Peer, Silence
from media.worker.leg import MediaLeg
from media.worker.switch import QUIET_FRAMES, ROUNDS_PER_VISIT
from tests.support.examples import at_most
from tests.support.media.relays import BOTH
from tests.support.media.switch import HOST, SwitchBench
from tests.support.phones.wire.frames import FramePhone, assert_unbroken


@pytest.fixture(params=BOTH)
def desk(request: pytest.FixtureRequest) -> Iterator[SwitchBench]:
    made = SwitchBench(implementation=request.param())
    yield made
    made.close()


@pytest.fixture
def bridged(desk: SwitchBench) -> tuple[SwitchBench, FramePhone, FramePhone]:
    a, b = desk.phone("a", 0x11), desk.phone("b", 0x22)
    desk.switch.execute(m.Bridge("a", "b"))
    return desk, a, b


def converse(desk: SwitchBench, a: FramePhone, b: FramePhone, rounds: int) -> None:
    for _ in range(rounds):
        a.talk(desk.addresses["a"])
        b.talk(desk.addresses["b"])
        desk.drain()


def test_each_hears_the_partner_and_never_itself(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 50)
    assert [heard.payload for heard in a.listen()] == [b.frame] * 50
    assert [heard.payload for heard in b.listen()] == [a.frame] * 50
    for phone, other in ((a, b), (b, a)):
        assert_unbroken(phone.heard)
        assert phone.heard[0].ssrc not in (phone.ssrc, other.ssrc)
        assert [heard.marker for heard in phone.heard] == [True] + [False] * 49
    stats = desk.stats("a")
    assert (stats.packets_received, stats.bytes_received) == (50, 8000)
    assert (stats.packets_sent, stats.bytes_sent) == (50, 8000)
    assert (stats.lost, stats.duplicates, stats.dropped_stranger) == (0, 0, 0)


@pytest.mark.parametrize("sequence", [0, 65535, 65500])
def test_sequence_cycles_pass_through(desk: SwitchBench, sequence: int) -> None:
    a, b = desk.phone("a", 0x11, sequence=sequence), desk.phone("b", 0x22)
    desk.switch.execute(m.Bridge("a", "b"))
    converse(desk, a, b, 80)
    assert len(b.listen()) == 80
    assert_unbroken(b.heard)
    assert desk.stats("a").lost == 0


def test_our_own_wraps_are_right(bridged: tuple[SwitchBench, FramePhone, FramePhone]) -> None:
    desk, a, b = bridged
    leg = desk.switch._legs["b"]
    leg.playout.stream.sequence = 65530
    leg.playout.stream.timestamp = 2**32 - 5 * 160
    converse(desk, a, b, 40)
    assert len(b.listen()) == 40
    assert_unbroken(b.heard)
    assert [heard.payload_type for heard in b.heard] == [0] * 40


def test_a_gap_stays_a_gap(bridged: tuple[SwitchBench, FramePhone, FramePhone]) -> None:
    desk, a, b = bridged
    a.talk(desk.addresses["a"], 10)
    a.talk(desk.addresses["a"], 10, lose=3)
    desk.drain()
    heard = b.listen()
    assert len(heard) == 20
    assert heard[10].sequence - heard[9].sequence & 0xFFFF == 4
    assert heard[10].timestamp - heard[9].timestamp & 0xFFFFFFFF == 640
    assert not heard[10].marker
    assert desk.stats("a").lost == 3


def test_codecs_are_converted_both_ways(desk: SwitchBench) -> None:
    a, b = desk.phone("a", 0x11), desk.phone("b", 0x22, codec="PCMA")
    desk.switch.execute(m.Bridge("a", "b"))
    converse(desk, a, b, 10)
    assert {heard.payload_type for heard in a.listen()} == {0}
    assert {heard.payload_type for heard in b.listen()} == {8}
    assert {heard.payload for heard in b.heard} == {a.frame.translate(ULAW_TO_ALAW)}
    assert len(b.heard) == 10
    assert_unbroken(b.heard)


def test_packets_of_unknown_sources_are_dropped_and_counted(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    unknown_source = FramePhone(0x66)
    desk.phones.append(unknown_source)
    for _ in range(30):
        unknown_source.talk(desk.addresses["a"])
        unknown_source.talk(desk.addresses["b"])
        converse(desk, a, b, 1)
    assert {heard.payload for heard in a.listen()} == {b.frame}
    assert {heard.payload for heard in b.listen()} == {a.frame}
    assert len(a.heard) == len(b.heard) == 30
    assert unknown_source.listen() == []
    assert desk.stats("a").dropped_stranger == 30
    assert desk.stats("a").packets_received == 30


def test_digits_of_unknown_sources_are_not_heard(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 5)
    third_host, other_port = FramePhone(0x66, host="127.0.0.2"), FramePhone(0x77)
    desk.phones += [third_host, other_port]
    pressed = PAYLOAD.pack(5, 0x8A, 800)
    for forger in (third_host, other_port):
        forger.ssrc = a.ssrc  # as if they had heard it
        for _ in range(3):
            forger.send_packet(pressed, desk.addresses["a"], payload_type=101)
    a.ssrc += 1  # the address forged, and not the stream
    a.send_packet(pressed, desk.addresses["a"], payload_type=101)
    desk.drain()
    assert desk.events(m.Dtmf) == []
    assert pressed not in {heard.payload for heard in b.listen()}
    assert desk.stats("a").dropped_stranger == 7


def test_a_flood_is_shut_out_and_the_call_untouched(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 5)
    unknown_source = FramePhone(0x66)
    desk.phones.append(unknown_source)
    for _ in range(100):
        unknown_source.talk(desk.addresses["a"], 20)
        desk.drain()
    converse(desk, a, b, 5)
    assert desk.stats("a").dropped_stranger < 200  # read no further
    assert len(a.listen()) == len(b.listen()) == 10
    desk.switch.execute(m.Close(1, "a"))
    assert isinstance(desk.reports.pop(), m.Closed)
    assert desk.switch.counters().dropped_stranger == 2000  # what the kernel dropped is counted


def test_garbage_is_dropped_and_counted(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 5)
    garbage = [b"", b"x", bytes(12), bytes(172), b"\xff" * 1500, build(96, 1, 1, 1, bytes(160))]
    for packet in garbage:
        a.rtp_socket.sendto(packet, desk.addresses["a"])
    desk.drain()
    converse(desk, a, b, 5)
    assert len(b.listen()) == 10
    assert_unbroken(b.heard)
    assert desk.stats("a").dropped_garbage == len(garbage)


def test_before_connect_everything_is_dropped(desk: SwitchBench) -> None:
    address = desk.open("a")
    phone = FramePhone(0x11)
    desk.phones.append(phone)
    phone.talk(address, 4)
    desk.drain()
    desk.switch.execute(phone.describe("a"))
    desk.drain()
    stats = desk.stats("a")
    assert (stats.dropped_late, stats.packets_received) == (4, 0)


def test_after_close_everything_is_dropped_and_counted(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 3)
    desk.switch.execute(m.Close(1, "a"))
    a.talk(desk.addresses["a"], 5)
    desk.drain()
    assert len(b.listen()) == 3
    desk.now += 1.0
    desk.tick(ROUNDS_PER_VISIT)
    assert desk.switch.counters().dropped_late == 5
    assert desk.switch.counters().ports_quarantined == 0


def test_a_moved_peer_is_followed(bridged: tuple[SwitchBench, FramePhone, FramePhone]) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 5)
    b.listen()
    leg = desk.switch._legs["a"]
    a.rebind()
    a.talk(desk.addresses["a"], 10)
    desk.drain()
    assert b.listen() == []  # the old address spoke a moment ago
    leg.incoming.settle()
    leg.incoming.flow.heard_at -= 1.0
    a.talk(desk.addresses["a"], 10)
    desk.drain()
    moved = b.listen()
    assert [heard.payload for heard in moved] == [a.frame] * 6  # after probation
    first = b.heard[0].sequence
    sequences = [(heard.sequence - first) & 0xFFFF for heard in b.heard]
    assert sequences == [*range(5), *range(19, 25)]
    assert desk.events(m.PeerMoved) == [m.PeerMoved("a", HOST, a.port)]
    b.talk(desk.addresses["b"], 3)
    desk.drain()
    assert len(a.listen()) == 3


def test_a_new_description_moves_the_leg_at_once(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 5)
    b.listen()
    new = FramePhone(0x33)
    desk.phones.append(new)
    desk.switch.execute(new.describe("a"))
    new.talk(desk.addresses["a"], 5)
    a.talk(desk.addresses["a"], 5)
    b.talk(desk.addresses["b"], 5)
    desk.drain()
    assert [heard.payload for heard in b.listen()] == [new.frame] * 5
    assert_unbroken([*b.heard])
    assert len(new.listen()) == 5
    assert desk.stats("a").dropped_stranger == 5


def test_one_unbroken_stream_over_all_sources(desk: SwitchBench) -> None:
    a, b = desk.phone("a", 0x11), desk.phone("b", 0x22)
    execute = desk.switch.execute
    execute(m.Hear("b", 1, Silence()))
    desk.tick(5)
    execute(m.Bridge("a", "b"))
    desk.tick(2)  # what was heard goes on until the peer's first packet
    for _ in range(10):
        desk.now += FRAME_S
        a.talk(desk.addresses["a"])
        desk.drain()
        desk.switch.tick(desk.now)
    desk.switch._legs["a"].incoming.settle()
    execute(m.Hear("b", 2, Silence()))
    desk.tick(3)
    execute(m.Hear("b", 3, Peer("a")))
    for _ in range(5):
        a.talk(desk.addresses["a"])
        desk.drain()
    heard = b.listen()
    frames = [packet.payload[80:] == a.frame[80:] for packet in heard]  # after the fades
    assert frames == [False] * 7 + [True] * 10 + [False] * 3 + [True] * 5
    assert [packet.marker for packet in heard].count(True) >= 3
    assert all(heard[index].marker for index in (0, 7, 20))
    assert {packet.ssrc for packet in heard} == {heard[0].ssrc}
    first = heard[0].sequence
    assert [(packet.sequence - first) & 0xFFFF for packet in heard] == list(range(len(heard)))
    steps = [
        (after.timestamp - before.timestamp) & 0xFFFFFFFF
        for before, after in itertools.pairwise(heard)
    ]
    assert all(step > 0 and step % 160 == 0 for step in steps)


def test_a_silent_partner_is_filled_with_silence(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 5)
    desk.tick(40)
    silence = b.listen()[5:]
    assert {packet.payload for packet in silence} == {SILENCE["PCMU"]}
    assert 20 <= len(silence) <= 32  # from 160 to 360 ms on
    # The pause shows in the timestamps alone, and the marker bit says that it is one.
    assert [packet.marker for packet in silence] == [True] + [False] * (len(silence) - 1)
    steps = [
        ((after.sequence - before.sequence) & 0xFFFF, (after.timestamp - before.timestamp) // 160)
        for before, after in itertools.pairwise(b.heard[4:])
    ]
    assert steps[0][0] == 1
    assert steps[0][1] >= 8
    assert set(steps[1:]) == {(1, 1)}
    a.talk(desk.addresses["a"], 3)
    desk.drain()
    desk.tick(5)
    assert [packet.payload for packet in b.listen()] == [a.frame] * 3


def test_the_source_ends_when_its_leg_is_closed(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 5)
    desk.switch.execute(m.Close(1, "a"))
    desk.tick(3)
    falling, *silent = [packet.payload for packet in b.listen()[5:]]
    assert falling[80:] == SILENCE["PCMU"][80:]
    assert silent == [SILENCE["PCMU"]] * 2


@pytest.mark.parametrize("direction", ["recvonly", "inactive"])
def test_on_hold_nothing_is_sent(
    bridged: tuple[SwitchBench, FramePhone, FramePhone], direction: m.Direction
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 5)
    desk.switch.execute(b.describe("b", direction=direction))
    b.listen()
    converse(desk, a, b, 5)
    desk.switch.execute(m.Hear("b", 1, Silence()))
    desk.tick(5)
    assert b.listen() == []
    desk.switch.execute(b.describe("b"))
    desk.tick(5)
    assert len(b.listen()) == 5
    first = b.heard[0].sequence
    assert [(packet.sequence - first) & 0xFFFF for packet in b.heard] == list(range(10))


def test_a_peer_without_an_address_is_on_hold(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 5)
    described = b.describe("b")
    described.host = "0.0.0.0"
    desk.switch.execute(described)
    converse(desk, a, b, 5)
    assert len(b.listen()) == 5
    assert len(a.listen()) == 10  # it may still be heard
    desk.switch.execute(b.describe("b"))
    converse(desk, a, b, 5)
    assert len(b.listen()) == 5


def test_a_peer_behind_nat_is_learned(desk: SwitchBench) -> None:
    a, b = desk.phone("a", 0x11), desk.phone("b", 0x22)
    desk.switch.execute(m.Bridge("a", "b"))
    a.rebind()  # it never sends from where it said
    for _ in range(10):
        a.talk(desk.addresses["a"])
        desk.drain()
    assert desk.events(m.PeerMoved) == [m.PeerMoved("a", HOST, a.port)]
    assert len(b.listen()) == 6
    b.talk(desk.addresses["b"], 3)
    desk.drain()
    assert len(a.listen()) == 3


def spray(desk: SwitchBench, phone: FramePhone, leg: str) -> None:
    for _ in range(20):
        phone.talk(desk.addresses[leg])
        desk.drain()


def test_a_leg_whose_peer_is_silent_accepts_no_other_source(desk: SwitchBench) -> None:
    a, b = desk.phone("a", 0x11), desk.phone("b", 0x22)
    desk.switch.execute(m.Bridge("a", "b"))
    unknown_source = FramePhone(0x66, host="127.66.0.1")
    desk.phones.append(unknown_source)
    spray(desk, unknown_source, "a")
    b.talk(desk.addresses["b"], 3)
    unknown_source.press(desk.addresses["a"], key(5))
    desk.drain()
    assert desk.events(m.PeerMoved, m.Dtmf) == []
    assert (unknown_source.listen(), b.listen()) == ([], [])
    assert len(a.listen()) == 3
    assert desk.stats("a").dropped_stranger == 27


def test_the_host_that_sip_comes_from_may_send(desk: SwitchBench) -> None:
    a, b = desk.phone("a", 0x11), desk.phone("b", 0x22)
    desk.switch.execute(m.Bridge("a", "b"))
    outside = FramePhone(0x33, host="127.0.0.2")
    desk.phones.append(outside)
    described = a.describe("a")
    described.sip_host = "127.0.0.2"
    desk.switch.execute(described)
    spray(desk, outside, "a")
    b.talk(desk.addresses["b"], 3)
    desk.drain()
    assert desk.events(m.PeerMoved) == [m.PeerMoved("a", "127.0.0.2", outside.port)]
    assert len(outside.listen()) == 3
    assert {heard.payload for heard in b.listen()} == {outside.frame}


def test_strict_accepts_the_signalled_address_and_port_alone(desk: SwitchBench) -> None:
    a, b = desk.phone("a", 0x11), desk.phone("b", 0x22)
    desk.switch.execute(m.Bridge("a", "b"))
    described = a.describe("a")
    described.sip_host, described.rtp = "127.0.0.2", "strict"
    desk.switch.execute(described)
    for host in (HOST, "127.0.0.2"):
        other = FramePhone(0x33, host=host)
        desk.phones.append(other)
        spray(desk, other, "a")
    assert desk.events(m.PeerMoved) == []
    assert b.listen() == []
    a.talk(desk.addresses["a"], 3)
    desk.drain()
    assert len(b.listen()) == 3


def test_asymmetric_sends_to_the_signalled_address_wherever_the_peer_sends_from(
    desk: SwitchBench,
) -> None:
    a, b = desk.phone("a", 0x11), desk.phone("b", 0x22)
    desk.switch.execute(m.Bridge("a", "b"))
    described = a.describe("a")
    described.rtp = "asymmetric"
    desk.switch.execute(described)
    mouth = FramePhone(0x33, host=HOST)  # the port that it sends from, and does not listen at
    desk.phones.append(mouth)
    spray(desk, mouth, "a")
    assert desk.events(m.PeerMoved) == [m.PeerMoved("a", HOST, mouth.port)]
    assert {heard.payload for heard in b.listen()} == {mouth.frame}
    b.talk(desk.addresses["b"], 3)
    desk.drain()
    assert (mouth.listen(), len(a.listen())) == ([], 3)
    described.number = 1
    desk.switch.execute(described)  # a re-INVITE changes nothing
    heard = len(b.heard)
    mouth.talk(desk.addresses["a"], 3)
    b.talk(desk.addresses["b"], 3)
    desk.drain()
    b.listen()
    assert (mouth.listen(), len(a.listen()), len(b.heard)) == ([], 3, heard + 3)


def test_an_asymmetric_peer_that_must_speak_first_is_sent_to_where_it_listens(
    desk: SwitchBench,
) -> None:
    ear, mouth = FramePhone(0xD1), FramePhone(0xD2)
    desk.phones += [ear, mouth]
    leg = desk.open("a")
    described = ear.describe("a")
    described.must_speak, described.rtp = True, "asymmetric"
    desk.switch.execute(described)
    desk.switch.execute(m.Hear("a", 1, Silence()))
    desk.tick(5)
    assert ear.listen() == []
    for _ in range(10):
        mouth.talk(leg)
        desk.drain()
    desk.tick(5)
    assert (mouth.listen(), len(ear.listen())) == ([], 5)


def key(code: int, packets: int = 4) -> list[bytes]:
    held = [PAYLOAD.pack(code, 10, 160 * (n + 1)) for n in range(packets)]
    return held + [PAYLOAD.pack(code, 0x8A, 160 * packets)] * 3


def test_a_peer_that_must_speak_first_is_sent_nothing_before(desk: SwitchBench) -> None:
    phone = FramePhone(0xD1)
    desk.phones.append(phone)
    leg = desk.open("a")
    described = phone.describe("a")
    described.must_speak = True
    desk.switch.execute(described)
    desk.switch.execute(m.Hear("a", 1, Silence()))
    rtcp_session = desk.switch._legs["a"].rtcp
    assert rtcp_session is not None and rtcp_session.remote == ("", 0)
    desk.tick(5)
    desk.drain()
    assert phone.listen() == []
    phone.talk(leg)
    desk.drain()
    desk.tick(5)
    assert phone.listen() == [], "one packet is easily forged"
    phone.talk(leg)
    desk.drain()
    desk.tick(5)
    assert phone.listen()
    assert rtcp_session.remote == (HOST, phone.rtcp_socket.getsockname()[1])
    stats = desk.stats("a")
    assert (stats.packets_received, stats.dropped_stranger) == (2, 0)
    assert desk.events(m.PeerMoved) == []


def test_who_must_speak_first_may_do_so_from_the_host_of_its_sip(desk: SwitchBench) -> None:
    named, real = FramePhone(0xD1, host="127.0.0.9"), FramePhone(0xD2, host="127.0.0.2")
    desk.phones += [named, real]
    leg = desk.open("a")
    described = named.describe("a")
    described.must_speak, described.sip_host = True, "127.0.0.2"
    desk.switch.execute(described)
    desk.switch.execute(m.Hear("a", 1, Silence()))
    real.talk(leg, 5)
    desk.drain()
    desk.tick(5)
    assert real.listen() and named.listen() == []
    assert desk.events(m.PeerMoved) == [m.PeerMoved("a", "127.0.0.2", real.port)]


def test_an_unknown_source_does_not_speak_for_the_peer(desk: SwitchBench) -> None:
    phone, unknown_source = FramePhone(0xD1), FramePhone(0xEE, host="127.0.0.66")
    desk.phones += [phone, unknown_source]
    leg = desk.open("a")
    described = phone.describe("a")
    described.must_speak = True
    desk.switch.execute(described)
    desk.switch.execute(m.Hear("a", 1, Silence()))
    unknown_source.talk(leg, 50)
    desk.drain()
    desk.tick(5)
    assert phone.listen() == [] and unknown_source.listen() == []
    assert desk.stats("a").dropped_stranger == 50


def test_media_that_moves_to_one_who_must_speak_first_waits_for_it(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    a.talk(desk.addresses["a"], 3)
    b.talk(desk.addresses["b"], 3)
    desk.drain()
    a.listen()
    elsewhere = FramePhone(0xD5, host="127.0.0.9")
    desk.phones.append(elsewhere)
    moved = elsewhere.describe("a")
    moved.must_speak = True
    desk.switch.execute(moved)
    b.talk(desk.addresses["b"], 3)
    desk.drain()
    assert a.listen() == [] and elsewhere.listen() == []
    elsewhere.talk(desk.addresses["a"], 2)
    desk.drain()
    b.talk(desk.addresses["b"], 3)
    desk.drain()
    assert len(elsewhere.listen()) == 3


def test_a_digit_is_reported_once_and_relayed(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    desk.switch.execute(b.describe("b", events=97))
    converse(desk, a, b, 3)
    a.press(desk.addresses["a"], key(5))
    a.talk(desk.addresses["a"], 3)
    desk.drain()
    assert desk.events(m.Dtmf) == [m.Dtmf("a", "5", 80)]
    heard = b.listen()
    assert [packet.payload_type for packet in heard] == [0] * 3 + [97] * 7 + [0] * 3
    assert [packet.payload for packet in heard[3:10]] == key(5)
    assert len({packet.timestamp for packet in heard[3:10]}) == 1
    assert heard[3].marker
    first = heard[0].sequence
    assert [(packet.sequence - first) & 0xFFFF for packet in heard] == list(range(13))


def test_a_digit_is_dropped_without_a_gap_for_a_peer_that_accepts_none(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    desk.switch.execute(b.describe("b", events=None))
    converse(desk, a, b, 3)
    a.press(desk.addresses["a"], key(11))
    a.talk(desk.addresses["a"], 3)
    desk.drain()
    assert desk.events(m.Dtmf) == [m.Dtmf("a", "#", 80)]
    heard = b.listen()
    assert [packet.payload_type for packet in heard] == [0] * 6
    first = heard[0].sequence
    assert [(packet.sequence - first) & 0xFFFF for packet in heard] == list(range(6))


def test_a_digit_whose_end_is_lost_is_reported_after_a_while(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 3)
    a.press(desk.addresses["a"], key(7)[:3])
    desk.drain()
    desk.tick(20)
    assert desk.events(m.Dtmf) == [m.Dtmf("a", "7", 60)]


def test_a_new_description_may_give_keys_another_clock(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 3)
    a.press(desk.addresses["a"], key(5))
    converse(desk, a, b, 3)
    described = a.describe("a")
    described.telephone_event_clock_hz = 16000
    desk.switch.execute(described)
    a.press(desk.addresses["a"], key(5))  # the same ticks are half as long
    converse(desk, a, b, 3)
    assert desk.events(m.Dtmf) == [m.Dtmf("a", "5", 80), m.Dtmf("a", "5", 40)]


@pytest.mark.parametrize("comes", range(7))
def test_a_digit_of_which_one_packet_comes_is_reported_once(
    bridged: tuple[SwitchBench, FramePhone, FramePhone], comes: int
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 3)
    for number, payload in enumerate(key(7)):
        if number == comes:
            a.press(desk.addresses["a"], [payload])
        else:
            a.sequence += 1
    converse(desk, a, b, 3)
    desk.tick(20)
    assert [event.digit for event in desk.events(m.Dtmf) if isinstance(event, m.Dtmf)] == ["7"]


@pytest.mark.parametrize("order", ["backwards", "twice"])
def test_a_digit_whose_packets_come_late_or_again_is_reported_once(
    bridged: tuple[SwitchBench, FramePhone, FramePhone], order: str
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 3)
    begun, packets = a.sequence, list(enumerate(key(7)))
    for number, payload in reversed(packets) if order == "backwards" else packets * 2:
        a.sequence = begun + number
        a.send_packet(payload, desk.addresses["a"], payload_type=101)
    a.sequence = begun + len(packets)
    a.advance(len(packets))
    converse(desk, a, b, 3)
    desk.tick(20)
    assert [event.digit for event in desk.events(m.Dtmf) if isinstance(event, m.Dtmf)] == ["7"]


def test_digits_are_sent_in_place_of_the_source(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 3)
    desk.switch.execute(m.SendDigits("b", "42", 60, 60))
    for _ in range(16):
        desk.now += FRAME_S
        a.talk(desk.addresses["a"])
        desk.drain()
        desk.switch.tick(desk.now)
    heard = b.listen()
    events = [packet for packet in heard if packet.payload_type == 101]
    digits = [PAYLOAD.unpack(packet.payload)[0] for packet in events]
    assert digits == [4] * 5 + [2] * 5
    assert [packet.marker for packet in events] == ([True] + [False] * 4) * 2
    assert heard[-1].payload == a.frame
    first = heard[0].sequence
    assert [(packet.sequence - first) & 0xFFFF for packet in heard] == list(range(len(heard)))


def test_timeout_once_and_resumed(desk: SwitchBench) -> None:
    a = desk.phone("a", 0x11)
    a.talk(desk.addresses["a"], 2)
    desk.drain()
    desk.tick(95)
    assert desk.events(m.MediaTimeout) == []
    desk.tick(100)
    (timeout,) = desk.events(m.MediaTimeout)
    assert isinstance(timeout, m.MediaTimeout)
    assert 2.0 <= timeout.silent_s <= 2.0 + (ROUNDS_PER_VISIT + 1) * FRAME_S
    a.talk(desk.addresses["a"], 2)
    desk.drain()
    assert desk.events(m.MediaResumed) == [m.MediaResumed("a")]


def test_a_browser_may_sleep_for_longer() -> None:
    desk = SwitchBench(sleep_s=4.0)
    for name, may_sleep in (("a", True), ("b", False)):
        again = desk.phone(name, 0x11).describe(name)
        again.may_sleep = may_sleep
        desk.switch.execute(again)
    desk.tick(190)
    (timeout,) = desk.events(m.MediaTimeout)
    assert isinstance(timeout, m.MediaTimeout) and timeout.leg == "b", "it is no browser"
    desk.tick(40)
    assert len(desk.events(m.MediaTimeout)) == 2
    desk.close()


def test_a_new_description_begins_a_new_wait(desk: SwitchBench) -> None:
    a = desk.phone("a", 0x11)
    desk.tick(110)
    assert len(desk.events(m.MediaTimeout)) == 1
    again = a.describe("a")
    again.number = 7
    desk.switch.execute(again)
    desk.tick(110)
    _, second = desk.events(m.MediaTimeout)
    assert isinstance(second, m.MediaTimeout)
    assert second.number == 7, "which description it is about"


def test_no_timeout_of_a_peer_that_must_not_send(desk: SwitchBench) -> None:
    a = desk.phone("a", 0x11)
    desk.switch.execute(a.describe("a", direction="sendonly"))
    desk.tick(300)
    assert desk.events(m.MediaTimeout) == []


def test_zero_means_never() -> None:
    patient = SwitchBench(timeout_s=0.0, silence_s=0.0)
    a = patient.phone("a", 0xFF)  # u-law zero
    patient.tick(100)
    assert patient.events(m.MediaTimeout) == []
    for _ in range(7):
        leg = patient.switch._legs["a"]
        leg.incoming.loud_at -= 0.6
        leg.look_at = 0.0
        for _ in range(ROUNDS_PER_VISIT):
            a.talk(patient.addresses["a"])
            patient.drain()
            patient.switch.tick(patient.now)
    assert patient.events(m.SilenceStarted) == []
    patient.close()


def test_silence_is_noticed_and_its_end(desk: SwitchBench) -> None:
    a = desk.phone("a", 0xFF)  # u-law zero
    for _ in range(7):
        leg = desk.switch._legs["a"]
        leg.incoming.loud_at -= 0.6
        leg.look_at -= 0.6
        for _ in range(ROUNDS_PER_VISIT):
            a.talk(desk.addresses["a"])
            desk.drain()
            desk.switch.tick(desk.now)
    (started,) = desk.events(m.SilenceStarted)
    assert isinstance(started, m.SilenceStarted)
    assert started.silent_ms >= 1000
    a.fill = 0x10
    a.talk(desk.addresses["a"], 3)
    desk.drain()
    desk.tick(ROUNDS_PER_VISIT)
    assert desk.events(m.SilenceEnded) == [m.SilenceEnded("a")]


def test_reports_go_out_and_reports_of_unknown_sources_are_dropped(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 10)
    leg = desk.switch._legs["a"]
    assert leg.rtcp is not None
    leg.rtcp.due_at = leg.look_at = desk.now
    for _ in range(ROUNDS_PER_VISIT):
        desk.switch.tick(desk.now)
    (packet,) = a.receive_rtcp()
    compound = rtcp.parse(packet)
    assert compound.sender is not None
    assert compound.sender.packets == 10
    assert compound.blocks[0].ssrc == a.ssrc
    address = (HOST, desk.addresses["a"][1] + 1)
    block = rtcp.ReportBlock(a.heard[0].ssrc if a.listen() else 0, 0, 3, 9, 8, 0, 0)
    a.rtcp_socket.sendto(rtcp.report(a.ssrc, None, block), address)
    desk.drain()
    assert desk.stats("a").remote_lost == 3
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind(("127.0.0.2", 0))
    other.sendto(rtcp.report(a.ssrc, None, block), address)
    a.rtcp_socket.sendto(b"garbage", address)
    desk.drain()
    assert (desk.stats("a").dropped_stranger, desk.stats("a").dropped_garbage) == (1, 1)
    other.close()
    desk.switch.execute(m.Close(1, "a"))
    assert rtcp.parse(a.receive_rtcp()[-1]).bye


def multiplexed(desk: SwitchBench, leg: str, phone: FramePhone) -> None:
    """Agree that RTCP shares the port of RTP."""
    described = phone.describe(leg)
    described.rtcp_port, described.rtcp_mux = described.port, True
    desk.switch.execute(described)


def test_rtcp_shares_the_port_of_rtp(bridged: tuple[SwitchBench, FramePhone, FramePhone]) -> None:
    desk, a, b = bridged
    multiplexed(desk, "a", a)
    converse(desk, a, b, 10)
    b.listen(), a.listen()
    leg = desk.switch._legs["a"]
    assert leg.rtcp is not None
    leg.rtcp.due_at = leg.look_at = desk.now
    for _ in range(ROUNDS_PER_VISIT):
        desk.switch.tick(desk.now)
    packet, source = a.rtp_socket.recvfrom(2048)
    assert rtcp.is_rtcp(packet, len(packet)) and source == desk.addresses["a"]
    assert a.receive_rtcp() == []
    ours = rtcp.parse(packet)
    block = rtcp.ReportBlock(ours.ssrc, 0, 3, 9, 8, 0, 0)
    a.rtp_socket.sendto(rtcp.report(a.ssrc, None, block), desk.addresses["a"])
    desk.drain()
    a.talk(desk.addresses["a"], 3)
    desk.drain()
    stats = desk.stats("a")
    assert (stats.remote_lost, stats.dropped_garbage, stats.lost) == (3, 0, 0)
    assert len(b.listen()) == 3
    desk.switch.execute(m.Close(1, "a"))
    assert rtcp.parse(a.rtp_socket.recv(2048)).bye


def test_rtcp_of_another_host_on_the_port_of_rtp_is_dropped(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, _b = bridged
    multiplexed(desk, "a", a)
    before = desk.stats("a").dropped_stranger
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", 0))
        other.sendto(rtcp.report(a.ssrc, None, None), desk.addresses["a"])
        desk.drain()
    assert desk.stats("a").dropped_stranger == before + 1


def test_rtcp_on_the_port_of_rtp_is_garbage_where_it_was_not_agreed(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, _b = bridged
    a.rtp_socket.sendto(rtcp.report(a.ssrc, None, None), desk.addresses["a"])
    desk.drain()
    assert desk.stats("a").dropped_garbage == 1


def test_a_leg_that_never_sent_closes_without_a_word(desk: SwitchBench) -> None:
    a = desk.phone("a", 0x11)
    desk.switch.execute(m.Close(1, "a"))
    assert a.receive_rtcp() == []


def test_no_port_left_is_refused(desk: SwitchBench) -> None:
    for number in range(6):
        desk.open(str(number))
    desk.switch.execute(m.Open(9, "one too many"))
    refused = desk.reports.pop()
    assert isinstance(refused, m.Refused)
    assert (refused.request, refused.kind) == (9, "no_port_left")


def test_what_is_said_of_a_leg_that_is_gone_has_no_effect(desk: SwitchBench) -> None:
    phone = FramePhone(1)
    desk.phones.append(phone)
    for command in (
        phone.describe("gone"),
        m.Hear("gone", 1, Silence()),
        m.Bridge("gone", "too"),
        m.SendDigits("gone", "1", 100, 100),
    ):
        desk.switch.execute(command)
    desk.switch.execute(m.Close(5, "gone"))
    assert desk.reports == [m.Closed(5, None)]
    desk.switch.execute(m.StopRecording(6, "gone"))
    refused = desk.reports.pop()
    assert isinstance(refused, m.Refused)
    assert (refused.request, refused.kind, refused.reason) == (6, "unknown_leg", "gone is not open")
    desk.switch.execute(m.PauseRecording(7, "gone", pauses=True))
    refused = desk.reports.pop()
    assert isinstance(refused, m.Refused)
    assert (refused.request, refused.kind) == (7, "unknown_leg")


def take_one_by_one(desk: SwitchBench) -> None:
    """Let no packet be the predicted one."""
    while desk.switch.relay.drain(limit=1, batches=1):
        desk.switch._legs["a"].incoming.settle()


Event = st.tuples(st.sampled_from(["talk", "lose", "swap", "double", "restart"]), st.integers(1, 9))


@at_most(30)
@given(st.lists(Event, max_size=25), st.integers(0, 65535))
def test_fast_path_and_general_path_agree(events: list[tuple[str, int]], sequence: int) -> None:
    """The same packets, once with prediction and once without, sound and count the same."""
    outcomes = []
    for predicted in (True, False):
        desk = SwitchBench(pairs=2)
        try:
            a, b = desk.phone("a", 0x11, sequence=sequence), desk.phone("b", 0x22)
            desk.switch.execute(m.Bridge("a", "b"))
            to = desk.addresses["a"]
            for kind, count in events:
                if kind == "talk":
                    a.talk(to, count)
                elif kind == "lose":
                    a.talk(to, 1, lose=count)
                elif kind == "swap":
                    a.sequence += 1
                    a.talk(to)
                    a.sequence -= 2
                    a.talk(to)
                    a.sequence += 1
                elif kind == "double":
                    a.talk(to)
                    a.sequence -= 1
                    a.talk(to)
                else:
                    a.ssrc += 1
                    a.sequence = count * 7000 & 0xFFFF
                if predicted:
                    desk.drain()
                else:
                    take_one_by_one(desk)
            stats = desk.stats("a")
            b.listen()
            first = b.heard[0].sequence if b.heard else 0
            outcomes.append(
                (
                    [((heard.sequence - first) & 0xFFFF, heard.marker) for heard in b.heard],
                    stats.packets_received,
                    stats.bytes_received,
                    stats.lost,
                    stats.duplicates,
                    stats.reordered,
                    desk.stats("b").packets_sent,
                )
            )
        finally:
            desk.close()
    assert outcomes[0] == outcomes[1]


def test_the_clock_rests_where_no_frame_is_sent(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 2)
    assert desk.switch.tick(desk.now) == QUIET_FRAMES
    desk.switch.execute(m.Hear("a", 1, Silence()))
    assert desk.switch.tick(desk.now) == 1
    for leg in ("a", "b"):
        desk.switch.execute(m.Close(1, leg))
    assert desk.switch.tick(desk.now) == QUIET_FRAMES, "the ports are in quarantine"
    desk.tick(100)
    assert desk.switch.tick(desk.now) == 0


def test_all_legs_are_looked_after_in_their_time_while_the_clock_rests(desk: SwitchBench) -> None:
    phones = [desk.phone(str(number), 0x11) for number in range(3)]
    assert len(phones) == 3
    for _ in range(round(2.1 / (QUIET_FRAMES * FRAME_S))):
        desk.now += QUIET_FRAMES * FRAME_S
        desk.switch.tick(desk.now)
    assert len(desk.events(m.MediaTimeout)) == 3


def test_keys_are_kept_from_the_partner_to_the_last_packet_of_each(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 3)
    b.listen()
    five = [PAYLOAD.pack(5, 10, 160), *[PAYLOAD.pack(5, 0x8A, 320)] * 3]
    desk.switch.execute(m.BlockKeys("nobody", True))
    desk.switch.execute(m.BlockKeys("a", True))
    a.press(desk.addresses["a"], five[:2])
    a.timestamp -= 2 * 160
    desk.drain()
    # It was reported at its first end; those that follow are of the same key.
    desk.switch.execute(m.BlockKeys("a", False))
    a.press(desk.addresses["a"], five[2:])
    converse(desk, a, b, 3)
    assert [one for one in desk.reports if isinstance(one, m.Dtmf)] == [m.Dtmf("a", "5", 40)]
    assert {packet.payload_type for packet in b.listen()} == {0}
    a.press(desk.addresses["a"], five)
    converse(desk, a, b, 3)
    assert [packet.payload_type for packet in b.listen()].count(101) == 4


def test_a_closed_leg_leaves_nothing_for_the_collector(desk: SwitchBench) -> None:
    def talk(*names: str) -> None:
        a, b = desk.phone(names[0], 0x11), desk.phone(names[1], 0x22)
        desk.switch.execute(m.Bridge(*names))
        converse(desk, a, b, 3)
        for name in names:
            desk.switch.execute(m.Close(1, name))
        desk.open("again")
        desk.open("again")  # takes the place of the one before
        desk.switch.execute(m.Close(1, "again"))
        desk.reports.clear()

    talk("a", "b")
    gc.collect()
    gc.disable()
    try:
        talk("c", "d")
        legs = [one for one in gc.get_objects() if isinstance(one, MediaLeg)]
    finally:
        gc.enable()
    assert not [leg.name for leg in legs]
