"""Looks at the sound of two who talk now and then, in a thread of its own."""

import asyncio
import threading
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final, Protocol, TypeAlias

from ...isolation import each_alone, ignore
from ...listening.echo import Echo
from ...listening.talk_judge import Clipped, OneWay, SoundFinding, TalkJudge
from ...listening.voice_activity import VoiceActivity
from ...listening.window import Packet, frames_of, look_at
from ...priority import Turn, go_first
from ...protocol.messages import EchoHeard, Event, LegStats, OneWayAudio, SoundClipped, VoiceChanged
from ...sound_settings import SoundSettings
from ..peer_stream import PeerStream

MOST_WAITING: Final = 200  # tasks of the thread; where it is behind, windows are left out
_SCAN_S: Final = 1.0
_FLUSH_S: Final = 0.1  # how often speech is looked at
_MOST_PACKETS: Final = 1000  # of one window


class Hearing(Protocol):
    """What the peer of a leg hears."""

    hearing: PeerStream | None


class WatchedLeg(Protocol):
    """A leg, as far as it is looked at."""

    @property
    def name(self) -> str:
        """Its id."""

    @property
    def incoming(self) -> PeerStream:
        """What its peer sends."""

    @property
    def playout(self) -> Hearing:
        """What its peer hears."""


class _Tap:
    """Keeps the newest packets of a stream. See SoundTap."""

    __slots__ = ("packets",)

    def __init__(self) -> None:
        self.packets: list[Packet] = []

    def hear(self, payload: bytes, codec: str, now: float) -> None:
        if payload and len(self.packets) < _MOST_PACKETS:
            self.packets.append((now, payload, codec))

    def take_packets(self) -> list[Packet]:
        packets, self.packets = self.packets, []
        return packets


class _Side:
    """One of two who talk. `judge` and `voice` belong to the thread."""

    __slots__ = ("judge", "leg", "tap", "voice", "window")

    def __init__(self, leg: WatchedLeg, settings: SoundSettings, now: float) -> None:
        self.leg = leg
        self.tap = _Tap()
        self.window: list[Packet] = []
        self.judge = TalkJudge(settings, now)
        self.voice = VoiceActivity()

    def listen(self) -> None:
        stream = self.leg.incoming
        if stream.sound_tap is not self.tap:
            stream.settle()
            stream.sound_tap = self.tap

    def stop(self) -> None:
        if self.leg.incoming.sound_tap is self.tap:
            self.leg.incoming.sound_tap = None


@dataclass(slots=True, eq=False)
class _Pair:
    """Two who hear each other."""

    sides: tuple[_Side, _Side]
    next_at: float
    began: float = 0.0  # of the window that is taken; 0: none is
    is_over: bool = False

    @property
    def is_joined(self) -> bool:
        """Whether they still hear each other."""
        a, b = (side.leg for side in self.sides)
        return a.playout.hearing is b.incoming and b.playout.hearing is a.incoming


_Work: TypeAlias = Callable[[], list[tuple[_Side, SoundFinding | bool]]]


