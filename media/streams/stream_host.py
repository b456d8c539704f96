"""The stream host: the process that joins legs with bots and recognisers. Nothing else runs in it.

Started as `python -m media.streams.stream_host`, with the Unix socket on which the engine speaks to
it as standard input. It ends with that connection.
"""

import asyncio
import contextlib
import ctypes
import resource
import signal
import socket
import traceback
from functools import partial
from typing import Final

import uvloop

from .. import priority
from ..clock.alarm import precise_alarm
from ..clock.frame_clock import FrameClock
from ..garbage import Leftovers, collect_in_short_looks
from ..isolation import each_alone
from ..protocol.channel import Connection
from ..stderr import never_wait_for_stderr
from .bot_stream import BotStream
from .connector import Connector
from .messages import (
    CloseStream,
    Command,
    Event,
    OpenRecognition,
    OpenStream,
    SpeakCodec,
    StreamClosed,
    StreamEnded,
    StreamFigures,
    TellBot,
    command_decoder,
)
from .recognition_stream import RecognitionStream

# Where it is allowed: after the media worker, before everything else.
_NICENESS: Final = -5
_NEW_OBJECTS: Final = 4000
_PR_SET_NO_NEW_PRIVS: Final = 38  # linux/prctl.h
FAULT: Final = "internal error of the stream host"


class StreamHost:
    """The streams that are up, and the commands of the engine that act on them."""

    def __init__(self, connector: Connector, precedence: priority.Precedence) -> None:
        self._connector = connector
        self._streams: dict[str, BotStream | RecognitionStream] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.connection: Connection[Event, Command] = Connection(
            command_decoder, self._receive, lambda _reason: self.over.set()
        )
        self.over = asyncio.Event()
        """Set once the engine has gone."""
        loop = asyncio.get_running_loop()
        self._clock = FrameClock(partial(precise_alarm, loop), self._tick, self._skipped)
        self._precedence = precedence
        self._leftovers = Leftovers()
        self._missed = 0

    def _skipped(self, frames: int) -> None:
        self._missed = frames

    def _tick(self, due_at: float) -> int:
        missed, self._missed = self._missed, 0
        each_alone(
            tuple(self._streams),
            lambda name: self._streams[name].tick(due_at, missed),
            self._fail,
        )
        self._precedence.look(due_at)
        if self._streams:
            return 1
        self._leftovers.collect()
        return 0

    def _receive(self, commands: list[Command]) -> None:
        each_alone(commands, self._carry_out, lambda command: self._fail(command.stream))

    def _carry_out(self, command: Command) -> None:
        match command:
            case OpenStream() | OpenRecognition():
                self._open(command)
            case CloseStream():
                self._close(command)
            case TellBot():
                stream = self._streams.get(command.stream)
                if stream is not None:
                    stream.tell(command.text)
            case SpeakCodec():
                stream = self._streams.get(command.stream)
                if isinstance(stream, BotStream):
                    stream.speak_codec(command.codec)

    def _open(self, order: OpenStream | OpenRecognition) -> None:
        stream: BotStream | RecognitionStream
        report, on_failed = self.connection.send, partial(self._fail, order.stream)
        if isinstance(order, OpenRecognition):
            stream = RecognitionStream(order, self._connector, report, on_failed)
        else:
            stream = BotStream(order, self._connector, report, on_failed)
        self._streams[order.stream] = stream
        task = asyncio.get_running_loop().create_task(self._run(order.stream, stream))
        self._tasks[order.stream] = task
        self._clock.start()

    async def _run(self, name: str, stream: BotStream | RecognitionStream) -> None:
        try:
            await stream.run()
        except Exception:  # noqa: BLE001 (one stream must not end the others)
            traceback.print_exc()
            self.connection.send(StreamEnded(name, FAULT, "failed", stream.figures))
        finally:
            if self._streams.get(name) is stream:
                del self._streams[name], self._tasks[name]

    def _close(self, command: CloseStream) -> None:
        self.connection.send(StreamClosed(command.stream, self._let_go(command)))

    def _fail(self, name: str) -> None:
        """A stream cannot go on by a defect of ours: it ends, and the others do not notice."""
        figures = self._let_go(CloseStream(name, FAULT))
        self.connection.send(StreamEnded(name, FAULT, "failed", figures))

    def _let_go(self, command: CloseStream) -> StreamFigures:
        """End a stream, if it is up. What has gone through it."""
        stream = self._streams.pop(command.stream, None)
        task = self._tasks.pop(command.stream, None)
        if stream is None or task is None:
            return StreamFigures()
        stream.end_with(command.cause)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        task.cancel()
        return stream.figures

    async def close(self) -> None:
        """End every stream."""
        self._clock.close()
        for name in tuple(self._streams):
            self._close(CloseStream(name, "the engine stops"))
        if self._closing:
            await asyncio.wait(self._closing, timeout=1.0)


async def serve(ours: socket.socket, precedence: priority.Precedence) -> None:
    """Carry streams for the engine at the other end of `ours`, until it has gone."""
    connector = Connector()
    host = StreamHost(connector, precedence)
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: host.connection, sock=ours)
    try:
        await host.over.wait()
    finally:
        await host.close()
        await connector.close()


def main() -> None:
    """Entry point of the process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the engine ends its calls, and then this socket
    never_wait_for_stderr()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    priority.run_before_others(_NICENESS)
    # What comes from bots is foreign data: no file is written, no program with other rights run.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    collect_in_short_looks(_NEW_OBJECTS)
    precedence = priority.Precedence(_NICENESS)
    priority.go_first(priority.Turn.HELPER)
    uvloop.run(serve(socket.socket(fileno=0), precedence))


if __name__ == "__main__":
    main()
