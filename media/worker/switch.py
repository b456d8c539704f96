"""The legs of one worker and the commands that act on them. Owns everything but the process."""

import math
import random
import secrets
import struct
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from ..errors import NoPortLeft
from ..isolation import FAULT, each_alone, ignore
from ..protocol import messages as m
from ..rtp.outgoing_stream import FRAME_S, OutgoingStream
from ..rtp.rtcp import Cname
from ..settings import MediaSettings
from ..sound.clip import Clip
from ..sound.clip_library import Library
from ..sound.dtmf.tones import dtmf_clip
from ..sound.form import WIDE
from ..sound.frames import SpeakingSources
from ..sound.mixed_clip import MixedClip
from ..sources import Mix, Peer
from .announcing.clip_loading import ClipLoading
from .announcing.mixed_legs import MixedLegs
from .clocked_playouts import ClockedPlayouts
from .context import WorkerContext
from .detecting.detections import Detections
from .detecting.sound_watch import SoundWatch
from .leg import MediaLeg
from .mixing.mixer import Mixer
from .mixing.speaker import Speaker
from .pauses import GAP_FILL_S
from .playout import Playout
from .ports.listeners import Listeners
from .ports.port_pool import PortPool
from .ports.port_pools import PortPools
from .recording.recordings import Recordings
from .relay import Relay

# SSRC, sequence number and timestamp to begin at: random (RFC 3550 section 5.1), drawn in bulk.
_BEGINNING: Final = struct.Struct("!IHI")
_BEGINNINGS: Final = 100

ROUNDS_PER_VISIT: Final = 5  # each leg is looked after in one of this many frames of 20 ms
QUIET_FRAMES: Final = 5  # from one tick to the next while no frame is sent: wakes are dear


