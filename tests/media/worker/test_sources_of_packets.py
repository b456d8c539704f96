"""Whose packets a leg takes, and where it sends: unknown sources, moved peers, NAT."""

from media.protocol import messages as m
from media.sources import Silence
from tests.support.media.switch import HOST, SwitchBench, converse, key
from tests.support.phones.wire.frames import FramePhone


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
