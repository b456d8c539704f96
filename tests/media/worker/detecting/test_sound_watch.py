"""Two who talk are looked at in a thread; the events come on the loop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from media.protocol import messages as m
from media.sound.g711 import encode
from media.sound_settings import SoundSettings
from media.worker.detecting.sound_watch import MOST_WAITING, SoundWatch, WatchedLeg
from media.worker.detecting.taps import SoundTap
from tests.support.voices import tone, voice

Sound = NDArray[np.int16]
DEADLINE_S = 60.0
SETTINGS = SoundSettings(every_s=5.0, window_s=1.0, one_way_s=12.0)
NOISE = np.full(160, 40, np.int16)


@dataclass(eq=False)
class Stream:
    sound_tap: SoundTap | None = None
    heard_at: float = 0.0
    settled: int = 0
    is_two_way: bool = True

    def settle(self) -> None:
        self.settled += 1


@dataclass
class Hears:
    hearing: Stream | None = None


@dataclass(eq=False)
class Leg:
    name: str
    incoming: Stream = field(default_factory=Stream)
    playout: Hears = field(default_factory=Hears)


class Talk:
    """Two legs that hear each other, and what each of them says: a frame for each 20 ms."""

    def __init__(self, settings: SoundSettings = SETTINGS) -> None:
        self.events: list[m.Event] = []
        self.watch = SoundWatch(settings, self.events.append)
        self.a, self.b = Leg("a"), Leg("b")
        self.a.playout.hearing, self.b.playout.hearing = self.b.incoming, self.a.incoming
        self.now = 100.0
        self.looked_at: list[float] = []

    @property
    def legs(self) -> list[WatchedLeg]:
        return cast(list[WatchedLeg], [self.a, self.b])

    async def talk(self, seconds: float, says: Callable[[Leg, int], Sound | None]) -> None:
        """Let so much time pass."""
        for frame in range(round(seconds * 50)):
            self.now += 0.02
            self.watch.frame(self.now, self.legs)
            for leg in (self.a, self.b):
                sound, tap = says(leg, frame), leg.incoming.sound_tap
                if sound is not None:
                    leg.incoming.heard_at = self.now
                    if tap is not None:
                        tap.hear(encode(sound, "PCMU"), "PCMU", self.now)
                if tap is not None and leg is self.a:
                    self.looked_at.append(self.now)
            if frame % 25 == 0:
                await asyncio.sleep(0)
        await self.settled()

    def figures(self, leg: Leg) -> m.LegStats:
        """What its record has of it."""
        stats = m.LegStats()
        self.watch.fill(cast(Any, leg.incoming), stats)
        return stats

    async def settled(self) -> None:
        """What was put down is done, and its events are there."""
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def look() -> list[Any]:
            loop.call_soon_threadsafe(done.set)
            return []

        if self.watch._thread is not None:
            self.watch._work.put((cast(Any, _Nobody()), look))
            async with asyncio.timeout(DEADLINE_S):
                await done.wait()


@dataclass
class _Nobody:
    is_over: bool = False


def speech(seconds: float = 2.9) -> list[Sound]:
    said = np.concatenate([voice(0.5), np.zeros(640, np.int16)] * round(seconds / 0.58))
    return [said[at : at + 160] for at in range(0, len(said) - 159, 160)]


SPEECH = speech()


def one_side(leg: Leg, frame: int, other: Sound | None) -> Sound | None:
    return SPEECH[frame % len(SPEECH)] if leg.name == "a" else other


async def test_one_who_is_spoken_to_and_sends_digital_silence_is_told() -> None:
    talk = Talk()
    await talk.talk(30.0, lambda leg, frame: one_side(leg, frame, np.zeros(160, np.int16)))
    (told,) = talk.events
    assert isinstance(told, m.OneWayAudio)
    assert (told.leg, told.cause) == ("b", "digital_silence")
    assert 12 <= told.for_s <= 22
    assert talk.figures(talk.b).one_way == "digital_silence"
    # A second of each five is looked at; otherwise the relay has the packets.
    assert 0.15 <= len(talk.looked_at) / (50 * 30) <= 0.25
    assert talk.a.incoming.settled >= 5
    talk.watch.close()
    assert talk.a.incoming.sound_tap is None


async def test_one_who_sends_nothing_is_told_and_one_with_noise_is_not() -> None:
    talk = Talk()
    await talk.talk(25.0, lambda leg, frame: one_side(leg, frame, None))
    assert [type(one) for one in talk.events] == [m.OneWayAudio]
    talk.watch.close()
    polite = Talk()
    await polite.talk(40.0, lambda leg, frame: one_side(leg, frame, NOISE))
    assert polite.events == []
    polite.watch.close()


async def test_echo_and_clipping_are_told() -> None:
    loud = np.clip(tone(400.0, 1.0).astype(np.int32) * 40, -32768, 32767).astype(np.int16)

    syllables = np.random.default_rng(3).random(200) < 0.5

    def said(frame: int) -> Sound:
        is_said = frame >= 0 and syllables[frame // 7]
        return SPEECH[frame % len(SPEECH)] if is_said else NOISE

    def echoes(leg: Leg, frame: int) -> Sound | None:
        if leg.name == "a":
            return said(frame)
        return np.maximum(said(frame - 8) // 4, 40).astype(np.int16)

    talk = Talk(SoundSettings(every_s=2.0, window_s=2.0))
    await talk.talk(14.0, echoes)
    (echo,) = [one for one in talk.events if isinstance(one, m.EchoHeard)]
    assert echo.leg == "b"
    assert abs(echo.delay_ms - 160) <= 20 and -16 <= echo.level_db <= -8
    assert talk.figures(talk.b).echo_ms == echo.delay_ms
    talk.watch.close()

    talk = Talk(SoundSettings(every_s=2.0, window_s=1.0))
    await talk.talk(7.0, lambda leg, _frame: loud[:160] if leg.name == "b" else NOISE)
    (clipped,) = talk.events
    assert isinstance(clipped, m.SoundClipped) and clipped.leg == "b"
    assert talk.figures(talk.b).clipped == clipped.share > 0.3
    talk.watch.close()


async def test_voice_is_told_where_it_is_wanted_and_all_packets_are_looked_at() -> None:
    def says(leg: Leg, frame: int) -> Sound | None:
        if leg.name == "b":
            return NOISE
        if frame >= 250:
            return None  # sends nothing any more
        return SPEECH[frame % len(SPEECH)] if 50 <= frame < 100 or frame >= 200 else NOISE

    talk = Talk(SoundSettings(voice=True))
    await talk.talk(7.0, says)
    changes = [(one.leg, one.is_speaking) for one in talk.events if isinstance(one, m.VoiceChanged)]
    assert changes == [("a", True), ("a", False)] * 2
    assert len(talk.looked_at) > 340
    assert len(talk.events) == 4, "nothing else is looked for"
    talk.watch.close()


async def test_who_talks_no_more_is_left_alone() -> None:
    talk = Talk(SoundSettings(every_s=2.0, window_s=1.0, voice=True))
    await talk.talk(3.0, lambda leg, frame: one_side(leg, frame, NOISE))
    assert talk.a.incoming.sound_tap is not None
    talk.b.playout.hearing = None
    await talk.talk(2.0, lambda leg, frame: one_side(leg, frame, NOISE))
    assert talk.a.incoming.sound_tap is None and talk.b.incoming.sound_tap is None
    talk.b.playout.hearing = talk.a.incoming
    await talk.talk(2.0, lambda leg, frame: one_side(leg, frame, NOISE))
    assert talk.a.incoming.sound_tap is not None
    talk.watch.leg_closed(cast(Any, talk.b.incoming))
    assert talk.a.incoming.sound_tap is None
    talk.watch.leg_closed(cast(Any, talk.b.incoming))
    talk.watch.forget(cast(Any, talk.b.incoming))
    talk.watch.close()


async def test_nothing_is_looked_at_where_nothing_is_wanted() -> None:
    talk = Talk(SoundSettings())
    await talk.talk(3.0, lambda leg, frame: one_side(leg, frame, None))
    assert talk.looked_at == [] and talk.watch._thread is None
    talk.watch.close()


async def test_a_thread_that_is_behind_is_given_no_more() -> None:
    talk = Talk(SoundSettings(voice=True))
    talk.watch._thread = cast(Any, object())  # none takes what is put down
    for _ in range(2 * MOST_WAITING):
        talk.now += 0.2
        talk.watch.frame(talk.now, talk.legs)
    assert talk.watch._work.qsize() == MOST_WAITING


async def test_what_is_found_of_a_talk_that_is_over_is_nobodys_business() -> None:
    talk = Talk(SoundSettings(voice=True))
    await talk.talk(1.2, lambda leg, frame: one_side(leg, frame, NOISE))
    (pair,) = talk.watch._pairs.values()
    before = len(talk.events)
    talk.watch.close()
    talk.watch._found(pair, [(pair.sides[0], True)])
    assert len(talk.events) == before


async def test_two_whose_sound_cannot_be_looked_at_cost_the_others_nothing() -> None:
    talk = Talk()
    await talk.talk(2.0, lambda _leg, _frame: NOISE)
    (pair,) = talk.watch._pairs.values()

    def fail() -> list[Any]:
        raise ValueError("a fault of ours")

    talk.watch._give(pair, fail)
    await talk.settled()
    await talk.settled()
    assert pair.is_over
    assert talk.a.incoming.sound_tap is talk.b.incoming.sound_tap is None
    await talk.talk(6.0, lambda _leg, _frame: NOISE)  # they are not begun with again
    assert list(talk.watch._pairs.values()) == [pair]
    talk.watch.close()


async def test_a_pair_that_fails_in_a_frame_is_given_up() -> None:
    talk = Talk()
    await talk.talk(2.0, lambda _leg, _frame: NOISE)
    (pair,) = talk.watch._pairs.values()
    pair.next_at = cast(Any, None)
    await talk.talk(2.0, lambda _leg, _frame: NOISE)
    assert pair.is_over
    talk.watch.close()
