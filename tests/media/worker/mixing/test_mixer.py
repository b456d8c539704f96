"""Sums of what legs say, over real sockets with the clock in the test's hands."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from media.protocol import messages as m
from media.sound import g711
from media.sources import Mix, Peer, Silence
from tests.support.media.switch import SwitchBench
from tests.support.phones.wire.frames import FramePhone, assert_unbroken


class Speech(FramePhone):
    """A phone that says a tone, and knows what it has said."""

    def __init__(self, fill: int, *, hz: float = 300.0, peak: float = 4000.0) -> None:
        super().__init__(fill)
        self._hz, self._peak = hz, peak
        self.said = b""

    @property
    def frame(self) -> bytes:
        at = len(self.said) + np.arange(160)
        tone = self._peak * np.sin(2 * np.pi * self._hz * at / 8000)
        frame = g711.encode(np.rint(tone).astype(np.int16), "PCMU")
        self.said += frame
        return frame


class Mixing(SwitchBench):
    """Legs by name, each with a phone that speaks in every round."""

    def __init__(self, **tones: float) -> None:
        super().__init__()
        self.speech: dict[str, Speech] = {}
        for nth, (name, hz) in enumerate(tones.items()):
            phone = self.speech[name] = Speech(nth + 1, hz=hz)
            self.phones.append(phone)
            self.open(name)
            self.switch.execute(phone.describe(name))
        self.pass_time(1)

    def hear(self, **heard: str) -> None:
        """`a="bc"`: a hears the sum of b and c."""
        for leg, others in heard.items():
            self.switch.execute(m.Hear(leg, 1, Mix(tuple(others))))

    def pass_time(self, rounds: int, *, lost: str = "", held: str = "") -> None:
        """What those in `lost` say never comes, and what those in `held` say waits."""
        for _ in range(rounds):
            for name, phone in self.speech.items():
                if name in lost:
                    assert len(phone.frame) == 160
                    phone.sequence += 1
                    phone.advance()
                elif name not in held:
                    phone.talk(self.addresses[name])
            self.drain()
            self.tick()
            for phone in self.speech.values():
                phone.listen()

    def payloads(self, name: str, since: int = 0) -> bytes:
        return b"".join(one.payload for one in self.speech[name].heard[since:])

    def samples(self, name: str, since: int = 0) -> np.ndarray:
        return g711.decode(self.payloads(name, since), "PCMU").astype(np.int32)

    def speakers_of(self, name: str, frames: int = 20) -> str:
        """Whose tones are in the newest frames that it heard."""
        heard = self.samples(name)[-160 * frames :]
        spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
        loud = {
            other: spectrum[round(phone._hz * len(heard) / 8000)]
            for other, phone in self.speech.items()
        }
        return "".join(sorted(one for one, level in loud.items() if level > 1e4))


@pytest.fixture
def three() -> Iterator[Mixing]:
    made = Mixing(a=300.0, b=500.0, c=800.0)
    yield made
    made.close()


def steps(samples: np.ndarray) -> int:
    return int(np.abs(np.diff(samples)).max())


def test_each_of_three_hears_the_other_two(three: Mixing) -> None:
    three.hear(a="bc", b="ac", c="ab")
    three.pass_time(40)
    assert [three.speakers_of(one) for one in "abc"] == ["bc", "ac", "ab"]
    for phone in three.speech.values():
        assert_unbroken(phone.heard)


def test_who_listens_leaves_the_two_as_they_are(three: Mixing) -> None:
    three.switch.execute(m.Bridge("a", "b"))
    three.pass_time(5)
    three.hear(c="ab")
    three.pass_time(30)
    assert three.speakers_of("c") == "ab"
    for mine, other in ("ab", "ba"):
        assert three.payloads(mine)[320:] == three.speech[other].said[320:]  # after it has risen
        assert_unbroken(three.speech[mine].heard)


@pytest.mark.parametrize("has_listener", [False, True])
def test_from_relay_to_sum_and_back_nothing_is_lost_or_doubled(
    three: Mixing, has_listener: bool
) -> None:
    """To the byte, while a third party comes and goes without a word."""
    three.switch.execute(m.Bridge("a", "b"))
    if has_listener:
        three.hear(c="ab")
    three.pass_time(20)
    for _ in range(5):
        three.hear(a="b", b="a")
        three.pass_time(9)
        three.switch.execute(m.Bridge("a", "b"))
        three.pass_time(9)
    for mine, other in ("ab", "ba"):
        assert three.payloads(mine)[320:] == three.speech[other].said[320:]  # after it has risen
        stamps = [one.timestamp for one in three.speech[mine].heard]
        gaps = np.diff(stamps) // 160
        assert gaps.max() <= 2 and gaps.min() == 1


def test_a_third_voice_comes_and_goes_without_a_click(three: Mixing) -> None:
    three.switch.execute(m.Bridge("a", "b"))
    three.pass_time(10)
    three.hear(a="bc", b="ac")
    three.pass_time(10)
    assert three.speakers_of("b", 8) == "ac"
    three.hear(a="b", b="ac")
    three.pass_time(10)
    assert three.speakers_of("a", 8) == "b" and three.speakers_of("b", 8) == "ac"
    three.switch.execute(m.Bridge("a", "b"))
    three.pass_time(10)
    assert three.speakers_of("b", 8) == "a"
    # The tones of a and b have steps of at most 940 and 1570, that of c of 2510.
    assert steps(three.samples("a")) < 1570 + 2510 + 100
    assert steps(three.samples("b")) < 940 + 2510 + 100
    quiet = [one.payload for one in three.speech["b"].heard]
    assert max(steps(g711.decode(one, "PCMU").astype(int)) for one in quiet[-8:]) < 1000


def test_a_leg_that_is_closed_falls_out_of_every_sum(three: Mixing) -> None:
    three.hear(a="bc", b="ac", c="ab")
    three.pass_time(10)
    three.switch.execute(m.Close(1, "c"))
    three.speech.pop("c")
    three.pass_time(10)
    assert three.speakers_of("a", 8) == "b" and three.speakers_of("b", 8) == "a"
    assert steps(three.samples("b")) < 940 + 2510 + 100


def test_music_in_place_of_a_sum_and_back(three: Mixing) -> None:
    three.hear(a="bc", b="ac")
    three.pass_time(10)
    three.switch.execute(m.Hear("a", 2, Silence()))
    three.pass_time(10)
    assert three.speakers_of("a", 8) == ""
    assert three.speakers_of("b", 8) == "ac"  # who hears music is heard
    three.hear(a="bc")
    three.pass_time(12)
    assert three.speakers_of("a", 8) == "bc"
    assert_unbroken(three.speech["a"].heard)
    assert steps(three.samples("a")) < 1570 + 2510 + 100


def test_only_what_is_there_can_be_heard(three: Mixing) -> None:
    three.hear(a="axyc")
    three.pass_time(10)
    assert three.speakers_of("a", 8) == "c"
    three.hear(a="xy")
    three.pass_time(10)
    assert three.speakers_of("a", 8) == ""
    three.switch.execute(m.Hear("a", 1, Peer("nobody")))
    three.pass_time(10)
    assert three.speakers_of("a", 8) == ""


def test_a_peer_that_may_not_be_sent_to_hears_nothing(three: Mixing) -> None:
    three.hear(a="b")
    three.pass_time(5)
    three.switch.execute(three.speech["a"].describe("a", direction="recvonly"))
    before = len(three.speech["a"].heard)
    three.pass_time(5)
    assert len(three.speech["a"].heard) == before
    three.switch.execute(three.speech["a"].describe("a"))
    three.pass_time(5)
    assert len(three.speech["a"].heard) == before + 5


def test_one_side_alone_from_sum_to_relay(three: Mixing) -> None:
    """As in a whisper: the other two do not notice."""
    three.switch.execute(m.Bridge("a", "b"))
    three.hear(c="ab", a="bc")
    three.pass_time(20)
    assert [three.speakers_of(one, 8) for one in "abc"] == ["bc", "a", "ab"]
    three.switch.execute(m.Hear("a", 2, Peer("b")))
    three.pass_time(20)
    assert [three.speakers_of(one, 8) for one in "abc"] == ["b", "a", "ab"]
    assert three.payloads("b")[320:] == three.speech["a"].said[320:]


def test_a_relayed_peer_that_falls_silent_falls_in_the_sum(three: Mixing) -> None:
    three.switch.execute(m.Bridge("a", "b"))
    three.pass_time(10)
    silent = three.speech.pop("b")
    three.hear(a="b")
    for _ in range(10):
        three.pass_time(1)
    heard = three.samples("a")
    assert not heard[-160:].any() and steps(heard) < 1570 + 100
    three.speech["b"] = silent
    three.pass_time(10)
    assert three.speakers_of("a", 8) == "b"


def test_what_is_lost_on_the_way_is_no_hole_in_a_sum(three: Mixing) -> None:
    three.hear(a="b", c="b")
    three.pass_time(20)
    for _ in range(3):
        three.pass_time(1, lost="b")
        three.pass_time(6)
    loud = np.abs(three.samples("c", 5)).reshape(-1, 40).max(axis=1)
    assert loud.min() > 2000
    assert steps(three.samples("c", 5)) < 1570 * 1.5


def test_what_comes_late_is_no_hole_in_a_sum(three: Mixing) -> None:
    three.hear(a="b", c="b")
    three.pass_time(20)
    three.pass_time(1, held="b")
    three.speech["b"].talk(three.addresses["b"])
    three.pass_time(30)
    loud = np.abs(three.samples("c", 5)).reshape(-1, 40).max(axis=1)
    assert loud.min() > 2000
    assert steps(three.samples("c", 5)) < 1570 * 1.5


def test_who_pauses_by_comfort_noise_is_noise_in_a_sum(three: Mixing) -> None:
    three.hear(a="bc", b="ac", c="ab")
    three.pass_time(10)
    b = three.speech["b"]
    b.send_packet(bytes([45]), three.addresses["b"], payload_type=13)
    three.pass_time(30, held="bc")
    b.timestamp += 30 * 160
    noise = three.samples("a")[-15 * 160 :].astype(float)
    assert 10 * np.log10(np.mean(noise**2) / 32768**2) == pytest.approx(-45, abs=1.5)
    assert three.speakers_of("b", 8) == "a"
    three.pass_time(20)
    assert three.speakers_of("a", 8) == "bc"


def test_a_sum_is_told_to_the_next_engine(three: Mixing) -> None:
    three.hear(a="bc")
    welcome = m.Welcome(1, m.VERSION, 1)
    three.switch.describe(welcome)
    assert {leg.leg: leg.mixed for leg in welcome.legs} == {"a": ("b", "c"), "b": (), "c": ()}


def test_the_clock_rests_when_no_sum_is_heard(three: Mixing) -> None:
    three.hear(a="b")
    assert three.switch.tick(three.now) == 1
    three.switch.execute(m.Bridge("a", "b"))
    three.pass_time(3)
    assert not three.switch._mixer._speakers
    assert all(len(leg.incoming.listeners) == (leg.name != "c")
               for leg in three.switch._legs.values())  # fmt: skip
    three.switch.execute(m.Close(1, "c"))  # which gets silence
    assert three.switch.tick(three.now) > 1


def test_what_was_relayed_already_is_not_heard_again_in_a_sum_that_others_hear_too() -> None:
    desk = Mixing(a=300, b=500, c=700)
    desk.hear(c="ab")
    desk.switch.execute(m.Bridge("a", "b"))
    desk.pass_time(6)
    desk.speech["b"].talk(desk.addresses["b"])
    desk.drain()  # heard by a, and waits for the sum of c
    desk.hear(a="bc")
    desk.pass_time(6)
    heard = desk.speech["a"].heard
    passed = [b.timestamp - a.timestamp & 0xFFFFFFFF for a, b in itertools.pairwise(heard)]
    assert set(passed) <= {160, 320} and passed.count(320) <= 1, "20 ms at most are missing"
    assert [one.sequence - heard[0].sequence & 0xFFFF for one in heard] == list(range(len(heard)))
    desk.close()


def test_who_is_relayed_again_is_heard_out_of_the_sum_with_what_the_others_have_said() -> None:
    desk = Mixing(a=300, b=500, c=700)
    desk.hear(a="bc", b="ac", c="ab")
    desk.pass_time(6)
    for name in "bc":
        desk.speech[name].talk(desk.addresses[name])
    desk.drain()  # a frame of each waits
    desk.switch.execute(m.Bridge("a", "b"))
    heard = len(desk.speech["a"].heard) + len(desk.speech["a"].listen())
    desk.pass_time(6)
    assert_unbroken(desk.speech["a"].heard)
    assert len(desk.speech["a"].heard) >= heard + 6
    desk.close()
