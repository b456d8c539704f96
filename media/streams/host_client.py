"""The engine's side of the stream host: starts the process when it is first needed, speaks to it,
notices its end."""

import asyncio
import socket
import subprocess
from collections.abc import Callable
from typing import Final

from ..channel import Connection
from ..child_process import python_process
from .messages import (
    CloseStream,
    Command,
    Event,
    OpenRecognition,
    OpenStream,
    StreamEnded,
    StreamFigures,
    TellBot,
    event_decoder,
)

STOP_DEADLINE_S: Final = 2.0


class HostFailed(Exception):
    """The stream host cannot be started."""


class HostClient:
    """One stream host, started at the first stream, and again after it has died.

    `on_event` gets what the streams report. When the process dies, each stream of it ends.
    """

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Command, Event] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._streams: set[str] = set()

    @property
    def pid(self) -> int | None:
        """Its process id; None where it does not run."""
        return None if self._process is None else self._process.pid

    async def open(self, order: OpenStream | OpenRecognition) -> None:
        """Connect a leg with a service, or recognise it: StreamReady or StreamEnded follows.

        Raises HostFailed.
        """
        while self._connection is None or not self._connection.is_open:
            if self._starting is None:
                self._starting = asyncio.ensure_future(self._start())
            await asyncio.shield(self._starting)
        self._streams.add(order.stream)
        self._connection.send(order)

    def close(self, stream: str, cause: str) -> bool:
        """End a stream: StreamClosed follows. False where it has ended already."""
        if self._connection is None or stream not in self._streams:
            return False
        self._streams.discard(stream)
        self._connection.send(CloseStream(stream, cause))
        return True

    def tell_bot(self, stream: str, text: str) -> None:
        """Send the bot of a stream this text."""
        if self._connection is not None and stream in self._streams:
            self._connection.send(TellBot(stream, text))

    async def stop(self) -> None:
        """End every stream, and the process."""
        if self._starting is not None:
            self._starting.cancel()
        self._streams.clear()
        connection, process = self._connection, self._process
        if connection is not None:
            connection.close()
        if process is not None:
            await asyncio.get_running_loop().run_in_executor(None, _reap, process)

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            self._process = await loop.run_in_executor(None, _spawn, theirs)
            connection: Connection[Command, Event]
            connection = Connection(event_decoder, self._receive, self._lost)
            await loop.create_connection(lambda: connection, sock=ours)
        except OSError as error:
            raise HostFailed(f"the stream host cannot start: {error.strerror}") from error
        else:
            self._connection = connection
        finally:
            theirs.close()
            if self._connection is None:
                ours.close()
            self._starting = None

    def _receive(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, StreamEnded):
                self._streams.discard(event.stream)
            self._on_event(event)

    def _lost(self, _reason: str) -> None:
        streams, self._streams = self._streams, set()
        process, self._process = self._process, None
        self._connection = None
        if process is not None and process.poll() is None:
            loop = asyncio.get_running_loop()
            loop.run_in_executor(None, _reap, process)
        for stream in sorted(streams):
            reason = "the stream host has died"
            self._on_event(StreamEnded(stream, reason, "failed", StreamFigures()))


def _spawn(theirs: socket.socket) -> subprocess.Popen[bytes]:
    child = python_process("media.streams.stream_host", str(theirs.fileno()))
    return subprocess.Popen(
        child.command,
        stdin=subprocess.DEVNULL,
        pass_fds=(theirs.fileno(),),
        env=child.environment,
    )


def _reap(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of the process, and end it where it takes long."""
    try:
        process.wait(STOP_DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
