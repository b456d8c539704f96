"""The recordings under way in a worker, and the thread that writes them."""

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from time import monotonic
from typing import Any, Final

from ...isolation import FAULT, each_alone, fault, ignore
from ...protocol import messages as m
from ...rtp.rtp import CLOCK_HZ
from ...sound.form import WIDE
from ..leg import MediaLeg
from .disk_thread import DiskThread
from .recorder import MAX_PENDING_FRAMES, Recording

WRITE_INTERVAL_FRAMES: Final = 50  # each file; every frame it is the turn of others

# The call goes on meanwhile, but is not known to be recorded.
OPEN_DEADLINE_S: Final = 5.0
WRITE_DEADLINE_S: Final = 60.0
ABANDON_DEADLINE_S: Final = 5.0
# For all files together at the end of the worker, which is killed soon after (client.py).
CLOSE_DEADLINE_S: Final = 1.5


class Recordings:
    """Starts, feeds and ends recordings. `report` takes answers and events for the engine.

    Nothing here waits for the disk but `close`. What a recording asks of the thread is done in the
    order of asking, so that all of it may be asked for before the file is open.
    """

    def __init__(self, report: Callable[[m.Answer | m.Event], None]) -> None:
        self._report = report
        self._by_leg: dict[MediaLeg, Recording] = {}
        self._legs: dict[Recording, tuple[MediaLeg, MediaLeg | None]] = {}
        self._away: set[MediaLeg] = set()
        self._disk = DiskThread("recorder")
        self._tasks: set[asyncio.Task[None]] = set()
        # Written all at once, fifty files would keep the interpreter from the packets for 10 ms.
        self._turns: tuple[dict[Recording, None], ...] = tuple(
            {} for _ in range(WRITE_INTERVAL_FRAMES)
        )
        self._turn = 0

    def __bool__(self) -> bool:
        """Whether anything is being recorded."""
        return bool(self._legs)

    def start(self, command: m.Record, a: MediaLeg, b: MediaLeg | None) -> None:
        """Record `a` and `b` from now on; answered once the file is there.

        Without `b` it is what the peer of `a` says alone; where both are one leg, also what it
        hears. It has 16 kHz where one of them can hear as much.
        """
        request, path = command.request, command.path
        if a in self._by_leg or b in self._by_leg:
            self._report(m.Refused(request, "recording_failed", "the leg is being recorded"))
            return
        recording = Recording(
            path,
            monotonic(),
            sides=1 if b is None else 2,
            channels=command.channels,
            min_free_bytes=command.min_free_bytes,
            is_wide=any(leg is not None and leg.playout.form == WIDE for leg in (a, b)),
        )
        self._legs[recording] = (a, b)
        min(self._turns, key=len)[recording] = None
        self._by_leg[a] = recording
        if b is not None:
            self._by_leg[b] = recording
        recording.paused = command.is_paused
        if not recording.paused:
            self._listen(recording)
        self._spawn(self._opened(recording, self._disk.ask(recording.writer.open), request))

    def pause(self, request: int, leg: MediaLeg, *, pauses: bool) -> None:
        """Let there be silence in the recording of `leg` from now on, or no longer."""
        recording = self._by_leg.get(leg)
        if recording is None:
            self._report(m.Refused(request, "recording_failed", "the leg is not being recorded"))
            return
        if recording.paused != pauses:
            recording.paused = pauses
            if pauses:
                self._leave(*self._legs[recording])
            else:
                self._listen(recording)
        at_s = recording.length_samples(monotonic()) / CLOCK_HZ
        self._report(m.RecordingAt(request, round(at_s, 3)))

    def described(self, leg: MediaLeg, *, is_away: bool) -> None:
        """The party of a leg holds the call, or is on hold: it is silent in a recording, and so is
        the music that it hears."""
        if is_away is (leg in self._away):
            return
        if is_away:
            self._away.add(leg)
        else:
            self._away.discard(leg)
        recording = self._by_leg.get(leg)
        if recording is not None and not recording.paused:
            self._leave(*self._legs[recording])
            self._listen(recording)

    def stop(self, request: int, leg: MediaLeg) -> None:
        """End the recording of `leg`; answered once the file is complete."""
        recording = self._by_leg.get(leg)
        if recording is None:
            self._report(m.Refused(request, "recording_failed", "the leg is not being recorded"))
        else:
            self._end(recording, request)

    def path_of(self, leg: MediaLeg) -> str:
        """Where the leg is recorded to; empty where it is not."""
        recording = self._by_leg.get(leg)
        return "" if recording is None else recording.path

    def is_paused(self, leg: MediaLeg) -> bool:
        """Whether there is silence in the recording of the leg now."""
        recording = self._by_leg.get(leg)
        return recording is not None and recording.paused

    def leg_closed(self, leg: MediaLeg, failure: str | None = None) -> None:
        """A recorded leg is gone: the recording ends by itself. `failure`: as that leg has failed.

        What there is of it is whole in either case.
        """
        self._away.discard(leg)
        recording = self._by_leg.get(leg)
        if recording is not None:
            self._end(recording, None, failure)

    def frame(self, now: float) -> None:
        """To be called every 20 ms; hands over to the thread what is due."""
        self._turn = (self._turn + 1) % WRITE_INTERVAL_FRAMES
        each_alone(
            tuple(self._turns[self._turn]),
            lambda recording: self._write_due(recording, now),
            lambda recording: self._fail(recording, FAULT),
        )

    def _write_due(self, recording: Recording, now: float) -> None:
        if not recording.writing:
            written = self._write(recording, now)
            recording.writing = True
            self._spawn(self._written(recording, written))
        elif recording.pending > MAX_PENDING_FRAMES:
            self._fail(recording, "the file cannot be written fast enough")

    def close(self) -> None:
        """End every recording and wait for the files to be complete, but not for ever."""
        now = monotonic()

        def end(recording: Recording) -> None:
            self._release(recording)
            self._write(recording, now, last=True)

        each_alone(tuple(self._legs), end, ignore)
        self._disk.close(CLOSE_DEADLINE_S)

    def _end(self, recording: Recording, request: int | None, reason: str | None = None) -> None:
        self._release(recording)
        complete = self._write(recording, monotonic(), last=True)
        self._spawn(self._finished(recording, complete, request, reason))

    def _listen(self, recording: Recording) -> None:
        a, b = self._legs[recording]
        recording.begin_run()
        if a not in self._away:
            a.incoming.settle()
            a.tap = recording.left
            if a is b:
                a.playout.settle()
                a.playout.tap = recording.right
        if b is not None and b is not a and b not in self._away:
            b.incoming.settle()
            b.tap = recording.right

    def _leave(self, a: MediaLeg, b: MediaLeg | None) -> None:
        a.tap = a.playout.tap = None
        if b is not None:
            b.tap = None

    def _release(self, recording: Recording) -> None:
        legs = self._legs.pop(recording, None)
        if legs is not None:
            for turn in self._turns:
                turn.pop(recording, None)
            self._leave(*legs)
            for leg in legs:
                if leg is not None:
                    self._by_leg.pop(leg, None)  # a leg may be recorded with itself

    def _write(self, recording: Recording, now: float, *, last: bool = False) -> "Future[None]":
        frames = recording.take_frames()
        length = recording.whole_samples(now) if last else recording.length_samples(now)
        return self._disk.ask(lambda: recording.writer.write(frames, length, last=last))

    async def _opened(self, recording: Recording, done: "Future[None]", request: int) -> None:
        failure = await _failure(done, OPEN_DEADLINE_S)
        if failure is None:
            self._report(m.Done(request))
            return
        recording.refused = True
        self._release(recording)
        self._disk.ask(recording.writer.discard)
        self._report(m.Refused(request, "recording_failed", f"{recording.path}: {failure}"))

    async def _written(self, recording: Recording, done: "Future[None]") -> None:
        failure = await _failure(done, WRITE_DEADLINE_S)
        recording.writing = False
        if failure is not None:
            self._fail(recording, failure)

    async def _finished(
        self, recording: Recording, done: "Future[None]", request: int | None, reason: str | None
    ) -> None:
        failure = await _failure(done, WRITE_DEADLINE_S)
        if failure is not None:
            await self._abandon(recording)
        failure = failure or reason
        if failure is not None:
            failure = f"{recording.path}: {failure}"
        if recording.refused:  # who wanted it has heard of that
            failure = "the leg is not being recorded"
        writer = recording.writer
        if request is None:
            if not recording.refused:
                self._report(
                    m.RecordingEnded(recording.path, failure, writer.duration_s, writer.size)
                )
        elif failure is None:
            self._report(m.Recorded(request, writer.duration_s, writer.size))
        else:
            self._report(m.Refused(request, "recording_failed", failure))

    def _fail(self, recording: Recording, reason: str) -> None:
        if recording in self._legs:
            self._release(recording)
            self._spawn(self._abandoned(recording, reason))

    async def _abandoned(self, recording: Recording, reason: str) -> None:
        await self._abandon(recording)
        writer = recording.writer
        failure = f"{recording.path}: {reason}"
        self._report(m.RecordingEnded(recording.path, failure, writer.duration_s, writer.size))

    async def _abandon(self, recording: Recording) -> None:
        """Close the file as it is, before anybody hears of its failure and measures it.

        What is buffered may still get into it. A disk that hangs is waited for by the thread.
        """
        closed = asyncio.wrap_future(self._disk.ask(recording.writer.abandon))
        await asyncio.wait([closed], timeout=ABANDON_DEADLINE_S)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _failure(done: "Future[None]", deadline_s: float) -> str | None:
    """Why the disk did not do what it was asked; None once it has."""
    try:
        async with asyncio.timeout(deadline_s):
            await asyncio.wrap_future(done)
    except OSError as error:  # the deadline's is one as well, and says nothing
        return error.strerror or f"the disk did not answer for {deadline_s:g} s"
    except Exception as error:  # noqa: BLE001 - the recording ends by it
        traceback.print_exc()
        return fault(error)
    return None
