"""The recording of one call: its announcement, its beginning and end, its pauses.

A call has one recording at a time. Whether it begins is never a reason for the call to end.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import ref

import structlog

from media.errors import MediaError
from media.protocol.messages import Recorded, RecordingEnded

from ...errors import EngineError
from ...recordings.entry import (
    AS_CONFIGURED,
    Mark,
    RecordedCall,
    RecordingEntry,
    RecordingOrder,
    Side,
)
from ...store.errors import StoreError
from ..call import Call
from ..leg import Leg
from ..legs.leg_listener import LegListener, ObservedLeg
from ..services import CallServices
from .recording_notice import RecordingNotice

log = structlog.get_logger()


class Recordable(Protocol):
    """The call flow whose talk is recorded."""

    def recorded_legs(self, side: Side, /) -> tuple[Leg, Leg | None]:
        """Who is left and right in the recording; one alone, or one leg twice: see `Record`.

        Raises EngineError `state` while nobody talks.
        """

    def listeners(self) -> Sequence[Leg]:
        """Everybody who is to hear the announcement."""

    def hear_again(self) -> None:
        """Let everybody hear what they heard before the announcement."""

    def publish(self, kind: str, **fields: Any) -> None:
        """Publish an event of the call."""

    def on_recording(self, path: str | None) -> None:
        """The call is recorded to `path`; None where that has failed."""


@dataclass(eq=False, slots=True)
class _Silence:
    """A reason for silence, and which recording has paused for it."""

    reason: str
    entry: RecordingEntry | None = None


class CallRecording(LegListener):
    """Records the calls of one flow, one after the other."""

    def __init__(self, call: Call, services: CallServices, flow: Recordable) -> None:
        self._call = call
        self._services = services
        # The flow has its recording, which keeps it only while there is something to publish: a
        # call that is over is freed at once.
        self._flow_while_up = ref(flow)
        self._kept_flow: Recordable | None = None
        self._entry: RecordingEntry | None = None
        self._leg = ""
        self._stopping: asyncio.Task[None] | None = None
        self._notice = RecordingNotice("", services.announcer)
        self._watched: list[Leg] = []
        self._starting = False
        self.is_wanted = False
        """Whether it was begun, and has neither failed since nor been ended by command."""
        self._is_told = False  # the worker knows of it, and can pause
        self._has_begun = False
        self._pauses = 0
        self._silences: list[_Silence] = []

    @property
    def _flow(self) -> Recordable:
        flow = self._flow_while_up()
        assert flow is not None
        return flow

    @property
    def leg_id(self) -> str:
        """See RecordingUnderWay."""
        return self._leg

    @property
    def entry(self) -> RecordingEntry | None:
        """What is recorded now; None where nothing is."""
        return self._entry

    # -- beginning ----------------------------------------------------------------------------

    async def announce(self, legs: Sequence[Leg], order: RecordingOrder = AS_CONFIGURED) -> bool:
        """Let the parties hear that they are recorded. False: it was not heard, so do not record.

        True at once where there is no announcement. Why it was not heard is published.
        """
        text = order.announcement or self._services.recordings.settings.announcement
        self._notice = RecordingNotice(text, self._services.announcer)
        reason = await self._notice.give(legs)
        if reason is not None:
            self._refuse(reason)
        return reason is None

    @property
    def is_announced(self) -> bool:
        """Whether the parties are told that they are recorded."""
        return not self._notice.is_empty

    def must_tell(self, leg: Leg) -> bool:
        """Whether the party of a leg must hear of the recording before it joins the call."""
        is_recorded = self._entry is not None and self._stopping is None
        return (is_recorded or self._starting) and self._notice.is_due(leg)

    async def tell(self, leg: Leg) -> bool:
        """Let the party of a leg hear that the call is recorded. False: they have not heard it."""
        if await self._notice.give([leg]) is not None:
            return False
        self._watch(leg)
        return True

    async def tell_or_end(self, leg: Leg) -> None:
        """The same. Where they have not heard it, the recording ends, and the talk goes on."""
        if await self.tell(leg) or leg.hangup_cause is not None:
            return
        if self._entry is not None and self._stopping is None:
            self._entry.reason = f"leg {leg.id} has not heard that the call is recorded"
        await self.stop()

    async def start(self, order: RecordingOrder = AS_CONFIGURED) -> None:
        """Begin, without an announcement. Where that fails, `recording.failed` says why."""
        if self._entry is not None:
            return
        self.is_wanted = True
        library = self._services.recordings
        left, right = self._flow.recorded_legs(order.side)
        try:
            entry = library.begin(
                self._facts(), format=order.format, channels=order.channels, side=order.side
            )
        except OSError as error:
            self._refuse(f"{library.directory}: {error.strerror or error}")
            return
        except StoreError as error:
            self._refuse(error.message)
            return
        self._entry, self._leg, self._stopping, self._pauses = entry, left.id, None, 0
        self._is_told = self._has_begun = False
        self._kept_flow = self._flow
        for leg in (left, right):
            if leg is not None:
                self._watch(leg)
        key = str(entry.written.absolute())
        self._services.registry.recordings[key] = self
        try:
            await self._services.gathers.begins_recording(self)
            await self._services.media.record(
                left.id,
                "" if right is None else right.id,
                key,
                channels=entry.channels,
                min_free_bytes=library.settings.min_free_mib << 20,
                begins_paused=lambda: self._begins_paused(entry),
            )
        except MediaError as error:
            self._services.recordings.forget(entry)
            self._forget(entry)
            self._refuse(str(error), entry)
            return
        except asyncio.CancelledError:  # the call is over; what there is of it is completed
            self._began(entry)
            raise
        self._began(entry)

    def _begins_paused(self, entry: RecordingEntry) -> bool:
        """Whether it is silent from its beginning; asked as the worker is told of it."""
        self._is_told, self._pauses = True, len(self._silences)
        for silence in self._silences:
            silence.entry = entry
        if self._silences:
            entry.marks = [Mark("paused", 0.0, self._silences[0].reason)]
        return bool(self._silences)

    def _began(self, entry: RecordingEntry) -> None:
        if self._entry is entry:
            self._has_begun = True
            self._services.recordings.save(entry)
            self._flow.publish(
                "recording.started",
                recording=entry.id,
                path=entry.path,
                format=entry.format,
                channels=entry.channels,
                side=entry.side,
            )
            for mark in entry.marks:  # of while the file was made
                self._publish_mark(entry, mark)
            self._flow.on_recording(entry.path)

    async def start_by_command(self, order: RecordingOrder) -> RecordingEntry:
        """Announce it to who talks, and begin. Raises EngineError `state`, `unavailable`.

        `stop` before it has begun ends it as well.
        """
        if self._entry is not None or self._starting:
            raise EngineError("state", f"call {self._call.id} is being recorded", field="call")
        flow = self._flow  # it may be over before the announcement is
        parties, told = flow.recorded_legs(order.side), flow.listeners()
        self._starting = self.is_wanted = True
        try:
            heard = True
            if order.announcement or self._services.recordings.settings.announcement:
                heard = await self._announced(order)
            if heard:
                if not self.is_wanted:
                    raise EngineError("state", "it was stopped before it began", field="call")
                has_changed = flow.recorded_legs(order.side) != parties
                come = [leg for leg in flow.listeners() if leg not in told and self.must_tell(leg)]
                if come or has_changed:
                    raise EngineError("state", "the parties have changed meanwhile", field="call")
                await self.start(order)
        finally:
            self._starting = False
        if self._entry is None:
            reason = "it is not recorded: recording.failed says why"
            raise EngineError("unavailable", f"call {self._call.id}: {reason}", field="call")
        return self._entry

    async def _announced(self, order: RecordingOrder) -> bool:
        try:
            return await self.announce(self._flow.listeners(), order)
        finally:
            self._flow.hear_again()

    # -- pauses -------------------------------------------------------------------------------

    async def pause(self, reason: str | None = None) -> RecordingEntry:
        """Let there be silence in the recording from now on. Raises EngineError `state`."""
        return await self._pause(reason, pauses=True)

    async def resume(self, reason: str | None = None) -> RecordingEntry:
        """Go on. A pause that was begun twice ends with its second resume.

        Raises EngineError `state` also while a secret is told: what it paused it resumes itself.
        """
        entry = self._entry
        own = sum(1 for silence in self._silences if silence.entry is entry)
        if entry is not None and 0 < self._pauses <= own:
            reason_why = f"recording {entry.id} is paused while a secret is told"
            raise EngineError("state", reason_why, field="call")
        return await self._pause(reason, pauses=False)

    @asynccontextmanager
    async def silenced(self, reason: str) -> AsyncIterator[None]:
        """See Silenced."""
        silence = _Silence(reason)
        self._silences.append(silence)
        try:
            await self._silence(silence)
            yield
        finally:
            self._silences.remove(silence)
            if silence.entry is not None and silence.entry is self._entry:
                with suppress(EngineError):  # it is ending
                    await self._pause(reason, pauses=False)

    async def _silence(self, silence: "_Silence") -> None:
        silence.entry = self._entry
        with suppress(EngineError):  # nothing is recorded
            await self.pause(silence.reason)

    async def _pause(self, reason: str | None, *, pauses: bool) -> RecordingEntry:
        entry = self._entry
        if entry is None or self._stopping is not None or not self._is_told:
            raise EngineError("state", f"call {self._call.id} is not being recorded", field="call")
        if not pauses and not self._pauses:
            raise EngineError("state", f"recording {entry.id} is not paused", field="call")
        before, self._pauses = self._pauses, self._pauses + (1 if pauses else -1)
        if before and self._pauses:
            return entry
        try:
            at = await self._services.media.pause_recording(self._leg, pauses=pauses)
        except MediaError as error:
            self._pauses = before
            raise EngineError("unavailable", str(error), field="call") from error
        mark = Mark("paused" if pauses else "resumed", at.at_s, reason)
        entry.marks = [*entry.marks, mark]
        if self._has_begun:
            self._services.recordings.save(entry)
            self._publish_mark(entry, mark)
        return entry

    def _publish_mark(self, entry: RecordingEntry, mark: Mark) -> None:
        self._flow.publish(
            f"recording.{mark.kind}",
            recording=entry.id,
            path=entry.path,
            at_s=mark.at_s,
            reason=mark.reason,
        )

    # -- the end ------------------------------------------------------------------------------

    def cut(self) -> None:
        """End it here and now: nothing that is said from now on is in it.

        A WAV file is complete, and `recording.ended` published, once `stop` returns.
        """
        entry = self._entry
        if entry is None or self._stopping is not None:
            return
        try:
            stopped = asyncio.ensure_future(self._services.media.stop_recording(self._leg))
        except MediaError as error:
            self._fail(entry, str(error))
            return
        self._stopping = asyncio.get_running_loop().create_task(self._stopped(entry, stopped))

    async def _stopped(self, entry: RecordingEntry, stopped: "asyncio.Future[Recorded]") -> None:
        try:
            done = await stopped
        except MediaError as error:
            self._fail(entry, str(error))
        else:
            self._ended(entry, done.duration_s)
        await self._services.recordings.completed(entry)

    async def stop(self) -> RecordingEntry | None:
        """End it, and wait for its file; None where nothing is recorded."""
        entry, self.is_wanted = self._entry, False
        self.cut()
        await self.stopped()
        return entry

    async def stopped(self) -> None:
        """Wait for the end that is under way, if one is."""
        if self._stopping is not None:
            await asyncio.shield(self._stopping)

    def over(self, event: RecordingEnded) -> None:
        """See RecordingUnderWay."""
        entry = self._entry
        if entry is None:
            return
        if event.error is not None:
            self._fail(entry, event.error)
        elif self._stopping is None:
            self._ended(entry, event.duration_s)

    def _watch(self, leg: Leg) -> None:
        if self._entry is not None and leg not in self._watched:
            self._watched.append(leg)
            leg.listen(self)

    def leg_ended(self, leg: ObservedLeg) -> None:
        """See LegListener. It ends before the leg that has it is closed: a permanent line is at
        once, whatever the call does then."""
        if leg.id == self._leg:
            self.cut()

    def leg_replaced(self, leg: ObservedLeg) -> None:
        """See LegListener. Where parties are told of it, it ends: who is there now has not been.

        A browser that has found its call again is the same party.
        """
        if self.is_announced and not leg.is_taken_over:
            self.cut()

    def _ended(self, entry: RecordingEntry, duration_s: float) -> None:
        if self._entry is entry:
            flow = self._flow
            self._forget(entry)
            self._services.recordings.ended(entry, duration_s, flow.publish)

    def _refuse(self, reason: str, entry: RecordingEntry | None = None) -> None:
        """Nothing is recorded. `entry` is what would have been."""
        self.is_wanted = False
        log.error("recording_failed", call=self._call.id, reason=reason)
        about = {} if entry is None else {"recording": entry.id, "path": entry.path}
        self._flow.publish("recording.failed", **about, reason=reason)
        self._flow.on_recording(None)

    def _fail(self, entry: RecordingEntry, reason: str) -> None:
        if self._entry is entry:
            flow, self.is_wanted = self._flow, False
            self._forget(entry)
            recordings = self._services.recordings
            recordings.failed(entry, reason, flow.publish)
            if self._stopping is None:
                completed = recordings.completed(entry)
                self._stopping = asyncio.get_running_loop().create_task(completed)
            flow.on_recording(None)

    def _forget(self, entry: RecordingEntry) -> None:
        while self._watched:
            self._watched.pop().forget(self)
        self._entry = self._kept_flow = None
        self._services.registry.recordings.pop(str(entry.written.absolute()), None)

    def _facts(self) -> RecordedCall:
        about = self._call.about
        return RecordedCall(
            call=self._call.id,
            job=self._call.job_id,
            direction=self._call.direction,
            site=self._call.site,
            queue=about.get("queue"),
            agent=about.get("agent"),
            number=about.get("number"),
            context=about.get("context") or {},
        )
