"""Announcements of a leg: in place of what it hears or over it, and what goes on afterwards."""

import asyncio
import itertools
from collections.abc import Iterator, Mapping

import msgspec
import numpy as np
import pytest

from media.protocol import messages as m
from media.sound.clip import Clip
from media.sound.g711 import FRAME_SAMPLES, SILENCE, decode
from media.sources import Hold, Mix, Peer, Ringing, Silence, Tone
from media.worker.announcing.leg_sound import common_position
from tests.support.media.relays import BOTH
from tests.support.media.switch import SwitchBench
from tests.support.phones.wire.frames import FramePhone

SHORT, LONG = Tone("440/100"), Tone("440/4000")


@pytest.fixture(params=BOTH)
def desk(request: pytest.FixtureRequest) -> Iterator[SwitchBench]:
    made = SwitchBench(implementation=request.param())
    library = made.switch._library
    for source in (SHORT, LONG, Tone("300/60"), Tone("440", loop=True), Hold(), Ringing()):
        asyncio.run(library.load(source))
    yield made
    made.close()


@pytest.fixture
def talk(desk: SwitchBench) -> tuple[FramePhone, FramePhone]:
    a, b = desk.phone("a", 0x11), desk.phone("b", 0x22)
    desk.switch.execute(m.Bridge("a", "b"))
    return a, b


def speak(desk: SwitchBench, phone: FramePhone, leg: str, frames: int = 1) -> None:
    """The phone of a leg talks for so many frames, and the time passes."""
    for _ in range(frames):
        phone.talk(desk.addresses[leg])
        desk.drain()
        desk.tick()


def announce(desk: SwitchBench, play: int, source: object, **how: object) -> None:
    desk.switch.execute(m.Announce("b", play, source, **how))  # type: ignore[arg-type]


def ends(desk: SwitchBench) -> list[tuple[int, str, int]]:
    """Every announcement and source that has ended: number, how, and ms heard."""
    found = desk.events(m.Played)
    return [(one.play, one.end, one.heard_ms) for one in found if isinstance(one, m.Played)]


def is_peer(phone: FramePhone, other: FramePhone) -> list[bool]:
    """Of each new packet of the phone, whether it is the very frame that the other sends."""
    return [packet.payload == other.frame for packet in phone.listen()]


def assert_in_order(phone: FramePhone) -> None:
    """One SSRC, no sequence number missing or twice, and no more than 40 ms without a frame."""
    for before, after in itertools.pairwise(phone.heard):
        assert after.ssrc == before.ssrc
        assert after.sequence == (before.sequence + 1) & 0xFFFF
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF in (160, 320, 480)


def test_one_in_a_talk_is_heard_alone_and_the_talk_goes_on_after_it(
    desk: SwitchBench, talk: tuple[FramePhone, FramePhone]
) -> None:
    a, b = talk
    speak(desk, a, "a", 10)
    assert all(is_peer(b, a))
    announce(desk, 7, SHORT)
    speak(desk, a, "a", 12)
    heard = is_peer(b, a)
    assert ends(desk) == [(7, "finished", 100)]
    assert heard.count(True) >= 5
    assert not any(heard[:5])
    assert all(heard[-4:])
    assert_in_order(b)


def test_one_is_stopped_or_replaced_and_says_how_much_was_heard(
    desk: SwitchBench, talk: tuple[FramePhone, FramePhone]
) -> None:
    a, b = talk
    speak(desk, a, "a", 2)
    announce(desk, 7, LONG)
    speak(desk, a, "a", 10)
    announce(desk, 8, LONG)
    speak(desk, a, "a", 5)
    desk.switch.execute(m.StopAnnouncement("b", 7))  # over already
    desk.switch.execute(m.StopAnnouncement("b", 8))
    speak(desk, a, "a", 5)
    assert ends(desk) == [(7, "replaced", 200), (8, "stopped", 100)]
    assert all(is_peer(b, a)[-3:])
    assert_in_order(b)


@pytest.mark.parametrize("ptime_ms", [10, 40, 60])
def test_how_much_was_heard_is_right_whatever_the_length_of_packets(
    desk: SwitchBench, ptime_ms: int
) -> None:
    b = desk.phone("b", 0x22)
    desk.switch.execute(
        msgspec.structs.replace(b.describe("b"), ptime_ms=ptime_ms, wants_ptime=True)
    )
    announce(desk, 7, Tone("440", loop=True))
    desk.tick(15)
    desk.switch.execute(m.StopAnnouncement("b", 7))
    announce(desk, 8, LONG, rounds=2)
    desk.tick(24)
    desk.switch.execute(m.StopAnnouncement("b", 8))
    assert ends(desk) == [(7, "stopped", 300), (8, "stopped", 480)]


