"""What a listener hears when the source behind its partner changes, as a PBX does on transfer."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from media.protocol import messages as m
from media.protocol.messages import Codec
from media.sound.clip import Clip
from media.sound.g711 import SILENCE, decode, encode
from media.sources import Peer, Silence
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


def test_a_clock_that_goes_back_a_little_does_not_go_back_for_who_hears_it(
    desk: SwitchBench,
) -> None:
    """The phone would take what follows for packets that are late, and leave them out."""
    a, b = bridge(desk)
    say(desk, a, 3)
    a.timestamp -= 480
    say(desk, a, 5)
    stamps = np.array([packet.timestamp for packet in b.listen()], np.int64)
    assert np.diff(stamps).tolist() == [160] * 7


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
    desk.switch._legs["b"].playout.hear_clip(1, ringing, 0.0, loop=True)
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
    ringing = Clip.of(np.full(1600, 9000, np.int16))
    desk.switch._legs["b"].playout.hear_clip(1, ringing, 0.0, loop=True)
    desk.switch.execute(m.Hear("b", 2, Peer("a")))
    desk.tick(50)
    desk.switch.execute(m.Bridge("a", "b"))
    desk.tick(50)
    b.listen()
    desk.tick(10)
    assert {packet.payload for packet in b.listen()} == {SILENCE["PCMU"]}


LOUD_FRAME = encode(np.full(160, 9000, np.int16), "PCMU")


def loud(desk: SwitchBench) -> tuple[FramePhone, FramePhone]:
    """Two that are joined, of whom `a` sends frames of one high sample."""
    a, b = bridge(desk)
    a.fill = LOUD_FRAME[0]
    return a, b


def heard_samples(b: FramePhone, codec: str = "PCMU") -> NDArray[np.int32]:
    return decode(b"".join(packet.payload for packet in b.listen()), codec).astype(np.int32)


def steps(samples: NDArray[np.int32]) -> int:
    return int(np.abs(np.diff(samples)).max())


MOST_STEP = 600  # of a fall from 9,000 in 10 ms, with what G.711 rounds


@pytest.mark.parametrize("packets", [1, 2, 20])  # the last of them by the fast path
@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_a_voice_falls_where_music_takes_its_place(
    desk: SwitchBench, packets: int, codec: Codec
) -> None:
    a, b = desk.phone("a", LOUD_FRAME[0]), desk.phone("b", 0x22, codec=codec)
    desk.switch.execute(m.Bridge("a", "b"))
    say(desk, a, packets)
    desk.switch.execute(m.Hear("b", 1, Silence()))
    desk.tick(2)
    heard = heard_samples(b, codec)
    assert heard[159] > 8000 and heard[-1] in (0, 8)
    assert steps(heard) < MOST_STEP
    assert (heard[160:320] > 100).sum() > 70  # 10 ms


def test_a_voice_falls_and_another_rises(desk: SwitchBench) -> None:
    a, b = loud(desk)
    c = desk.phone("c", LOUD_FRAME[0])
    say(desk, a, 5)
    desk.switch.execute(m.Hear("b", 2, Peer("c")))
    desk.tick(2)
    say(desk, a, 3)
    c.talk(desk.addresses["c"], 3)
    desk.drain()
    heard = heard_samples(b)
    assert steps(heard) < MOST_STEP
    assert 0 in heard and heard[-1] > 8000


def test_a_voice_that_is_first_heard_after_silence_rises(desk: SwitchBench) -> None:
    a, b = desk.phone("a", LOUD_FRAME[0]), desk.phone("b", 0x22)
    desk.switch.execute(m.Hear("b", 1, Silence()))
    desk.tick(2)
    desk.switch.execute(m.Bridge("a", "b"))
    say(desk, a, 3)
    heard = heard_samples(b)
    assert steps(heard) < MOST_STEP and heard[-1] > 8000


def test_a_voice_that_pauses_goes_on_as_it_is(desk: SwitchBench) -> None:
    a, b = loud(desk)
    say(desk, a, 3)
    desk.tick(50)  # silence is sent meanwhile
    b.listen()
    say(desk, a, 1)
    assert b.listen()[-1].payload == a.frame


def test_of_three_sounds_at_one_instant_the_last_rises_out_of_what_was_heard(
    desk: SwitchBench,
) -> None:
    b = desk.phone("b", 0x22)
    playout = desk.switch._legs["b"].playout
    high, low = (Clip.of(np.full(1600, level, np.int16)) for level in (9000, -9000))
    playout.hear_clip(1, high, 0.0, loop=True)
    desk.tick(2)
    playout.hear_clip(2, low, 0.0, loop=True)
    playout.hear_clip(3, high, 0.0, loop=True)
    desk.tick(2)
    assert steps(heard_samples(b)) < MOST_STEP


def test_a_voice_rises_out_of_music_that_was_to_end_at_the_same_instant(desk: SwitchBench) -> None:
    a, b = desk.phone("a", encode(np.full(1, -9000, np.int16), "PCMU")[0]), desk.phone("b", 0x22)
    playout = desk.switch._legs["b"].playout
    playout.hear_clip(1, Clip.of(np.full(1600, 9000, np.int16)), 0.0, loop=True)
    desk.tick(2)
    playout.hear_silence(0.0)
    desk.switch.execute(m.Bridge("a", "b"))
    say(desk, a, 2)
    assert steps(heard_samples(b)) < MOST_STEP
