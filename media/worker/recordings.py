"""The recordings under way in a worker, and the thread that writes them."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from time import monotonic
from typing import Any, Final

from .. import messages as m
from .disk_thread import DiskThread
from .leg import MediaLeg
from .recorder import MAX_PENDING_FRAMES, Recording

WRITE_INTERVAL_FRAMES: Final = 50

# The call goes on meanwhile, but is not known to be recorded.
OPEN_DEADLINE_S: Final = 5.0
WRITE_DEADLINE_S: Final = 60.0
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
        self._legs: dict[Recording, tuple[MediaLeg, MediaLeg]] = {}
        self._disk = DiskThread("recorder")
        self._tasks: set[asyncio.Task[None]] = set()
        self._frame = 0

    def __bool__(self) -> bool:
        """Whether anything is being recorded."""
        return bool(self._legs)

    def start(self, request: int, a: MediaLeg, b: MediaLeg, path: str) -> None:
        """Record `a` and `b` to `path` from now on; answered once the file is there."""
        if a in self._by_leg or b in self._by_leg:
            self._report(m.Refused(request, "recording_failed", "the leg is being recorded"))
            return
        recording = Recording(path, monotonic())
        self._legs[recording] = (a, b)
        for leg, tap in ((a, recording.left), (b, recording.right)):
            self._by_leg[leg] = recording
            leg.incoming.settle()
            leg.tap = tap
        self._spawn(self._opened(recording, self._disk.ask(recording.writer.open), request))

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

    def leg_closed(self, leg: MediaLeg) -> None:
        """A recorded leg is gone: the recording ends by itself."""
        recording = self._by_leg.get(leg)
        if recording is not None:
            self._end(recording, None)

    def frame(self, now: float) -> None:
        """To be called every 20 ms; hands over to the thread what is due."""
        self._frame += 1
        if self._legs and self._frame % WRITE_INTERVAL_FRAMES == 0:
            for recording in list(self._legs):
                if not recording.writing:
                    recording.writing = True
                    self._spawn(self._written(recording, self._write(recording, now)))
                elif recording.pending > MAX_PENDING_FRAMES:
                    self._fail(recording, "the file cannot be written fast enough")

    def close(self) -> None:
        """End every recording and wait for the files to be complete, but not for ever."""
        now = monotonic()
        for recording in list(self._legs):
            self._release(recording)
            self._write(recording, now, last=True)
        self._disk.close(CLOSE_DEADLINE_S)

    def _end(self, recording: Recording, request: int | None) -> None:
        self._release(recording)
        complete = self._write(recording, monotonic(), last=True)
        self._spawn(self._finished(recording, complete, request))

    def _release(self, recording: Recording) -> None:
        for leg in self._legs.pop(recording, ()):
            self._by_leg.pop(leg, None)  # a leg may be recorded with itself
            leg.tap = None

    def _write(self, recording: Recording, now: float, *, last: bool = False) -> "Future[None]":
        frames, length = recording.take_frames(), recording.length_samples(now)
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
        self, recording: Recording, done: "Future[None]", request: int | None
    ) -> None:
        failure = await _failure(done, WRITE_DEADLINE_S)
        if failure is not None:
            self._disk.ask(recording.writer.abandon)
            failure = f"{recording.path}: {failure}"
        if recording.refused:  # who wanted it has heard of that
            failure = "the leg is not being recorded"
        if request is None:
            if not recording.refused:
                self._report(m.RecordingEnded(recording.path, failure))
        elif failure is None:
            self._report(m.Done(request))
        else:
            self._report(m.Refused(request, "recording_failed", failure))

    def _fail(self, recording: Recording, reason: str) -> None:
        if recording in self._legs:
            self._release(recording)
            # Not here: closing waits for a write under way, and the disk may hang.
            self._disk.ask(recording.writer.abandon)
            self._report(m.RecordingEnded(recording.path, f"{recording.path}: {reason}"))

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
    return None