@pytest.mark.parametrize("silent", [False, True])
def test_one_over_a_talk_is_mixed_with_it_and_does_not_pause_with_the_partner(
    desk: SwitchBench, talk: tuple[FramePhone, FramePhone], silent: bool
) -> None:
    a, b = talk
    speak(desk, a, "a", 10)
    b.listen()
    announce(desk, 7, Tone("300/60"), mix=True)
    announce(desk, 8, SHORT, mix=True, rounds=4)
    if silent:
        desk.tick(26)
    else:
        speak(desk, a, "a", 26)
    assert ends(desk) == [(7, "replaced", 0), (8, "finished", 400)]
    sound = [np.abs(decode(packet.payload, "PCMU").astype(int)).max() for packet in b.listen()]
    assert sum(level > 3000 for level in sound) >= 18
    speak(desk, a, "a", 5)
    assert all(is_peer(b, a)[-3:])
    assert_in_order(b)


def test_both_ends_of_a_mixed_one_are_faded(
    desk: SwitchBench, talk: tuple[FramePhone, FramePhone]
) -> None:
    a, b = talk
    a.fill = 0xFF  # silence, so that only the announcement is heard
    speak(desk, a, "a", 5)
    b.listen()
    announce(desk, 7, Tone("440", loop=True), mix=True)
    speak(desk, a, "a", 10)
    desk.switch.execute(m.StopAnnouncement("b", 7))
    speak(desk, a, "a", 5)
    assert ends(desk) == [(7, "stopped", 200)]
    heard = np.concatenate([decode(packet.payload, "PCMU") for packet in b.listen()]).astype(int)
    steady = np.abs(np.diff(heard[FRAME_SAMPLES : 9 * FRAME_SAMPLES])).max()
    assert np.abs(np.diff(heard)).max() <= steady * 1.2


def test_music_goes_on_where_it_was_left(desk: SwitchBench) -> None:
    b = desk.phone("b", 0x22)
    desk.switch.execute(m.Hear("b", 1, Hold()))
    desk.tick(50)
    music = desk.switch._library._made[Hold()].pcmu
    announce(desk, 7, SHORT, rounds=2)
    desk.tick(11)
    assert ends(desk) == [(7, "finished", 200)]
    desk.tick(5)
    last = b.listen()[-1].payload
    at = music.find(last)
    assert 50 * FRAME_SAMPLES <= at <= 57 * FRAME_SAMPLES


def test_what_a_call_lets_a_leg_hear_meanwhile_is_heard_afterwards(desk: SwitchBench) -> None:
    b, a = desk.phone("b", 0x22), desk.phone("a", 0x11)
    announce(desk, 7, LONG)
    desk.tick(2)
    desk.switch.execute(m.Hear("b", 3, SHORT))
    desk.tick(8)
    assert ends(desk) == []
    desk.switch.execute(m.Hear("b", 4, Silence()))
    desk.switch.execute(m.Hear("b", 5, Ringing()))
    desk.switch.execute(m.Hear("b", 6, Peer("a")))  # early media: until it comes it rings
    desk.switch.execute(m.StopAnnouncement("b", 7))
    desk.tick(4)
    heard = b.listen()[-2:]
    assert ends(desk) == [(7, "stopped", 200)]
    assert all(packet.payload != SILENCE["PCMU"] for packet in heard)
    speak(desk, a, "a", 4)
    assert all(is_peer(b, a)[-3:])


def test_silence_that_a_leg_is_to_hear_meanwhile_is_heard_afterwards(
    desk: SwitchBench, talk: tuple[FramePhone, FramePhone]
) -> None:
    a, b = talk
    announce(desk, 7, LONG)
    desk.tick(2)
    desk.switch.execute(m.Hear("b", 3, Peer("gone")))
    desk.switch.execute(m.StopAnnouncement("b", 7))
    b.listen()
    speak(desk, a, "a", 4)
    assert not any(is_peer(b, a))


def test_one_without_end_is_over_once_its_party_is_joined_with_somebody(desk: SwitchBench) -> None:
    b, a = desk.phone("b", 0x22), desk.phone("a", 0x11)
    announce(desk, 7, Tone("440", loop=True))
    desk.tick(5)
    desk.switch.execute(m.Bridge("a", "b"))
    assert ends(desk) == [(7, "replaced", 100)]
    speak(desk, a, "a", 5)
    assert all(is_peer(b, a)[-3:])


def test_a_finite_one_is_heard_to_its_end_before_the_partner_is(desk: SwitchBench) -> None:
    b, a = desk.phone("b", 0x22), desk.phone("a", 0x11)
    announce(desk, 7, SHORT)
    desk.switch.execute(m.Bridge("a", "b"))
    speak(desk, a, "a", 4)
    assert not any(is_peer(b, a))
    speak(desk, a, "a", 6)
    assert ends(desk) == [(7, "finished", 100)]
    assert all(is_peer(b, a)[-3:])


