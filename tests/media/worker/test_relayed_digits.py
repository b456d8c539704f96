"""Key presses between two legs: reported once, relayed, dropped or held back."""

import pytest
from msgspec import structs

from media.protocol import messages as m
from media.rtp.outgoing_stream import FRAME_S
from media.rtp.telephone_event import PAYLOAD
from media.sources import Peer
from tests.support.media.switch import SwitchBench, converse, key
from tests.support.phones.wire.frames import FramePhone


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


def test_who_asks_for_keys_hears_a_phone_that_sends_them_as_sound(desk: SwitchBench) -> None:
    a, b, asks = desk.phone("a", 0x11), desk.phone("b", 0x22), desk.phone("asks", 0x33)
    desk.switch.execute(structs.replace(a.describe("a"), keys_as_sound=True))
    desk.switch.execute(m.Bridge("a", "b"))
    desk.switch.execute(m.BlockKeys("a", True))
    desk.switch.execute(m.Hear("asks", 1, Peer("a", is_asking=True)))

    def heard(phone: FramePhone) -> int:
        for _ in range(5):
            a.talk(desk.addresses["a"])
            desk.drain()
            desk.tick()
        return [packet.payload for packet in phone.listen()].count(a.frame)

    heard(b)
    assert heard(b) == 0
    assert heard(asks) >= 5
    desk.switch.execute(m.BlockKeys("a", False))
    heard(b)
    assert heard(b) >= 5


def test_two_who_ask_for_keys_both_hear_them_and_nobody_does_who_asks_no_more(
    desk: SwitchBench,
) -> None:
    a, one, two = desk.phone("a", 0x11), desk.phone("one", 0x22), desk.phone("two", 0x33)
    desk.switch.execute(structs.replace(a.describe("a"), keys_as_sound=True))
    desk.switch.execute(m.BlockKeys("a", True))

    def heard(*phones: FramePhone) -> list[bool]:
        for _ in range(5):
            a.talk(desk.addresses["a"])
            desk.drain()
            desk.tick()
        return [[packet.payload for packet in each.listen()].count(a.frame) >= 5 for each in phones]

    for name in ("one", "two"):
        desk.switch.execute(m.Hear(name, 1, Peer("a", is_asking=True)))
    assert heard(one, two) == [True, True]
    desk.switch.execute(m.Hear("two", 2, Peer("a")))
    assert heard(one, two) == [True, False]
    desk.switch.execute(m.Bridge("one", "a"))
    assert heard(one) == [False]
