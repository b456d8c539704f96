"""The legs of one worker and the commands that act on them. Owns everything but the process."""

import asyncio
import random
import secrets
import time
from collections.abc import Callable
from typing import Final

from . import messages as m
from .doors import Doors
from .equipment import Equipment
from .errors import NoPortLeft
from .frames import SpeakingSources
from .leg import Leg
from .library import ClipSource, Library, SourceError, loops
from .playout import Playout
from .ports import PortPool
from .recordings import Recordings
from .relay import Relay
from .settings import MediaSettings
from .sources import Hold, Peer, Ringing, Source
from .stream import OutgoingStream

ROUNDS_PER_VISIT: Final = 10  # each leg is looked after in one of so many ticks of 20 ms


class Switch:
    """All legs of a worker. `report` takes answers and events for the engine.

    Nothing here reads a socket by itself: the owner calls `relay.drain` and `doors.drain` when
    they are readable, and `tick` every 20 ms.
    """

    def __init__(
        self,
        settings: MediaSettings,
        report: Callable[[m.Answer | m.Event], None],
        *,
        rng: random.Random | None = None,
    ) -> None:
        self._settings = settings
        self._report = report
        self._rng = rng or random.SystemRandom()
        low, high = settings.ports
        self._ports = PortPool(
            settings.address, low, high, quarantine_s=settings.quarantine_s, rng=self._rng
        )
        self.relay = Relay()
        self.doors = Doors()
        self._speaking: SpeakingSources[Playout] = SpeakingSources()
        self._equipment = Equipment(
            relay=self.relay,
            doors=self.doors,
            speaking=self._speaking,
            emit=report,
            timeout_s=settings.timeout_s,
            silence_s=settings.silence_s,
            cname=f"{secrets.token_hex(6)}@{settings.address}",
            unix_offset_s=time.time() - time.monotonic(),
            rng=self._rng,
        )
        self._library = Library()
        self._recordings = Recordings(report)
        self._loading: set[asyncio.Task[None]] = set()
        self._plays: dict[Leg, int] = {}  # the newest request to hear, while its clip is loading
        self._legs: dict[str, Leg] = {}
        self._rounds: list[dict[str, Leg]] = [{} for _ in range(ROUNDS_PER_VISIT)]
        self._round = 0
        self._dialling: list[Playout] = []
        self._totals = m.WorkerCounters()

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do for the clock."""
        return not self._legs and not self._ports.quarantined

    async def prepare(self) -> None:
        """Make the sounds that every call may need, before one does."""
        for source in (Hold(), Ringing()):
            await self._library.load(source)

    def execute(self, command: m.Command) -> None:
        """Carry out one command. What names a leg that is gone has no effect."""
        match command:
            case m.Open():
                self._open(command)
            case m.Connect(leg=name):
                if leg := self._legs.get(name):
                    self._connect(leg, command)
            case m.Hear(leg=name, play=play, source=source):
                if leg := self._legs.get(name):
                    self._hear(leg, play, source)
            case m.Bridge(a=a, b=b):
                self._bridge(a, b)
            case m.Close():
                self._close(command)
            case m.SendDigits(leg=name, digits=digits, duration_ms=duration_ms, gap_ms=gap_ms):
                leg = self._legs.get(name)
                if (
                    leg
                    and leg.playout.send_digits(digits, duration_ms, gap_ms)
                    and leg.playout not in self._dialling
                ):
                    self._dialling.append(leg.playout)
            case m.GetStats(request=request, leg=name):
                leg = self._legs.get(name)
                self._report(m.Stats(request, leg.stats() if leg else None))
            case m.GetCounters(request=request):
                self._report(m.Counters(request, self.counters()))
            case m.Record(request=request, a=a, b=b, path=path):
                leg_a, leg_b = self._legs.get(a), self._legs.get(b)
                if leg_a is None or leg_b is None:
                    self._report(m.Refused(request, "unknown_leg", f"{a} or {b} is not open"))
                else:
                    self._recordings.start(request, leg_a, leg_b, path)
            case m.StopRecording(request=request, a=name):
                leg = self._legs.get(name)
                if leg is None:
                    self._report(m.Refused(request, "unknown_leg", f"{name} is not open"))
                else:
                    self._recordings.stop(request, leg)

    def tick(self, now: float) -> None:
        """Send the next frame of everything that speaks, and look after some legs."""
        frames = self._speaking.tick()
        for playout, payload in zip(frames.keys, frames.payloads, strict=True):
            playout.send_frame(payload, now)
        for playout in frames.ended:
            playout.clip_ended()
        if self._dialling:
            for playout in self._dialling:
                playout.send_digit_frame(now)
            self._dialling = [playout for playout in self._dialling if playout.digits]
        self._round = (self._round + 1) % ROUNDS_PER_VISIT
        for leg in self._rounds[self._round].values():
            leg.look_after(now)
        self._recordings.frame(now)
        if self._round == 0:
            self.doors.reopen_due(now)
            self._totals.dropped_late += self._ports.release_due(now)

    def skipped_frames(self, frames: int) -> None:
        """The clock was late by so many whole frames."""
        self._totals.clock_frames_skipped += frames

    def counters(self) -> m.WorkerCounters:
        """The figures of the worker so far."""
        totals, legs = self._totals, self._legs.values()
        return m.WorkerCounters(
            legs=len(legs),
            ports_free=self._ports.free,
            ports_quarantined=self._ports.quarantined,
            dropped_stranger=totals.dropped_stranger + sum(leg.dropped_stranger for leg in legs),
            dropped_garbage=totals.dropped_garbage + sum(leg.dropped_garbage for leg in legs),
            dropped_late=totals.dropped_late + sum(leg.dropped_late for leg in legs),
            clock_frames_skipped=totals.clock_frames_skipped,
        )

    def close(self) -> None:
        """Close every leg and socket."""
        for task in self._loading:
            task.cancel()
        now = time.monotonic()
        self._recordings.close()
        for leg in self._legs.values():
            leg.close(now)
            leg.pair.close()
        self._legs.clear()
        self._ports.close()
        self.relay.close()
        self.doors.close()

    def _open(self, command: m.Open) -> None:
        try:
            pair = self._ports.take()
        except NoPortLeft as error:
            self._report(m.Refused(command.request, "no_port_left", error.reason))
            return
        bits = self._rng.getrandbits(79)
        stream = OutgoingStream(bits & 0xFFFFFFFF, bits >> 32 & 0x7FFF, bits >> 47)
        leg = Leg(command.leg, pair, stream, self._equipment)
        previous = self._legs.get(command.leg)
        if previous is not None:
            self._forget(previous)
        self._legs[command.leg] = leg
        self._rounds[pair.port // 2 % ROUNDS_PER_VISIT][command.leg] = leg
        self._report(m.Opened(command.request, self._settings.address, pair.port))

    def _connect(self, leg: Leg, command: m.Connect) -> None:
        try:
            leg.connect(command, time.monotonic())
        except OSError:
            # No descriptor left. The leg stays deaf, which the engine learns by MediaTimeout or
            # by its own call timers; the other legs and the rest of the frame must go on.
            leg.playout.stream.errors += 1

    def _close(self, command: m.Close) -> None:
        leg = self._legs.get(command.leg)
        stats = None
        if leg is not None:
            self._forget(leg)
            stats = leg.stats()
        self._report(m.Closed(command.request, stats))

    def _forget(self, leg: Leg) -> None:
        now = time.monotonic()
        self._recordings.leg_closed(leg)
        leg.close(now)
        del self._legs[leg.name]
        del self._rounds[leg.pair.port // 2 % ROUNDS_PER_VISIT][leg.name]
        self._plays.pop(leg, None)
        if leg.playout in self._dialling:
            self._dialling.remove(leg.playout)
        self._ports.give_back(leg.pair, now)
        totals = self._totals
        totals.dropped_stranger += leg.dropped_stranger
        totals.dropped_garbage += leg.dropped_garbage
        totals.dropped_late += leg.dropped_late

    def _bridge(self, a: str, b: str) -> None:
        leg_a, leg_b = self._legs.get(a), self._legs.get(b)
        if leg_a is not None and leg_b is not None and leg_a is not leg_b:
            now = time.monotonic()
            self._plays.pop(leg_a, None)
            self._plays.pop(leg_b, None)
            leg_a.playout.hear_peer(leg_b.incoming, now)
            leg_b.playout.hear_peer(leg_a.incoming, now)

    def _hear(self, leg: Leg, play: int, source: Source) -> None:
        self._plays.pop(leg, None)
        if isinstance(source, Peer):
            other = self._legs.get(source.leg)
            if other is None or other is leg:
                leg.playout.hear_silence()
            else:
                leg.playout.hear_peer(other.incoming, time.monotonic())
            return
        clip = self._library.find(source)
        if clip is not None:
            leg.playout.hear_clip(play, clip, loop=loops(source))
            return
        self._plays[leg] = play
        task = asyncio.ensure_future(self._load(leg, play, source))
        self._loading.add(task)
        task.add_done_callback(self._loading.discard)

    async def _load(self, leg: Leg, play: int, source: ClipSource) -> None:
        try:
            clip = await self._library.load(source)
        except SourceError as error:
            if self._plays.get(leg) == play:
                del self._plays[leg]
                leg.playout.hear_silence()
                self._report(m.Played(leg.name, play, str(error)))
            return
        if self._plays.get(leg) == play:
            del self._plays[leg]
            leg.playout.hear_clip(play, clip, loop=loops(source))
