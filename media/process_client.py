"""A process of ours that the engine speaks to on a Unix socket, started when it is first needed."""

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import Callable, Sequence
from typing import Final, Generic

import msgspec

from .child_process import python_process
from .protocol.channel import Connection, Received, Sent
from .watchdog import PERIOD_S, Watchdog

END_S: Final = 3.0
"""How long a process may take to end, once its socket is closed; then it is killed."""


class ProcessClient(Generic[Sent, Received]):
    """One process that runs `module`, with the socket at its standard input.

    It is started at the first `connected`, and again after it has ended. Each is sent `greeting`
    first. `on_messages` gets what it says, `on_lost` why the connection with it has ended.

    Once it has spoken, one that says nothing is asked `question`, and killed where it does not
    answer.
    """

    def __init__(
        self,
        module: str,
        decoder: msgspec.msgpack.Decoder[list[Received]],
        on_messages: Callable[[list[Received]], None],
        on_lost: Callable[[str], None],
        greeting: Sequence[Sent] = (),
        question: Sent | None = None,
        watch_period_s: float = PERIOD_S,
    ) -> None:
        self._module = module
        self._decoder = decoder
        self._on_messages = on_messages
        self._on_lost = on_lost
        self._greeting = greeting
        self._question = question
        self._is_watched = False
        self._watchdog = Watchdog(self._ask_for_life, self._kill_hung, period_s=watch_period_s)
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Sent, Received] | None = None
        self._starting: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id; None where it does not run."""
        return None if self._process is None else self._process.pid

    async def connected(self) -> Connection[Sent, Received]:
        """The connection with it, which is started where it does not run. Raises OSError."""
        while self._connection is None or not self._connection.is_open:
            if self._starting is None:
                self._starting = asyncio.ensure_future(self._start())
            await asyncio.shield(self._starting)
        return self._connection

    def send(self, message: Sent) -> None:
        """Send `message`; nothing where it does not run."""
        if self._connection is not None:
            self._connection.send(message)

    async def stop(self) -> None:
        """End it, and wait for its end. Whoever waits in `connected` is cancelled."""
        starting, connection, process = self._starting, self._connection, self._process
        self._watchdog.stop()
        if starting is not None:
            starting.cancel()
            await asyncio.wait([starting])
        if connection is not None:
            connection.close()
        if process is not None:
            await asyncio.get_running_loop().run_in_executor(None, _reap, process)

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            # In a thread, since a large engine may take a while to start another program.
            spawning = loop.run_in_executor(None, _spawn, self._module, theirs)
            try:
                process = await asyncio.shield(spawning)
            except asyncio.CancelledError:
                with contextlib.suppress(OSError):
                    _reap_later(await spawning)
                raise
            connection: Connection[Sent, Received]
            connection = Connection(self._decoder, self._receive, self._lost)
            await loop.create_connection(lambda: connection, sock=ours)
        except BaseException:
            ours.close()
            raise
        finally:
            self._starting = None
        self._process, self._connection = process, connection
        for message in self._greeting:
            connection.send(message)
        self._is_watched = False
        if self._question is not None:
            connection.send(self._question)

    def _receive(self, messages: list[Received]) -> None:
        if self._question is not None and not self._is_watched:
            self._is_watched = True
            self._watchdog.start()
        self._watchdog.heard()
        self._on_messages(messages)

    def _ask_for_life(self) -> None:
        assert self._question is not None
        self.send(self._question)

    def _kill_hung(self) -> None:
        if self._process is not None:
            self._process.kill()  # the end of the connection follows

    def _lost(self, reason: str) -> None:
        self._watchdog.stop()
        process, self._process = self._process, None
        self._connection = None
        if process is not None and process.poll() is None:
            _reap_later(process)
        self._on_lost(reason)


def _spawn(module: str, theirs: socket.socket) -> subprocess.Popen[bytes]:
    child = python_process(module)
    with theirs:
        return subprocess.Popen(
            child.command,
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            env=child.environment,
            # What the terminal tells the engine is the engine's to answer.
            start_new_session=True,
        )


def _reap_later(process: subprocess.Popen[bytes]) -> None:
    asyncio.get_running_loop().run_in_executor(None, _reap, process)


def _reap(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of the process, and end it where it takes long."""
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
