"""The recordings under way in a worker, and the thread that writes them."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from . import messages as m
from .recorder import MAX_PENDING_FRAMES, Frame, Recording

if TYPE_CHECKING:
    from .leg import Leg

WRITE_INTERVAL_FRAMES: Final = 50


class Recordings:
    """Starts, feeds and ends recordings. `report` takes answers and events for the engine."""

    def __init__(self, report: Callable[[m.Answer | m.Event], None]) -> None:
        self._report = report
        self._by_leg: dict[Leg, Recording] = {}
        self._legs: dict[Recording, tuple[Leg, Leg]] = {}
        self._thread: ThreadPoolExecutor | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._frame = 0

    def start(self, request: int, a: "Leg", b: "Leg", path: str) -> None:
        """Record `a` and `b` to `path`."""
        if a in self._by_leg or b in self._by_leg:
            self._report(m.Refused(request, "recording_failed", "the leg is being recorded"))
            return
        try:
            recording = Recording(path, monotonic())
        except OSError as error:
            self._report(m.Refused(request, "recording_failed", f"{path}: {error.strerror}"))
            return
        self._legs[recording] = (a, b)
        for leg, tap in ((a, recording.left), (b, recording.right)):
            self._by_leg[leg] = recording
            leg.incoming.settle()
            leg.tap = tap
        self._report(m.Done(request))

    def stop(self, request: int, leg: "Leg") -> None:
        """End the recording of `leg`; answered once the file is complete."""
        recording = self._by_leg.get(leg)
        if recording is None:
            self._report(m.Refused(request, "recording_failed", "the leg is not being recorded"))
        else:
            self._end(recording, request)

    def leg_closed(self, leg: "Leg") -> None:
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
                    length = recording.length_samples(now)
                    self._spawn(self._write(recording, recording.take(), length))
                elif recording.pending > MAX_PENDING_FRAMES:
                    self._fail(recording, "the file cannot be written fast enough")

    def close(self) -> None:
        """End every recording and wait for the files to be complete."""
        now = monotonic()
        if self._thread is not None:
            self._thread.shutdown()
        for recording in list(self._legs):
            self._release(recording)
            try:
                length = recording.length_samples(now)
                recording.writer.write(recording.take(), length, last=True)
            except OSError:  # nobody is left to be told
                recording.writer.abandon()

    def _end(self, recording: Recording, request: int | None) -> None:
        self._release(recording)
        length = recording.length_samples(monotonic())
        self._spawn(self._finish(recording, length, request))

    def _release(self, recording: Recording) -> None:
        for leg in self._legs.pop(recording, ()):
            del self._by_leg[leg]
            leg.tap = None

    async def _write(self, recording: Recording, frames: list[Frame], length: int) -> None:
        recording.writing = True
        try:
            await self._write_in_thread(recording, frames, length, last=False)
        except OSError as error:
            self._fail(recording, error.strerror or str(error))
        finally:
            recording.writing = False

    async def _finish(self, recording: Recording, length: int, request: int | None) -> None:
        try:
            await self._write_in_thread(recording, recording.take(), length, last=True)
        except OSError as error:
            await self._in_thread(recording.writer.abandon)
            reason = f"{recording.path}: {error.strerror}"
            if request is None:
                self._report(m.RecordingEnded(recording.path, reason))
            else:
                self._report(m.Refused(request, "recording_failed", reason))
            return
        if request is None:
            self._report(m.RecordingEnded(recording.path))
        else:
            self._report(m.Done(request))

    def _fail(self, recording: Recording, reason: str) -> None:
        if recording in self._legs:
            self._release(recording)
            # Not here: closing waits for a write under way, and the disk may hang.
            self._spawn(self._in_thread(recording.writer.abandon))
            self._report(m.RecordingEnded(recording.path, f"{recording.path}: {reason}"))

    async def _write_in_thread(
        self, recording: Recording, frames: list[Frame], length: int, *, last: bool
    ) -> None:
        await self._in_thread(lambda: recording.writer.write(frames, length, last=last))

    async def _in_thread(self, work: Callable[[], None]) -> None:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "recorder")
        # One thread does what is to be done in the order it was asked for.
        await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
