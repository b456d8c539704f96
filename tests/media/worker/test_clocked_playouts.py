"""A leg gets an unbroken stream however late the engine says what it is to hear next."""

import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Callable
from unittest.mock import patch

import numpy as np
import pytest

from media.protocol import messages as m
from media.rtp.outgoing_stream import FRAME_S
from media.sound.clip import Clip
from media.sources import Mix, Peer, Prompt, Silence, Tone
from media.worker.clocked_playouts import ClockedPlayouts
from media.worker.pauses import GAP_FILL_S
from media.worker.switch import ROUNDS_PER_VISIT
from tests.support.media.switch import SwitchBench
from tests.support.phones.wire.frames import FramePhone

STEP_S = 0.005
WHISPER, LONG_WHISPER = Tone("600/200"), Tone("600/400")
RINGING = Tone("400/200,0/200", loop=True)
LONGEST_S = 0.0401  # between two packets, whatever the source


class TimedBench(SwitchBench):
    """A switch whose clock rests as that of a worker does, and phones that note when packets come.

    The phones in `talking` send a packet every 20 ms, five milliseconds after the clock.
    """

    def __init__(self) -> None:
        self._due_at = self.START_S
        super().__init__(timeout_s=60.0, silence_s=60.0)
        self.talking: set[str] = set()
        self.named: dict[str, FramePhone] = {}
        self.times: dict[str, list[float]] = {}
        self._step = 0

    def leg(self, name: str, **options: object) -> FramePhone:
        """A leg whose phone is connected now, and of which nothing else has been said."""
        phone = self.named[name] = self.phone(name, 0x11 + len(self.phones), **options)
        self.times[name] = []
        self.wake()
        return phone

    def execute(self, *commands: m.Command) -> None:
        """As the worker does: the clock ticks within a frame."""
        for command in commands:
            self.switch.execute(command)
        self.wake()

    def wake(self) -> None:
        """See FrameClock.start."""
        if self._due_at == math.inf:
            self._due_at = self.now + FRAME_S
        elif self._due_at - self.now > FRAME_S:
            self._due_at -= int((self._due_at - self.now) / FRAME_S) * FRAME_S

    def pass_s(self, seconds: float) -> None:
        """Let time pass, in which the engine says nothing."""
        for _ in range(round(seconds / STEP_S)):
            self._step += 1
            self.now = self.START_S + self._step * STEP_S
            if self.now >= self._due_at - STEP_S / 2:
                frames = self.switch.tick(self._due_at)
                self._due_at = self._due_at + frames * FRAME_S if frames else math.inf
            if self._step % 4 == 1:
                for name in self.talking:
                    self.named[name].talk(self.addresses[name])
            self.drain()
            for name, phone in self.named.items():
                self.times[name] += [self.now] * len(phone.listen())

    def longest_gap_s(self, name: str, since: float) -> float:
        """The longest time without a packet from then until now."""
        times = [since, *(one for one in self.times[name] if one > since), self.now]
        return max(after - before for before, after in itertools.pairwise(times))


@pytest.fixture
async def bench() -> AsyncIterator[TimedBench]:
    made = TimedBench()
    for source in (WHISPER, LONG_WHISPER, RINGING):
        await made.switch._library.load(source)
    yield made
    made.close()


def talked(bench: TimedBench) -> None:
    """Legs a and b are bridged and have talked for a while."""
    bench.leg("a")
    bench.leg("b")
    bench.talking = {"a", "b"}
    bench.execute(m.Bridge("a", "b"))
    bench.pass_s(0.5)


def whispered(bench: TimedBench) -> None:
    bench.leg("a")
    bench.execute(m.Hear("a", 1, WHISPER))
    bench.pass_s(0.1)


def bridged_while_one_rings(bench: TimedBench) -> None:
    bench.leg("a")
    bench.execute(m.Hear("a", 1, RINGING))
    bench.pass_s(0.1)
    bench.leg("b")
    bench.execute(m.Bridge("a", "b"))


