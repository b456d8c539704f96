"""Processes that read foreign data for this one, as this one sees them: started when first needed.

Whatever the data does to a library, it ends one of these processes and costs that data alone.
"""

import contextlib
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from ..child_process import python_process

_READ_BYTES: Final = 1 << 18
_WRITE_BYTES: Final = 1 << 14

T = TypeVar("T")


class ProcessDied(Exception):
    """The process ended while it was used, or has to be ended."""


class ProcessTimedOut(ProcessDied):
    """The process did not get ready in time."""


class ConfinedProcess:
    """One process that runs `module`; used by one thread at a time. Its standard input and output
    are one Unix socket. Raises OSError where it cannot start."""

    def __init__(self, module: str) -> None:
        self.uses = 0
        self.used_at = 0.0
        self._socket, theirs = socket.socketpair()
        try:
            child = python_process(module, imports_site=False)
            self._process = subprocess.Popen(
                child.command,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                cwd="/",
                # Each thread takes memory.
                env=child.environment | {"OPENBLAS_NUM_THREADS": "1"},
                start_new_session=True,  # a Ctrl-C at the terminal is the engine's to answer
            )
        except OSError:
            self._socket.close()
            raise
        finally:
            theirs.close()
        self._socket.setblocking(False)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send(self, data: bytes, deadline: float, descriptor: int | None = None) -> None:
        """Send all of `data`, and the open file `descriptor` with it. Raises ProcessDied."""
        left = memoryview(data)
        try:
            while left:
                self._wait(select.POLLOUT, deadline)
                if descriptor is not None:
                    sent: int = socket.send_fds(self._socket, [left[:_WRITE_BYTES]], [descriptor])
                    descriptor = None
                else:
                    sent = self._socket.send(left[:_WRITE_BYTES])
                left = left[sent:]
        except OSError as error:
            raise ProcessDied from error

    def receive(self, length: int, deadline: float) -> bytes:
        """Exactly `length` bytes. Raises ProcessDied."""
        data = bytearray()
        while len(data) < length:
            self._wait(select.POLLIN, deadline)
            try:
                piece = self._socket.recv(min(_READ_BYTES, length - len(data)))
            except OSError as error:
                raise ProcessDied from error
            if not piece:
                raise ProcessDied
            data += piece
        return bytes(data)

    def close(self) -> None:
        """End the process, whatever it does. Idempotent."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._socket.close()
        self._process.wait()

    def _wait(self, events: int, deadline: float) -> None:
        left_s = deadline - time.monotonic()
        poll = select.poll()
        poll.register(self._socket.fileno(), events)
        if left_s <= 0 or not poll.poll(left_s * 1000):
            raise ProcessTimedOut


class ConfinedPool:
    """At most `processes` of them; who asks waits for one that is free. Safe in threads.

    One is replaced after `uses_each`, as what it has read may have damaged it unseen, and ended
    when nobody has used it for `idle_s`.
    """

    def __init__(
        self, module: str, *, processes: int, uses_each: int, idle_s: float | None = None
    ) -> None:
        self._module, self._uses_each, self._idle_s = module, uses_each, idle_s
        self._free = threading.BoundedSemaphore(processes)
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self.idle: list[ConfinedProcess] = []

    def run(self, use: Callable[[ConfinedProcess], T]) -> T:
        """What `use` makes of a process; blocks.

        `use` raises for a process that must not be used again alone. Raises what it raises, and
        OSError where no process can be started.
        """
        with self._free:
            with self._lock:
                process = self.idle.pop() if self.idle else None
            if process is not None:
                try:
                    return self._run(process, use)
                except ProcessTimedOut:
                    raise
                except ProcessDied:
                    # What it read before may have damaged it: this has a process of its own.
                    pass
            return self._run(ConfinedProcess(self._module), use)

    def close(self) -> None:
        """End the processes that are idle; one is started again when it is needed."""
        with self._lock:
            idle, self.idle = self.idle, []
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        for process in idle:
            process.close()

    def _run(self, process: ConfinedProcess, use: Callable[[ConfinedProcess], T]) -> T:
        is_alive = False
        process.uses += 1
        try:
            found = use(process)
            is_alive = True
            return found
        finally:
            if is_alive and process.uses < self._uses_each:
                self._keep(process)
            else:
                process.close()

    def _keep(self, process: ConfinedProcess) -> None:
        process.used_at = time.monotonic()
        with self._lock:
            self.idle.append(process)
            self._watch()

    def _watch(self) -> None:
        """Look in a while whether a process is idle for long. The lock is held."""
        if self._idle_s is not None and self._timer is None and self.idle:
            self._timer = threading.Timer(self._idle_s, self._close_idle)
            self._timer.daemon = True
            self._timer.start()

    def _close_idle(self) -> None:
        assert self._idle_s is not None
        oldest = time.monotonic() - self._idle_s
        with self._lock:
            old = [process for process in self.idle if process.used_at <= oldest]
            self.idle = [process for process in self.idle if process.used_at > oldest]
            self._timer = None
            self._watch()
        for process in old:
            process.close()