def test_a_partner_that_is_gone_meanwhile_leaves_silence(
    desk: SwitchBench, talk: tuple[FramePhone, FramePhone]
) -> None:
    a, b = talk
    speak(desk, a, "a", 3)
    announce(desk, 7, SHORT)
    desk.tick(2)
    desk.switch.execute(m.Close(1, "a"))
    desk.tick(6)
    assert ends(desk) == [(7, "finished", 100)]
    assert b.listen()[-1].payload == SILENCE["PCMU"]


@pytest.mark.parametrize("mix", [False, True])
def test_it_ends_with_its_leg(
    desk: SwitchBench, talk: tuple[FramePhone, FramePhone], mix: bool
) -> None:
    a, _b = talk
    announce(desk, 7, LONG, mix=mix)
    speak(desk, a, "a", 5)
    desk.switch.execute(m.Close(1, "b"))
    [(play, end, heard_ms)] = ends(desk)
    assert (play, end) == (7, "leg_ended")
    assert heard_ms in range(80, 121)
    assert isinstance(desk.reports[-1], m.Closed)
    desk.tick(3)


def test_one_for_a_leg_that_is_gone_ends_at_once(desk: SwitchBench) -> None:
    announce(desk, 7, SHORT)
    desk.switch.execute(m.StopAnnouncement("b", 7))
    assert ends(desk) == [(7, "leg_ended", 0)]


def test_nothing_is_heard_while_the_party_holds_and_then_it_goes_on(desk: SwitchBench) -> None:
    b = desk.phone("b", 0x22)
    announce(desk, 7, SHORT)
    desk.tick(2)
    desk.switch.execute(b.describe("b", direction="inactive"))
    desk.tick(20)
    assert ends(desk) == []
    desk.switch.execute(b.describe("b"))
    desk.tick(5)
    assert ends(desk) == [(7, "finished", 100)]


def test_all_who_hear_a_stream_hear_the_same_place() -> None:
    clip = Clip(bytes(800), bytes(800))
    assert common_position(clip, 10.0) == common_position(clip, 10.1)
    assert common_position(clip, 10.05) == 400
    assert common_position(Clip(b"", b""), 10.0) == 0


def talk_to(desk: SwitchBench, phones: Mapping[str, FramePhone], frames: int) -> None:
    """The phones talk to their legs at once, for so many frames."""
    for _ in range(frames):
        for leg, phone in phones.items():
            phone.talk(desk.addresses[leg])
        desk.drain()
        desk.tick()


def assert_hears_the_sum(phone: FramePhone, *others: FramePhone) -> None:
    """The newest packet of the phone has what the others say, added."""
    heard = decode(phone.listen()[-1].payload, "PCMU").astype(np.int32)
    said = sum(decode(other.frame, "PCMU").astype(np.int32) for other in others)
    assert np.abs(heard - said).max() <= np.abs(said).max() // 8


def test_a_mix_is_heard_again_after_one_in_its_place(desk: SwitchBench) -> None:
    b = desk.phone("b", 0x22)
    others = {"a": desk.phone("a", 0x5A), "c": desk.phone("c", 0x6A)}
    desk.switch.execute(m.Hear("b", 1, Mix(("a", "c"))))
    talk_to(desk, others, 10)
    assert_hears_the_sum(b, *others.values())
    announce(desk, 7, SHORT)
    talk_to(desk, others, 16)
    assert ends(desk) == [(7, "finished", 100)]
    assert_hears_the_sum(b, *others.values())


@pytest.mark.parametrize(
    ("source", "how", "heard_ms"),
    [(SHORT, "finished", 100), (Tone("440", loop=True), "replaced", 40)],
)
def test_a_mix_that_is_joined_meanwhile_waits_for_the_end_of_a_finite_one(
    desk: SwitchBench, source: Tone, how: str, heard_ms: int
) -> None:
    b = desk.phone("b", 0x22)
    others = {"a": desk.phone("a", 0x5A), "c": desk.phone("c", 0x6A)}
    announce(desk, 7, source)
    desk.tick(2)
    desk.switch.execute(m.Hear("b", 1, Mix(("a", "c"))))
    talk_to(desk, others, 16)
    assert ends(desk) == [(7, how, heard_ms)]
    assert_hears_the_sum(b, *others.values())


def test_silence_in_place_of_a_mix_is_silence(desk: SwitchBench) -> None:
    b = desk.phone("b", 0x22)
    others = {"a": desk.phone("a", 0x5A), "c": desk.phone("c", 0x6A)}
    desk.switch.execute(m.Hear("b", 1, Mix(("a", "c"))))
    talk_to(desk, others, 10)
    desk.switch.execute(m.Hear("b", 2, Silence()))
    talk_to(desk, others, 5)
    assert b.listen()[-1].payload == SILENCE["PCMU"]
