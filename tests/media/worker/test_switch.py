"""Legs over real sockets, with the clock in the test's hands."""

import gc
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.isolation import FAULT
from media.protocol import messages as m
from media.rtp.outgoing_stream import FRAME_S
from media.rtp.rtp import build
from media.sound.clip import Clip
from media.sound.g711 import SILENCE, ULAW_TO_ALAW
from media.sources import Mix, Peer, Silence
from media.worker.announcing.leg_sound import LegSound
from media.worker.coding.playout_buffer import PlayoutBuffer
from media.worker.leg import MediaLeg
from media.worker.mixing.mixer import _Sums
from media.worker.playout import Playout
from media.worker.switch import QUIET_FRAMES, ROUNDS_PER_VISIT
from tests.support.examples import at_most
from tests.support.media.switch import SwitchBench, converse
from tests.support.phones.wire.frames import FramePhone, assert_unbroken


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


def test_packets_of_no_agreed_type_leave_no_gaps(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    """Such as those that only keep a NAT open (RFC 6263)."""
    desk, a, b = bridged
    for _ in range(5):
        converse(desk, a, b, 2)
        a.send_packet(b"", desk.addresses["a"], payload_type=96)
    converse(desk, a, b, 2)
    b.listen()
    assert len(b.heard) == 12
    assert_unbroken(b.heard)
    stats = desk.stats("a")
    assert (stats.lost, stats.dropped_garbage) == (0, 5)


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


def _fails_for(monkeypatch: pytest.MonkeyPatch, kind: type, method: str, bad: object) -> None:
    carry_out = getattr(kind, method)

    def fail(one: object, *args: Any, **options: Any) -> object:
        if one is bad:
            raise ValueError("a fault of ours")
        return carry_out(one, *args, **options)

    monkeypatch.setattr(kind, method, fail)


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        (Playout, "send_frame"),
        (Playout, "send_due"),
        (Playout, "send_digit_frame"),
        (Playout, "clip_ended"),
        (Playout, "send_mixed"),
        (LegSound, "keep_mixing"),
        (MediaLeg, "look_after"),
        (MediaLeg, "peer_heard"),
        (MediaLeg, "rtp_received"),
        (Playout, "relay_audio"),
        (Playout, "fill_gap"),
    ],
)
def test_a_leg_that_fails_ends_and_the_others_miss_no_frame(
    desk: SwitchBench, monkeypatch: pytest.MonkeyPatch, kind: type, method: str
) -> None:
    """`a` stands before the others in each order."""
    phones = {leg: desk.phone(leg, fill) for leg, fill in (("a", 0x11), ("b", 0x22), ("c", 0x33))}
    if method == "send_mixed":
        for name in "abc":
            desk.switch.execute(m.Hear(name, 0, Mix(tuple("abc".replace(name, "")))))
    elif method in ("relay_audio", "fill_gap"):
        for name in "ac":
            desk.switch.execute(m.Hear(name, 1, Peer("b")))
    else:
        desk.switch.execute(m.Hear("a", 1, Silence()))
    if method == "send_digit_frame":
        desk.switch.execute(m.SendDigits("a", "1", 100, 100))
    leg = desk.switch._legs["a"]
    if method == "clip_ended":
        leg.playout.hear_clip(7, Clip(b"", b""), desk.now, loop=False)
    if method == "keep_mixing":
        desk.switch._mixing.add_leg(leg)
    if method == "send_due":
        leg.playout._clocked.add_playout(leg.playout)
    owner = {Playout: leg.playout, LegSound: leg.sound, MediaLeg: leg}[kind]
    _fails_for(monkeypatch, kind, method, owner)
    if method == "peer_heard":
        phones["a"].talk(desk.addresses["a"])
    if method == "rtp_received":
        desk.phones.append(FramePhone(0x44))  # a stranger
        desk.phones[-1].talk(desk.addresses["a"])
    if method == "fill_gap":
        desk.tick(10)
    for _ in range(4 * ROUNDS_PER_VISIT):
        for name in "bc":
            phones[name].talk(desk.addresses[name])
        desk.drain()
        desk.tick()
    assert [one for one in desk.reports if isinstance(one, m.LegFailed)] == [m.LegFailed("a")]
    assert desk.switch.counters().legs == 2
    for name in "bc":
        assert len(phones[name].listen()) >= 4 * ROUNDS_PER_VISIT - 2
        assert_unbroken(phones[name].heard)
    desk.switch.execute(m.Close(9, "a"))
    assert desk.reports[-1] == m.Closed(9, None)


