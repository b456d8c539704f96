"""`ringback …` as a process of its own, without the second that Python takes to import it.

The command is forked from a process that has imported everything (`command_server`), one for each
process of the tests. Else it is what the installed command is: its own session, streams, working
directory, environment, signals and exit status; only its name in the list of processes differs.
Some tests start the installed command itself: `ringback()`.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import BinaryIO

import coverage

ROOT = Path(__file__).resolve().parents[2]
BEGIN_S = 60.0


def is_measured() -> bool:
    """Whether the coverage of processes is measured: each must then begin by itself."""
    return coverage.Coverage.current() is not None


class PreparedCommand:
    """A command that runs, with those members of `subprocess.Popen` that tests use."""

    def __init__(self, argv: Sequence[str], pid: int, pipe: BinaryIO) -> None:
        self.args = list(argv)
        self.pid = pid
        self.returncode: int | None = None
        self._pipe = pipe
        self._lock = threading.Lock()

    @classmethod
    def start(
        cls,
        argv: Sequence[str],
        *,
        directory: Path,
        environ: Mapping[str, str],
        streams: tuple[int, int, int],
        session: bool = True,
    ) -> "PreparedCommand":
        """Run `ringback` with these arguments; the first is the name of the program."""
        how = {
            "argv": list(argv), "directory": str(directory), "environ": dict(environ),
            "session": session,
        }  # fmt: skip
        reading, writing = os.pipe()
        try:
            socket.send_fds(_server(), [json.dumps(how).encode()], [*streams, writing])
        finally:
            os.close(writing)
        pipe = os.fdopen(reading, "rb", buffering=0)
        return cls(argv, int(_line(pipe, BEGIN_S)), pipe)

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        try:
            return self.wait(0.0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status once it has ended. Raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            if self.returncode is None:
                left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
                try:
                    self.returncode = int(_line(self._pipe, left))
                except TimeoutError:
                    raise subprocess.TimeoutExpired(self.args, timeout or 0.0) from None
                self._pipe.close()
            return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9."""
        self.send_signal(signal.SIGKILL)


Process = PreparedCommand | subprocess.Popen[bytes]


def start_command(
    arguments: Sequence[str],
    *,
    streams: tuple[int, int, int],
    directory: Path = ROOT,
    environ: Mapping[str, str] | None = None,
) -> Process:
    """Run `ringback` with these arguments, in a session of its own."""
    argv = [str(ringback()), *arguments]
    environ = os.environ if environ is None else environ
    if not is_measured() and "PYTHONIOENCODING" not in environ:  # Python reads it as it begins
        return PreparedCommand.start(argv, directory=directory, environ=environ, streams=streams)
    stdin, stdout, stderr = streams
    return subprocess.Popen(
        argv, cwd=directory, env=environ, stdin=stdin, stdout=stdout, stderr=stderr,
        start_new_session=True,
    )  # fmt: skip


def ringback() -> Path:
    """The installed command."""
    return Path(sys.executable).with_name("ringback")


def _line(pipe: BinaryIO, timeout_s: float | None) -> bytes:
    if not select.select([pipe], [], [], timeout_s)[0]:
        raise TimeoutError
    said = bytearray()
    while not said.endswith(b"\n"):
        one = pipe.read(1)
        if not one:
            raise ChildProcessError("the process that begins commands has ended")
        said += one
    return bytes(said)


@cache
def _server() -> socket.socket:
    """The line to the server of this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.command_server", str(theirs.fileno())],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
