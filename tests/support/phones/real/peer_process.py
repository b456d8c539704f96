"""A peer program run as a child: its lines as they come, deadlines, and an end that is certain."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ..errors import PeerError

STOP_S = 4.0

started: "set[PeerProcess]" = set()
"""Those that have not been stopped, or waited for."""


def need_program(name: str, package: str) -> str:
    """The path of a program, or the test is skipped in words."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (Debian package {package})")
    return path


class PeerProcess:
    """One child process in its own process group; output is collected as lines."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.process = process
        self.output: list[str] = []
        self._readers: list[asyncio.Task[None]] = []

    @classmethod
    async def start(
        cls,
        name: str,
        command: Sequence[str],
        *,
        on_line: Callable[[str], None] | None = None,
        cwd: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> "PeerProcess":
        """Run `command`; `on_line` gets each line of its stdout."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        peer = cls(name, process)
        started.add(peer)
        for stream, deliver in ((process.stdout, on_line), (process.stderr, None)):
            assert stream is not None
            peer._readers.append(asyncio.create_task(peer._read(stream, deliver)))
        return peer

    @property
    def running(self) -> bool:
        """Whether the child has not ended yet."""
        return self.process.returncode is None

    def write_line(self, line: str) -> None:
        """Put one line into its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")

    def end_input(self) -> None:
        """Close its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    async def wait(self, timeout_s: float) -> int:
        """Its exit status. Raises PeerError when it is still running after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                status = await self.process.wait()
                await asyncio.gather(*self._readers)
        except TimeoutError:
            raise PeerError(f"{self.name} still runs after {timeout_s} s:\n{self.tail()}") from None
        started.discard(self)
        return status

    async def stop(self) -> int:
        """Ask it to end, and kill its group when it does not. Returns its exit status."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await self.process.wait()
        except TimeoutError:
            self.kill()
            await self.process.wait()
        started.discard(self)
        await asyncio.gather(*self._readers)
        assert self.process.returncode is not None
        return self.process.returncode

    def kill(self) -> None:
        """Kill it and whatever it has started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def kill_if_left(self) -> None:
        """Kill it where nobody has stopped it; its loop may be closed."""
        started.discard(self)
        look = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with contextlib.suppress(ChildProcessError):  # it has ended, and its number is another's
            os.waitid(os.P_PID, self.process.pid, look)
            self.kill()

    def tail(self, lines: int = 30) -> str:
        """The end of what it has printed, for a message."""
        return "\n".join(self.output[-lines:])

    async def _read(
        self, stream: asyncio.StreamReader, deliver: Callable[[str], None] | None
    ) -> None:
        rest = b""
        while chunk := await stream.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for raw in lines:
                line = raw.decode(errors="replace").rstrip("\r")
                self.output.append(line)
                if deliver is not None:
                    deliver(line)