class Switch:
    """All legs of a worker. `report` takes answers and events for the engine.

    Nothing here reads a socket by itself: the owner calls `relay.drain` and `listeners.drain` when
    they are readable, and `tick` every 20 ms. A packet may bring work for the next frame while the
    clock rests: then `wake` is called.
    """

    def __init__(
        self,
        settings: MediaSettings,
        report: Callable[[m.Answer | m.Event], None],
        *,
        rng: random.Random | None = None,
        relay: Relay | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._report = report
        self._rng = rng or random.SystemRandom()
        self._beginnings: Iterator[tuple[int, int, int]] = iter(())
        make = partial(
            PortPool,
            settings.address,
            quarantine_s=settings.quarantine_s,
            dscp=settings.dscp,
            rng=self._rng,
        )
        self._ports = PortPools(make(*settings.ports), make)
        self.relay = relay or Relay()
        self.listeners = Listeners()
        self._speaking: SpeakingSources[Playout] = SpeakingSources()
        self._mixer = Mixer(self._fail)
        self._context = WorkerContext(
            relay=self.relay,
            listeners=self.listeners,
            speaking=self._speaking,
            clocked=ClockedPlayouts(wake),
            emit=report,
            failed=self._fail,
            timeout_s=settings.timeout_s or math.inf,
            silence_s=settings.silence_s or math.inf,
            sleep_s=settings.sleep_s,
            cname=Cname(f"{secrets.token_hex(6)}@{settings.address}"),
            unix_offset_s=time.time() - time.monotonic(),
            rng=random.Random(self._rng.getrandbits(64)),
            tells_rtcp=settings.tells_rtcp,
            poor_mos=settings.poor_mos,
            good_mos=settings.good_mos,
            mixer=self._mixer,
        )
        self._library = Library(settings.loudness_lufs)
        self._clips = ClipLoading(self._library, report)
        self._recordings = Recordings(report)
        self._detections = Detections(report)
        self._sound_watch = SoundWatch(settings.sound, report)
        self._legs: dict[str, MediaLeg] = {}
        self._rounds: list[dict[str, MediaLeg]] = [{} for _ in range(ROUNDS_PER_VISIT)]
        self._round = 0
        self._ticked_at = 0.0
        self._dialling: list[Playout] = []
        self._mixing = MixedLegs(self._clips.awaits, self._fail)
        self._failed: set[object] = set()  # the playouts, and the legs, of legs to be ended
        self._totals = m.WorkerCounters()
        self._carry_out: dict[type[m.Command], Callable[[Any], None]] = {
            m.Open: self._open,
            m.Connect: self._connect,
            m.Hear: self._hear,
            m.Bridge: self._bridge,
            m.SendDigits: self._send_digits,
            m.Record: self._record,
            m.StopRecording: self._stop_recording,
            m.PauseRecording: self._pause_recording,
            m.Close: self._close,
            m.GetStats: self._get_stats,
            m.GetCounters: self._get_counters,
            m.SetAside: self._set_aside,
            m.Announce: self._announce,
            m.StopAnnouncement: self._stop_announcement,
            m.Signal: self._signal,
            m.BlockKeys: self._block_keys,
            m.KeepReady: self._keep_ready,
            m.Detect: self._detect,
            m.StopDetecting: self._stop_detecting,
            m.HearWords: self._hear_words,
        }

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do for the clock."""
        return not self._legs and not self._ports.quarantined

    @property
    def has_legs(self) -> bool:
        """Whether any leg is open."""
        return bool(self._legs)

    def prepare(self) -> None:
        """Bind the ports that calls may need, before one does."""
        self._ports.shared.stock()

    def execute(self, command: m.Command) -> None:
        """Carry out one command. What names a leg that is gone has no effect."""
        each_alone([command], self._carry_out[type(command)], self._command_failed)

    def _command_failed(self, command: m.Command) -> None:
        """What asks gets an answer; otherwise the legs that it is about are not as they should."""
        request = getattr(command, "request", None)
        if request is not None:
            self._report(m.Refused(request, "failed", FAULT))
            return
        for name in (getattr(command, field, None) for field in ("leg", "a", "b")):
            if isinstance(name, str) and name in self._legs:
                self._fail(self._legs[name])

    def tick(self, now: float) -> int:
        """Send the next frame of everything that speaks, and look after some legs.

        Returns how many frames may pass until the next tick; 0 where there is nothing to do at all.
        """
        self._mixing.frame(now)
        each_alone(self._context.clocked, lambda playout: playout.send_due(now), self._fail)
        frames = self._speaking.tick()
        self._failed.update(frames.failed)
        for playout, before in frames.before.items():
            playout.rise_from(before)
        each_alone(
            zip(frames.keys, frames.payloads, strict=True),
            lambda each: each[0].send_frame(each[1], now),
            lambda each: self._fail(each[0]),
        )
        each_alone(frames.ended, lambda playout: playout.clip_ended(), self._fail)
        self._mixer.tick(now)
        if self._dialling:
            each_alone(self._dialling, lambda playout: playout.send_digit_frame(now), self._fail)
            self._dialling = [playout for playout in self._dialling if playout.dialling]
        passed, self._ticked_at = round((now - self._ticked_at) / FRAME_S), now
        for _ in range(min(max(1, passed), ROUNDS_PER_VISIT)):
            self._next_round(now)
        self._recordings.frame(now)
        self._detections.frame(now)
        self._sound_watch.frame(now, self._legs.values())
        if self._failed:
            self._end_failed()
        if self.idle:
            return 0
        return 1 if self._has_sound else QUIET_FRAMES

    @property
    def _has_sound(self) -> bool:
        """Whether anything is to be sent or recorded frame by frame, now or soon."""
        is_speaking = self._speaking or self._dialling or self._mixing or self._mixer
        return bool(is_speaking or self._context.clocked or self._recordings or self._clips)

    def _next_round(self, now: float) -> None:
        self._round = (self._round + 1) % ROUNDS_PER_VISIT
        # Nearly every leg is healthy, and is passed over without a call.
        due = [
            leg
            for leg in self._rounds[self._round].values()
            if now - leg.incoming.flow.heard_at >= GAP_FILL_S or now >= leg.look_at
        ]
        each_alone(due, lambda leg: leg.look_after(now), self._fail)
        if self._round == 0:
            self.listeners.reopen_due(now)
            self._totals.dropped_late += self._ports.release_due(now)

    def _fail(self, part: object) -> None:
        """This leg, or a part of it, has failed: it ends with the frame."""
        self._failed.add(part.source if isinstance(part, Speaker) else part)

    def _end_failed(self) -> None:
        failed, self._failed = self._failed, set()
        for leg in tuple(self._legs.values()):
            if not failed.isdisjoint((leg, leg.playout, leg.incoming)):
                name = leg.name
                each_alone([leg], lambda leg: self._end(leg, FAULT), ignore)
                self._report(m.LegFailed(name))

    def skipped_frames(self, frames: int) -> None:
        """The clock was late by this many whole frames."""
        self._totals.clock_frames_skipped += frames

    def counters(self) -> m.WorkerCounters:
        """The figures of the worker so far."""
        totals, legs = self._totals, self._legs.values()
        return m.WorkerCounters(
            legs=len(legs),
            ports_free=self._ports.shared.free,
            ports_quarantined=self._ports.quarantined,
            dropped_stranger=totals.dropped_stranger + sum(leg.dropped_stranger for leg in legs),
            dropped_garbage=totals.dropped_garbage + sum(leg.dropped_garbage for leg in legs),
            dropped_late=totals.dropped_late
            + self.relay.dropped_late
            + sum(leg.dropped_late for leg in legs),
            dropped_overflow=self.relay.dropped_overflow,
            clock_frames_skipped=totals.clock_frames_skipped,
            relay=self.relay.implementation.name,
        )

    def describe(self, welcome: m.Welcome) -> None:
        """Say how everything is, for an engine that comes."""
        names = {leg.incoming: leg.name for leg in self._legs.values()}
        welcome.aside = self._ports.shared.aside
        for leg in self._legs.values():
            state = leg.state(names, self._recordings.path_of(leg))
            state.mixed = tuple(names[one] for one in leg.sound.own().mixed if one in names)
            state.keeps_keys = leg.incoming.keeps_keys
            state.is_paused = self._recordings.is_paused(leg)
            state.is_detecting = leg.incoming.detection is not None
            self._clips.describe(leg, state)
            welcome.legs.append(state)

    def close(self) -> None:
        """Close every leg and socket."""
        self._clips.close()
        now = time.monotonic()
        self._recordings.close()
        self._detections.close()
        self._sound_watch.close()
        each_alone(self._legs.values(), lambda leg: leg.close(now), ignore)
        each_alone(self._legs.values(), lambda leg: leg.pair.close(), ignore)
        self._legs.clear()
        self._ports.close()
        self.relay.close()
        self.listeners.close()

    def _open(self, command: m.Open) -> None:
        try:
            if command.port:
                pair = self._ports.shared.take_aside(command.port)
            else:
                pair = self._ports.take_pair(command.ports)
        except NoPortLeft as error:
            self._report(m.Refused(command.request, "no_port_left", error.reason))
            return
        leg = MediaLeg(command.leg, pair, self._new_stream(), self._context)
        previous = self._legs.get(command.leg)
        if previous is not None:
            self._forget(previous)
            self._sound_watch.forget(previous.incoming)
            previous.dispose()
        self._legs[command.leg] = leg
        self._rounds[pair.port // 2 % ROUNDS_PER_VISIT][command.leg] = leg
        if not command.port:
            self._report(m.Opened(command.request, self._settings.address, pair.port))

    def _set_aside(self, command: m.SetAside) -> None:
        ports = self._ports.shared.set_aside(command.count)
        self._report(m.Aside(command.request, self._settings.address, ports))

    def _new_stream(self) -> OutgoingStream:
        beginning = next(self._beginnings, None)
        if beginning is None:
            size = _BEGINNING.size * _BEGINNINGS
            self._beginnings = _BEGINNING.iter_unpack(self._rng.randbytes(size))
            beginning = next(self._beginnings)
        ssrc, sequence, timestamp = beginning
        return OutgoingStream(ssrc, sequence & 0x7FFF, timestamp)

    def _connect(self, command: m.Connect) -> None:
        leg = self._legs.get(command.leg)
        if leg is None:
            return
        try:
            leg.connect(command, time.monotonic())
        except OSError:
            # No descriptor left. The leg stays deaf, which the engine learns by MediaTimeout or
            # by its own call timers; the other legs and the rest of the frame must go on.
            leg.playout.stream.errors += 1
        self._recordings.described(leg, is_away=command.direction != "sendrecv")
        if leg.playout.form == WIDE:
            self._clips.keep_ready_wide()

    def _close(self, command: m.Close) -> None:
        leg = self._legs.get(command.leg)
        stats = None
        if leg is not None:
            stats = self._end(leg)
        self._report(m.Closed(command.request, stats))

    def _end(self, leg: MediaLeg, failure: str | None = None) -> m.LegStats:
        self._forget(leg, failure)
        stats = self._stats(leg)
        self._sound_watch.forget(leg.incoming)
        leg.dispose()
        return stats

    def _forget(self, leg: MediaLeg, failure: str | None = None) -> None:
        """Close a leg, and take it from everything that knows it, whichever of that fails."""
        now = time.monotonic()
        del self._legs[leg.name]
        del self._rounds[leg.pair.port // 2 % ROUNDS_PER_VISIT][leg.name]
        if leg.playout in self._dialling:
            self._dialling.remove(leg.playout)
        self._mixing.forget_leg(leg)
        steps: tuple[Callable[[], object], ...] = (
            lambda: self._recordings.leg_closed(leg, failure),
            lambda: self._detections.stop(leg.incoming),
            lambda: self._sound_watch.leg_closed(leg.incoming),
            lambda: self._mixer.leave(leg.playout, now),
            lambda: leg.close(now),
            lambda: self._clips.leg_closed(leg),
            lambda: self._ports.give_back(leg.pair, now),
        )
        each_alone(steps, lambda step: step(), ignore)
        totals = self._totals
        totals.dropped_stranger += leg.dropped_stranger
        totals.dropped_garbage += leg.dropped_garbage
        totals.dropped_late += leg.dropped_late

    def _bridge(self, command: m.Bridge) -> None:
        a, b = self._legs.get(command.a), self._legs.get(command.b)
        if a is not None and b is not None and a is not b:
            now = time.monotonic()
            for leg, other in ((a, b), (b, a)):
                self._clips.forget_own(leg)
                leg.playout.is_asking = False
                leg.sound.hear_peer(other.incoming, now)

    def _hear(self, command: m.Hear) -> None:
        leg, source = self._legs.get(command.leg), command.source
        if leg is None:
            return
        leg.playout.is_asking = isinstance(source, Peer) and source.is_asking
        if not isinstance(source, Peer | Mix):
            self._clips.hear(leg, command.play, source)
            return
        self._clips.forget_own(leg)
        now = time.monotonic()
        wanted = (source.leg,) if isinstance(source, Peer) else source.legs
        found = [self._legs.get(name) for name in dict.fromkeys(wanted)]
        others = [other.incoming for other in found if other is not None and other is not leg]
        if isinstance(source, Mix):
            leg.sound.hear_mix(others, now)
        elif others:
            leg.sound.hear_peer(others[0], now, patient=True)
        else:
            leg.sound.hear_silence(now)

    def _announce(self, command: m.Announce) -> None:
        leg = self._legs.get(command.leg)
        if leg is None or isinstance(command.source, Peer | Mix):
            self._report(m.Played(command.leg, command.play, end="leg_ended"))
            return
        self._clips.announce(leg, command, command.source)
        if command.mix:
            self._mixing.add_leg(leg)

    def _signal(self, command: m.Signal) -> None:
        def use(clip: Clip) -> None:
            if (leg := self._legs.get(command.leg)) is not None:
                self._mixing.mix(leg, MixedClip(clip))

        self._clips.use(command.source, use)

    def _stop_announcement(self, command: m.StopAnnouncement) -> None:
        if (leg := self._legs.get(command.leg)) is not None:
            self._clips.stop(leg, command.play)

    def _keep_ready(self, command: m.KeepReady) -> None:
        self._clips.keep_ready(
            [source for source in command.sources if not isinstance(source, Peer | Mix)]
        )

    def _block_keys(self, command: m.BlockKeys) -> None:
        if (leg := self._legs.get(command.leg)) is not None:
            leg.incoming.settle()
            leg.incoming.keeps_keys = command.is_blocked

    def _detect(self, command: m.Detect) -> None:
        if (leg := self._legs.get(command.leg)) is not None:
            self._detections.start(
                leg.name, leg.incoming, command.limits, time.monotonic(), command.phrases
            )

    def _hear_words(self, command: m.HearWords) -> None:
        leg = self._legs.get(command.leg)
        if leg is not None:
            self._detections.hear_words(leg.incoming, command.text, is_final=command.is_final)

    def _stop_detecting(self, command: m.StopDetecting) -> None:
        leg = self._legs.get(command.leg)
        if leg is not None:
            self._detections.stop(leg.incoming)

    def _send_digits(self, command: m.SendDigits) -> None:
        leg = self._legs.get(command.leg)
        if leg is not None and leg.incoming.tones is not None:
            clip = dtmf_clip(command.digits, command.duration_ms, command.gap_ms)
            self._mixing.mix(leg, MixedClip(clip, under=0.0))
        elif (
            leg is not None
            and leg.playout.send_digits(command.digits, command.duration_ms, command.gap_ms)
            and leg.playout not in self._dialling
        ):
            self._dialling.append(leg.playout)

    def _record(self, command: m.Record) -> None:
        a, b = self._legs.get(command.a), self._legs.get(command.b)
        if a is None or (b is None and command.b):
            reason = f"{command.a} or {command.b} is not open"
            self._report(m.Refused(command.request, "unknown_leg", reason))
        else:
            self._recordings.start(command, a, b)

    def _stop_recording(self, command: m.StopRecording) -> None:
        leg = self._legs.get(command.a)
        if leg is None:
            self._report(m.Refused(command.request, "unknown_leg", f"{command.a} is not open"))
        else:
            self._recordings.stop(command.request, leg)

    def _pause_recording(self, command: m.PauseRecording) -> None:
        leg = self._legs.get(command.a)
        if leg is None:
            self._report(m.Refused(command.request, "unknown_leg", f"{command.a} is not open"))
        else:
            self._recordings.pause(command.request, leg, pauses=command.pauses)

    def _get_stats(self, command: m.GetStats) -> None:
        leg = self._legs.get(command.leg)
        self._report(m.Stats(command.request, None if leg is None else self._stats(leg)))

    def _stats(self, leg: MediaLeg) -> m.LegStats:
        stats = leg.stats()
        self._sound_watch.fill(leg.incoming, stats)
        return stats

    def _get_counters(self, command: m.GetCounters) -> None:
        self._report(m.Counters(command.request, self.counters()))