def early_media_after_a_pause(bench: TimedBench) -> None:
    """a hears another leg that has not spoken, after one that pauses for longer than a fade."""
    talked(bench)
    bench.leg("c")
    bench.talking = set()
    bench.pass_s(0.09)
    bench.execute(m.Hear("a", 2, Peer("c")))


def joined_to_another_after_a_pause(bench: TimedBench) -> None:
    talked(bench)
    bench.leg("c")
    bench.talking = set()
    bench.pass_s(0.09)
    bench.execute(m.Bridge("a", "c"))


def resumed_while_the_other_is_silent(bench: TimedBench) -> None:
    talked(bench)
    held = bench.named["a"].describe("a", direction="recvonly")
    bench.execute(held)
    bench.pass_s(0.2)
    bench.talking = {"a"}
    bench.pass_s(0.1)
    bench.execute(bench.named["a"].describe("a"))


def sum_of_silent_parties(bench: TimedBench) -> None:
    talked(bench)
    bench.leg("c")
    bench.leg("d")
    bench.execute(m.Hear("a", 2, Mix(("c", "d"))))


def from_a_sum_to_a_silent_party(bench: TimedBench) -> None:
    talked(bench)
    bench.leg("c")
    bench.execute(m.Hear("a", 2, Mix(("b", "c"))))
    bench.pass_s(0.2)
    bench.talking = set()
    bench.execute(m.Hear("a", 3, Peer("b")))


def the_other_leg_closed(bench: TimedBench) -> None:
    talked(bench)
    bench.execute(m.Close(1, "b"))
    bench.talking = {"a"}
    del bench.named["b"]


def announced_to_one_whose_partner_falls_silent(bench: TimedBench) -> None:
    talked(bench)
    bench.execute(m.Announce("a", 2, WHISPER))
    bench.talking = {"a"}


def announcement_stopped_while_the_partner_is_silent(bench: TimedBench) -> None:
    announced_to_one_whose_partner_falls_silent(bench)
    bench.pass_s(0.1)
    bench.execute(m.StopAnnouncement("a", 2))


def keys_sent_while_the_partner_is_silent(bench: TimedBench) -> None:
    talked(bench)
    bench.talking = set()
    bench.execute(m.SendDigits("a", "5", 60, 40))
    bench.pass_s(0.04)


Moment = Callable[[TimedBench], None]


@pytest.mark.parametrize(
    "moment",
    [
        lambda bench: bench.leg("a"),
        whispered,
        bridged_while_one_rings,
        early_media_after_a_pause,
        joined_to_another_after_a_pause,
        resumed_while_the_other_is_silent,
        sum_of_silent_parties,
        from_a_sum_to_a_silent_party,
        the_other_leg_closed,
        announced_to_one_whose_partner_falls_silent,
        announcement_stopped_while_the_partner_is_silent,
        keys_sent_while_the_partner_is_silent,
    ],
)
async def test_the_stream_goes_on_while_the_engine_says_nothing(
    bench: TimedBench, moment: Moment
) -> None:
    moment(bench)
    since = bench.now
    bench.pass_s(2.0)
    assert bench.longest_gap_s("a", since) <= LONGEST_S
    if "b" in bench.named:  # and a partner who speaks after all is heard at once
        bench.talking = {"b"}
        since = bench.now
        bench.pass_s(0.5)
        assert bench.longest_gap_s("a", since) <= LONGEST_S


async def test_the_other_side_of_a_new_bridge_hears_silence_until_the_first_packet(
    bench: TimedBench,
) -> None:
    bridged_while_one_rings(bench)
    since = bench.now
    bench.pass_s(1.0)
    assert bench.longest_gap_s("b", since) <= LONGEST_S
    bench.talking = {"a"}
    bench.pass_s(0.2)
    assert bench.named["b"].heard[-1].payload == bench.named["a"].frame


