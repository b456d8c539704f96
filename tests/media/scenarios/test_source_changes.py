"""What a listener hears when the source behind its partner changes, as a PBX does on transfer."""

from collections.abc import Iterator

import numpy as np
import pytest

from media import messages as m
from media.sound.clip import Clip
from media.sound.g711 import SILENCE
from media.sources import Peer
from tests.support.media.switch import SwitchBench
from tests.support.phones.wire.frames import FramePhone, assert_unbroken


@pytest.fixture
def desk() -> Iterator[SwitchBench]:
    made = SwitchBench()
    yield made
    made.close()


def bridge(desk: SwitchBench) -> tuple[FramePhone, FramePhone]:
    a, b = desk.phone("a", 0x11), desk.phone("b", 0x22)
    desk.switch.execute(m.Bridge("a", "b"))
    return a, b


def say(desk: SwitchBench, a: FramePhone, packets: int) -> None:
    for _ in range(packets):
        a.talk(desk.addresses["a"])
        desk.drain()


@pytest.mark.parametrize("jump", [-5_000_000, 5_000_000, 0x7FFF0000])
def test_timestamps_that_restart_are_not_passed_on(desk: SwitchBench, jump: int) -> None:
    a, b = bridge(desk)
    say(desk, a, 4)
    a.timestamp = (a.timestamp + jump) & 0xFFFFFFFF
    say(desk, a, 4)
    heard = b.listen()
    assert len(heard) == 8
    assert_unbroken(heard)
    assert [packet.marker for packet in heard] == [True, *[False] * 3, True, *[False] * 3]
    assert desk.stats("a").jitter_ms < 20
    assert desk.stats("a").lost == 0


def test_a_packet_from_before_the_change_does_not_disturb_what_follows(desk: SwitchBench) -> None:
    a, b = bridge(desk)
    say(desk, a, 4)
    late_sequence, late_timestamp = a.sequence, a.timestamp
    a.sequence += 1
    a.timestamp += 5_000_000
    say(desk, a, 2)
    sequence, timestamp = a.sequence, a.timestamp
    a.sequence, a.timestamp = late_sequence, late_timestamp
    say(desk, a, 1)
    a.sequence, a.timestamp = sequence, timestamp
    say(desk, a, 3)
    heard = b.listen()
    assert len(heard) == 9
    assert_unbroken(heard)


def test_a_pause_in_which_the_clock_stood_still_changes_nothing(desk: SwitchBench) -> None:
    """The fast path sees but the packet it expects, and both have to agree."""
    for predicted in (True, False):
        a, b = bridge(desk)
        incoming = desk.switch._legs["a"].incoming
        say(desk, a, 3)
        incoming.flow.heard_at -= 5.0
        if not predicted:
            incoming.settle()
        say(desk, a, 3)
        assert_unbroken(b.listen())
        assert [packet.marker for packet in b.heard] == [True, *[False] * 5]


def test_a_clock_that_goes_back_a_little_is_passed_on_as_it_is(desk: SwitchBench) -> None:
    a, b = bridge(desk)
    say(desk, a, 3)
    a.timestamp -= 480
    say(desk, a, 5)
    stamps = np.array([packet.timestamp for packet in b.listen()], np.int64)
    assert np.diff(stamps).tolist() == [160, 160, -320, 160, 160, 160, 160]


def test_a_short_pause_is_passed_on(desk: SwitchBench) -> None:
    """Silence suppression: the timestamps show how long it lasted."""
    a, b = bridge(desk)
    say(desk, a, 2)
    a.timestamp += 160 * 20
    say(desk, a, 2)
    first, second, third, _ = b.listen()
    assert second.timestamp - first.timestamp == 160
    assert third.timestamp - second.timestamp == 160 * 21


def test_ringing_goes_on_until_the_first_packet_of_early_media(desk: SwitchBench) -> None:
    a, b = desk.phone("a", 0x11), desk.phone("b", 0x22)
    ringing = Clip.of(np.full(1600, 9000, np.int16))
    desk.switch._legs["b"].playout.hear_clip(1, ringing, loop=True)
    desk.switch.execute(m.Hear("b", 2, Peer("a")))
    desk.tick(100)
    faded_in, *heard = b.listen()
    assert {packet.payload for packet in heard} == {ringing.pcmu[:160]}
    assert faded_in.payload.endswith(ringing.pcmu[:80])
    say(desk, a, 4)
    crossfaded, *heard = b.listen()
    assert [packet.payload for packet in heard] == [a.frame] * 3
    assert crossfaded.payload.endswith(a.frame[:80])
    assert len({packet.ssrc for packet in b.heard}) == 1


def test_ringing_ends_soon_after_the_answer_of_a_peer_that_sends_nothing(desk: SwitchBench) -> None:
    desk.phone("a", 0x11)
    b = desk.phone("b", 0x22)
    desk.switch._legs["b"].playout.hear_clip(1, Clip.of(np.full(1600, 9000, np.int16)), loop=True)
    desk.switch.execute(m.Hear("b", 2, Peer("a")))
    desk.tick(50)
    desk.switch.execute(m.Bridge("a", "b"))
    desk.tick(50)
    b.listen()
    desk.tick(10)
    assert {packet.payload for packet in b.listen()} == {SILENCE["PCMU"]}