class SoundWatch:
    """The talks of a worker. `emit` takes the events for the engine.

    Every stream is left to the relay between two windows.
    """

    def __init__(self, settings: SoundSettings, emit: Callable[[Event], None]) -> None:
        self._settings = settings
        self._emit = emit
        self._pairs: dict[PeerStream, _Pair] = {}  # by the stream of the first side
        self._figures: dict[PeerStream, list[SoundFinding]] = {}
        self._work: SimpleQueue[tuple[_Pair, _Work] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scanned_at = self._flushed_at = 0.0

    def frame(self, now: float, legs: Iterable[WatchedLeg]) -> None:
        """To be called about every 20 to 100 ms, on the event loop."""
        if not self._settings.is_wanted:
            return
        if now - self._scanned_at >= _SCAN_S:
            self._scanned_at = now
            self._scan(now, legs)
        if self._settings.voice and now - self._flushed_at >= _FLUSH_S:
            self._flushed_at = now
            self._each_pair(self._flush)
        self._each_pair(lambda pair: self._look_at_window(pair, now))

    def _each_pair(self, act: Callable[[_Pair], None]) -> None:
        each_alone([pair for pair in self._pairs.values() if not pair.is_over], act, self._give_up)

    def _look_at_window(self, pair: _Pair, now: float) -> None:
        if pair.began and now - pair.began >= self._settings.window_s:
            self._end_window(pair, now)
        elif not pair.began and now >= pair.next_at:
            self._begin_window(pair, now)

    def _scan(self, now: float, legs: Iterable[WatchedLeg]) -> None:
        """Find out who has begun to talk, and who does no more."""
        for pair in [pair for pair in self._pairs.values() if not pair.is_joined]:
            self._forget(pair)
        by_stream = {leg.incoming: leg for leg in legs}

        def begin(leg: WatchedLeg) -> None:
            stream, hearing = leg.incoming, leg.playout.hearing
            if hearing is None or stream in self._pairs or hearing in self._pairs:
                return
            other = by_stream.get(hearing)
            if other is not None and other.playout.hearing is stream:
                self._begin(leg, other, now)

        each_alone(by_stream.values(), begin, ignore)

    def _begin(self, leg: WatchedLeg, other: WatchedLeg, now: float) -> None:
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._run, name="sound watch", daemon=True)
            self._thread.start()
        settings = self._settings
        sides = (_Side(leg, settings, now), _Side(other, settings, now))
        every_s = settings.every_s
        # Not all at once: each talk has a moment of its own.
        first_s = zlib.crc32(leg.name.encode()) % 100 / 100 * every_s if every_s else float("inf")
        self._pairs[leg.incoming] = _Pair(sides, now + first_s)
        if settings.voice:
            for side in sides:
                side.listen()

    def _forget(self, pair: _Pair) -> None:
        pair.is_over = True
        for side in pair.sides:
            side.stop()
        del self._pairs[pair.sides[0].leg.incoming]

    def fill(self, stream: PeerStream, stats: LegStats) -> None:
        """Add what was found of a leg to its figures: the newest of each kind."""
        for one in self._figures.get(stream, ()):
            match one:
                case OneWay():
                    stats.one_way = one.cause
                case Clipped():
                    stats.clipped = one.share
                case Echo():
                    stats.echo_ms, stats.echo_db = one.delay_ms, one.level_db

    def leg_closed(self, stream: PeerStream) -> None:
        """A leg is about to be closed."""
        for pair in [*self._pairs.values()]:
            if any(side.leg.incoming is stream for side in pair.sides):
                self._forget(pair)

    def forget(self, stream: PeerStream) -> None:
        """The figures of a leg are wanted no more."""
        self._figures.pop(stream, None)

    def close(self) -> None:
        """End the thread."""
        for pair in [*self._pairs.values()]:
            self._forget(pair)
        if self._thread is not None:
            self._work.put(None)
            self._thread.join(1.0)

    # -- windows ------------------------------------------------------------------------------

    def _begin_window(self, pair: _Pair, now: float) -> None:
        pair.began = now
        pair.next_at = now + self._settings.every_s
        for side in pair.sides:
            side.window.clear()
            if not self._settings.voice:
                side.tap.packets.clear()
            side.listen()

    def _flush(self, pair: _Pair) -> None:
        """Have the thread look for speech in what has come since."""
        packets = [side.tap.take_packets() for side in pair.sides]
        for side, those in zip(pair.sides, packets, strict=True):
            if pair.began:
                side.window += those[: _MOST_PACKETS - len(side.window)]

        def look() -> list[tuple[_Side, SoundFinding | bool]]:
            return [
                (side, change)
                for side, those in zip(pair.sides, packets, strict=True)
                for change in _changes(side.voice, those)
            ]

        self._give(pair, look)

    def _end_window(self, pair: _Pair, now: float) -> None:
        settings, began = self._settings, pair.began
        pair.began = 0.0
        if settings.voice:
            self._flush(pair)
        taken = [
            (
                side.window + side.tap.take_packets(),
                side.leg.incoming.heard_at >= began,
                side.leg.incoming.is_two_way,
            )
            for side in pair.sides
        ]
        for side in pair.sides:
            side.window = []
            if not settings.voice:
                side.stop()

        def look() -> list[tuple[_Side, SoundFinding | bool]]:
            windows = [
                look_at(packets, began, now, has_other_packets=has_come)
                for packets, has_come, _ in taken
            ]
            is_expected = all(is_two_way for *_, is_two_way in taken)
            found: list[tuple[_Side, SoundFinding | bool]] = []
            for side, own, other in zip(pair.sides, windows, reversed(windows), strict=True):
                new = side.judge.add_windows(own, other, now, is_expected=is_expected)
                found += [(side, one) for one in new]
            return found

        self._give(pair, look)

    # -- the thread ---------------------------------------------------------------------------

    def _give(self, pair: _Pair, work: _Work) -> None:
        if self._work.qsize() < MOST_WAITING:
            self._work.put((pair, work))

    def _run(self) -> None:
        assert self._loop is not None
        go_first(Turn.HELPER)
        while (work := self._work.get()) is not None:
            each_alone([work], self._look, lambda work: self._tell(work[0], self._give_up))

    def _look(self, work: tuple[_Pair, _Work]) -> None:
        """In the thread: look at what is there of two who talk."""
        pair, look = work
        found = [] if pair.is_over else look()
        if found:
            self._tell(pair, lambda pair: self._found(pair, found))

    def _tell(self, pair: _Pair, act: Callable[[_Pair], None]) -> None:
        """In the thread: have this done on the loop."""
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop is closed: the worker ends
            self._loop.call_soon_threadsafe(act, pair)

    def _give_up(self, pair: _Pair) -> None:
        """Look at the sound of these two no more, for as long as they talk."""
        if not pair.is_over:
            pair.is_over = True
            for side in pair.sides:
                side.stop()

    def _found(self, pair: _Pair, found: list[tuple[_Side, SoundFinding | bool]]) -> None:
        if pair.is_over:
            return
        for side, one in found:
            if not isinstance(one, bool):
                self._figures.setdefault(side.leg.incoming, []).append(one)
            self._emit(_event(side.leg.name, one))


def _event(leg: str, found: SoundFinding | bool) -> Event:
    match found:
        case bool():
            return VoiceChanged(leg, found)
        case OneWay():
            return OneWayAudio(leg, found.cause, found.for_s)
        case Clipped():
            return SoundClipped(leg, found.share)
        case _:
            return EchoHeard(leg, found.delay_ms, found.level_db)


def _changes(voice: VoiceActivity, packets: list[Packet]) -> list[bool]:
    """When the party begins and stops, in these packets; it also stops where none come."""
    changes = [voice.next_frame(*frame) for frame in frames_of(packets)]
    if not packets:
        changes.append(voice.pause())
    return [change for change in changes if change is not None]
