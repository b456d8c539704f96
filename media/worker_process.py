"""The process of one media worker: started, reached at its socket, and ended."""

import asyncio
import os
import secrets
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from .child_process import python_process
from .errors import WorkerFailed, WorkerGone
from .settings import MediaSettings
from .worker_socket import connect_to

STOP_DEADLINE_S: Final = 2.0
_LOOK_S: Final = 0.02


class WorkerProcess:
    """A worker's process. Once it has ended, it may be started again."""

    def __init__(self, settings: MediaSettings) -> None:
        self._settings = settings
        self.popen: subprocess.Popen[bytes] | None = None
        """The process, None when there is none."""
        self.socket_path = Path()
        """The Unix socket of the worker."""

    @property
    def pid(self) -> int | None:
        """Its id, None when there is none."""
        return self.popen.pid if self.popen is not None else None

    async def start(self) -> None:
        """Start it, with a new socket. Raises WorkerFailed."""
        self._check_address()
        self.socket_path = _new_socket_path(self._settings.socket_directory)
        loop = asyncio.get_running_loop()
        spawning = loop.run_in_executor(None, self._spawn, self.socket_path)
        try:
            self.popen = await asyncio.shield(spawning)
        except OSError as error:
            raise WorkerFailed(f"media worker did not start: {error}") from error
        except asyncio.CancelledError:
            spawning.add_done_callback(_kill_late)
            raise

    async def reach(self) -> socket.socket:
        """A connection to the worker, once it listens. Raises WorkerGone, OSError."""
        while self.popen is not None and self.popen.poll() is None:
            try:
                return connect_to(self.socket_path)
            except (FileNotFoundError, ConnectionRefusedError):  # not yet, or not yet listening
                await asyncio.sleep(_LOOK_S)
        raise WorkerGone("the media worker died")

    def kill(self) -> None:
        """End it at once, if it is there."""
        if self.popen is not None:
            self.popen.kill()

    async def end(self) -> int | None:
        """Wait for its end, and kill it if it does not end by itself. Returns its exit status.

        None where there was no process.
        """
        process = self.popen
        if process is None:
            return None
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, process.wait, STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await loop.run_in_executor(None, process.wait)
        self.popen = None
        self.socket_path.unlink(missing_ok=True)  # where it was killed
        return process.returncode

    def _check_address(self) -> None:
        address = self._settings.address
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.bind((address, 0))
        except OSError as error:
            raise WorkerFailed(f"media address {address}: {error.strerror}") from error

    def _spawn(self, socket_path: Path) -> subprocess.Popen[bytes]:
        settings = msgspec.json.encode(self._settings).decode()
        child = python_process("media.worker.worker", str(socket_path), settings)
        return subprocess.Popen(child.command, stdin=subprocess.DEVNULL, env=child.environment)


def _new_socket_path(directory: str) -> Path:
    """A path for the socket of a worker, which nobody can know before."""
    name = f"ringback-media-{os.getpid()}-{secrets.token_hex(4)}.sock"
    return Path(directory or tempfile.gettempdir()) / name


def _kill_late(spawning: "asyncio.Future[subprocess.Popen[bytes]]") -> None:
    """End a process that nobody waits for any more."""
    if not spawning.cancelled() and spawning.exception() is None:
        spawning.result().kill()
