"""A program that recognises: it reads sound on its standard input, and prints what it hears.

Nothing waits for it but what is its own: one that reads nothing, floods or dies ends alone, and all
that it has started with it.
"""

import asyncio
import contextlib
import ctypes
import resource
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ..child_process import how_it_ended, kill_group, printed_lines
from .flood import FloodGuard
from .recogniser_messages import MAX_LINE_BYTES, NotUnderstood, read_line, result_of
from .result import OnResult, RecogniserFailed

MOST_FRAMES: Final = 500
"""What waits for it, 10 s of sound: then the oldest is dropped."""
STUCK_S: Final = 5.0
_UNREAD_BYTES: Final = 1 << 15
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_COMPLAINT_CHARACTERS: Final = 200
COMPLAINT_BYTES: Final = 16 * 1024
COMPLAINT_PAUSE_S: Final = 0.02
"""How long is waited after each piece of its standard error: a flood of it waits in the pipe."""
_END_S: Final = 2.0


class ProgramRecogniser:
    """Runs `command`, which gets `preface` before the sound. It may have `memory_mib` of address
    space (0: any); `environment` is all that it knows of this process."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        on_result: OnResult,
        *,
        preface: bytes = b"",
        memory_mib: int = 0,
    ) -> None:
        self._command = command
        self._environment = environment
        self._on_result = on_result
        self._preface = preface
        self._memory_bytes = memory_mib << 20
        self._name = Path(command[0]).name
        self._frames: deque[bytes] = deque(maxlen=MOST_FRAMES)
        self._wake = asyncio.Event()
        self._complaint = ""

    def feed(self, frame: bytes) -> None:
        """See Recogniser."""
        self._frames.append(frame)
        self._wake.set()

    async def run(self) -> None:
        """See Recogniser: it is over when the program has ended, which is a failure."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=MAX_LINE_BYTES,
                cwd="/",
                env=dict(self._environment),
                start_new_session=True,
                preexec_fn=self._confine,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise RecogniserFailed(f"{self._name}: {reason}") from error
        tasks = [
            asyncio.ensure_future(work)
            for work in (self._write(process), self._read(process), self._read_complaints(process))
        ]
        try:
            done, _ = await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            status = await process.wait()
            await asyncio.wait(tasks[2:], timeout=1.0)
            raise RecogniserFailed(self._ended(status))
        finally:
            for task in tasks:
                task.cancel()
            kill_group(process.pid)
            await asyncio.wait(tasks)
            await _end(process)

    def _confine(self) -> None:
        """In the new process, before it is the program's."""
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        if self._memory_bytes:
            resource.setrlimit(resource.RLIMIT_AS, (self._memory_bytes, self._memory_bytes))

    async def _write(self, process: asyncio.subprocess.Process) -> None:
        """Give it the sound, until it ends. Raises RecogniserFailed where it reads none of it."""
        pipe = process.stdin
        assert pipe is not None
        pipe.transport.set_write_buffer_limits(high=_UNREAD_BYTES)
        frames, wake = self._frames, self._wake
        try:
            pipe.write(self._preface)
            while True:
                while frames:
                    pipe.write(frames.popleft())
                    async with asyncio.timeout(STUCK_S):
                        await pipe.drain()
                wake.clear()
                await wake.wait()
        except TimeoutError:
            reason = f"{self._name} has read nothing for {STUCK_S:g} s"
            raise RecogniserFailed(reason) from None
        except (OSError, RuntimeError):
            await process.wait()  # it has closed its input: what it says at its end counts

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """What it prints, until it ends. Raises RecogniserFailed where it prints nonsense."""
        assert process.stdout is not None
        loop = asyncio.get_running_loop()
        guard = FloodGuard(loop.time())
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                raise RecogniserFailed(f"{self._name} prints a line without end") from None
            if not line:
                return
            guard.said(loop.time())
            try:
                message = read_line(line)
            except NotUnderstood as error:
                guard.not_understood(error.reason)
                continue
            result = None if message is None else result_of(message)
            if result is not None:
                self._on_result(result)

    async def _read_complaints(self, process: asyncio.subprocess.Process) -> None:
        """Keep the last line of its standard error."""
        assert process.stderr is not None
        while block := await process.stderr.read(COMPLAINT_BYTES):
            for line in printed_lines(block):
                self._complaint = line[:_COMPLAINT_CHARACTERS]
            await asyncio.sleep(COMPLAINT_PAUSE_S)

    def _ended(self, status: int) -> str:
        complaint = f": {self._complaint}" if self._complaint else ""
        return f"{self._name} has ended: {how_it_ended(status)}{complaint}"


async def _end(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a process that was killed, which is seen once its pipes are read out."""
    assert process.stdout is not None
    assert process.stderr is not None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_END_S):
            for pipe in (process.stdout, process.stderr):
                while await pipe.read(MAX_LINE_BYTES):
                    pass
            await process.wait()