def test_one_who_cannot_be_decoded_is_silent_in_the_sum_and_the_others_are_heard(
    desk: SwitchBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones = {leg: desk.phone(leg, fill) for leg, fill in (("a", 0x11), ("b", 0x22), ("c", 0x33))}
    for name in "abc":
        desk.switch.execute(m.Hear(name, 0, Mix(tuple("abc".replace(name, "")))))
    bad = desk.switch._mixer._speakers[desk.switch._legs["a"].incoming]
    _fails_for(monkeypatch, PlayoutBuffer, "next_frame", bad._buffer)

    def talk(frames: int) -> None:
        for _ in range(frames):
            for each, phone in phones.items():
                phone.talk(desk.addresses[each])
            desk.drain()
            desk.tick()

    talk(30)
    for phone in phones.values():
        assert len(phone.listen()) >= 28
        assert_unbroken(phone.heard)
    assert desk.events(m.LegFailed) == []
    # They are heard again, with the next packet.
    both = [phones[name].frame for name in "bc"]
    assert phones["a"].heard[-1].payload not in both
    assert phones["b"].heard[-1].payload not in (phones["c"].frame, SILENCE["PCMU"])


def test_where_the_sums_cannot_be_made_together_each_is_made_alone(
    desk: SwitchBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones = {leg: desk.phone(leg, fill) for leg, fill in (("a", 0x11), ("b", 0x22), ("c", 0x33))}
    for name in "abc":
        desk.switch.execute(m.Hear(name, 0, Mix(tuple("abc".replace(name, "")))))
    bad, mix = desk.switch._legs["a"].playout, _Sums.mix

    def fail(sums: _Sums, *args: Any) -> object:
        if any(one.playout is bad for one in sums.hearing):
            raise ValueError("a fault of ours")
        return mix(sums, *args)

    monkeypatch.setattr(_Sums, "mix", fail)
    for _ in range(30):
        for name in "bc":
            phones[name].talk(desk.addresses[name])
        desk.drain()
        desk.tick()
    assert desk.events(m.LegFailed) == [m.LegFailed("a")]
    for name in "bc":
        assert len(phones[name].listen()) >= 28
        assert_unbroken(phones[name].heard)


def test_a_source_whose_frame_cannot_be_made_costs_its_leg_alone(
    desk: SwitchBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = [desk.phone(leg, 0x11) for leg in "ab"][1]
    for name in "ab":
        desk.switch.execute(m.Hear(name, 1, Silence()))
    desk.switch._speaking._before[desk.switch._legs["a"].playout] = None  # type: ignore[assignment]
    desk.tick(3)
    assert desk.events(m.LegFailed) == [m.LegFailed("a")]
    assert len(b.listen()) == 3


@pytest.mark.parametrize("step", ["leave", "give_back"])
def test_a_leg_whose_end_fails_is_gone_all_the_same(
    desk: SwitchBench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    a = desk.phone("a", 0x11)
    part = desk.switch._mixer if step == "leave" else desk.switch._ports

    def fail(*_args: Any) -> None:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(type(part), step, fail)
    desk.switch.execute(m.Close(9, "a"))
    assert isinstance(desk.reports[-1], m.Closed)
    assert desk.switch.counters().legs == 0
    desk.open("a")
    a.talk(desk.addresses["a"])
    desk.drain()
    desk.tick(ROUNDS_PER_VISIT)
    assert desk.events(m.LegFailed) == []


def test_a_command_that_fails_is_answered_or_ends_its_leg(
    desk: SwitchBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        desk.phone(name, 0x11)
    _fails_for(monkeypatch, MediaLeg, "stats", desk.switch._legs["a"])
    _fails_for(monkeypatch, LegSound, "hear_silence", desk.switch._legs["b"].sound)
    desk.switch.execute(m.GetStats(5, "a"))
    assert desk.reports[-1] == m.Refused(5, "failed", FAULT)
    desk.switch.execute(m.Hear("b", 1, Peer("nobody")))
    desk.tick()
    assert desk.events(m.LegFailed) == [m.LegFailed("b")]
    assert desk.switch.counters().legs == 1