@pytest.mark.parametrize("was_relayed", [False, True])
async def test_the_stream_goes_on_while_a_clip_is_loaded(
    bench: TimedBench, was_relayed: bool
) -> None:
    loading: asyncio.Future[Clip] = asyncio.get_running_loop().create_future()

    class SlowLibrary:
        def find(self, *_source: object, **_form: object) -> None:
            """Nothing is kept."""

        async def load(self, *_source: object, **_form: object) -> Clip:
            return await loading

    talked(bench)
    bench.leg("c")
    leg = "a" if was_relayed else "c"
    with patch.object(bench.switch._clips, "_library", SlowLibrary()):
        since = bench.now
        bench.execute(m.Hear(leg, 7, Prompt("whisper.wav")))
        await asyncio.sleep(0)
        bench.pass_s(1.0)
        loading.set_result(Clip.of(np.zeros(8000, np.int16)))
        for _ in range(3):
            await asyncio.sleep(0)
        bench.pass_s(0.5)
    assert bench.longest_gap_s(leg, since) <= LONGEST_S


async def test_a_codec_that_changes_wakes_a_clock_that_rests(bench: TimedBench) -> None:
    """The phone turns from PCMU to G.722 in mid-stream: what is coded anew begins at once."""
    talked(bench)
    described = bench.named["b"].describe("b")
    described.codec, described.payload_type = "G722", 9
    bench.execute(described)
    bench.pass_s(0.31)  # both speak G.711 still
    since = bench.now
    bench.named["b"].payload_type = 9
    bench.pass_s(1.0)
    assert bench.longest_gap_s("a", since) <= LONGEST_S
    assert bench.stats("a").packets_sent >= 70


async def test_a_partner_that_stops_by_itself_is_filled_in_time_without_the_engine(
    bench: TimedBench,
) -> None:
    """Not at once: packets that are late are no pause, and silence would push them further on."""
    talked(bench)
    since = bench.now
    bench.talking = {"a"}
    bench.pass_s(2.0)
    assert bench.longest_gap_s("a", since) >= GAP_FILL_S
    assert bench.longest_gap_s("a", since) <= GAP_FILL_S + (ROUNDS_PER_VISIT + 1) * FRAME_S
    since = bench.now
    bench.pass_s(1.0)
    assert bench.longest_gap_s("a", since) <= FRAME_S + 1e-6


async def test_nothing_is_sent_to_a_leg_that_is_on_hold_or_closed(bench: TimedBench) -> None:
    phone = bench.leg("a")
    bench.execute(phone.describe("a", direction="recvonly"))
    before = len(phone.heard)
    bench.pass_s(0.5)
    assert len(phone.heard) == before
    assert len(bench.switch._context.clocked) == 0
    bench.execute(phone.describe("a"), m.Close(1, "a"))
    bench.pass_s(0.5)
    assert len(phone.heard) == before
    assert len(bench.switch._context.clocked) == 0


async def test_silence_meanwhile_is_no_source_of_its_own(bench: TimedBench) -> None:
    """What the engine says in the same moment is heard from the first packet on."""
    phone = bench.leg("a")
    bench.execute(m.Hear("a", 1, LONG_WHISPER))
    bench.pass_s(0.1)
    assert phone.heard[0].payload[80:] != bytes([0xFF]) * 80
    bench.execute(m.Hear("a", 2, Silence()))
    bench.pass_s(0.1)
    assert bench.events(m.Played) == []


def test_the_first_playout_wakes_the_clock_and_the_next_one_need_not() -> None:
    woken: list[int] = []
    playouts = ClockedPlayouts[str](lambda: woken.append(len(playouts)))
    playouts.add_playout("a")
    playouts.add_playout("a")
    playouts.add_playout("b")
    assert (list(playouts), len(playouts), woken) == (["a", "b"], 2, [1])
    for each in playouts:
        playouts.discard_playout(each)
        playouts.discard_playout(each)
    playouts.add_playout("a")
    assert woken == [1, 1]
