"""The WebRTC process: `python -m media.webrtc.process`, with the engine at its standard input.

It ends when the engine closes that socket, whatever the reason.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import traceback
from collections.abc import Coroutine
from functools import partial
from typing import Final

import uvloop
from aiortc import RTCCertificate

from .. import priority
from ..garbage import collect_seldom
from ..isolation import each_alone
from ..protocol.channel import Connection
from .messages import (
    Answered,
    Close,
    Command,
    Configure,
    Connect,
    Described,
    Failed,
    IceServers,
    Open,
    Report,
    StateChanged,
    command_decoder,
)
from .session import FAULT, BrowserSession, SessionFailed, State

MOST_SESSIONS: Final = 500

# The way of a packet leaves none. A call's setup leaves some hundred.
_NEW_OBJECTS: Final = 10_000

_NICENESS: Final = -10
"""Where it is allowed: packets go before everything else on the machine, as in the media worker."""


class WebRtcProcess:
    """The sessions of one engine."""

    def __init__(self) -> None:
        self._servers = IceServers()
        self._certificate = RTCCertificate.generateCertificate()
        self._sessions: dict[str, BrowserSession] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()
        self._connection: Connection[Report, Command] = Connection(
            command_decoder, self._received, lambda _reason: self._over.set()
        )

    async def run(self, engine: socket.socket) -> None:
        """Serve the engine until it is gone."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self._connection, sock=engine)
        await self._over.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for session in self._sessions.values():
            await session.close()

    def _received(self, commands: list[Command]) -> None:
        each_alone(commands, self._carry_out, self._failed)

    def _failed(self, command: Command) -> None:
        """A command could not be carried out, by a defect of ours: its session is of no use."""
        if isinstance(command, Open):
            self._connection.send(Failed(command.request, FAULT))
        elif isinstance(command, Answered | Connect):
            self._changed(command.session, "lost", FAULT)

    def _carry_out(self, command: Command) -> None:
        match command:
            case Configure():
                self._servers = command.servers
            case Open():
                self._begin(self._open(command))
            case Close():
                session = self._sessions.pop(command.session, None)
                if session is not None:
                    self._begin(session.close())
            case Answered() | Connect():
                session = self._sessions.get(command.session)
                if session is None:
                    return
                if isinstance(command, Connect):
                    session.connect(command)
                else:
                    session.answered(command.remote)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, command: Open) -> None:
        session = self._sessions.get(command.session)
        if session is None:
            if len(self._sessions) >= MOST_SESSIONS:
                self._connection.send(Failed(command.request, "too many browsers"))
                return
            session = self._sessions[command.session] = BrowserSession(
                self._servers, self._certificate, partial(self._changed, command.session)
            )
        try:
            local = await session.describe(command.remote)
        except (SessionFailed, OSError, ValueError) as error:
            self._connection.send(Failed(command.request, str(error) or type(error).__name__))
        except Exception:  # noqa: BLE001 - the others go on
            traceback.print_exc()
            self._connection.send(Failed(command.request, FAULT))
        else:
            self._connection.send(
                Described(command.request, local, session.port, session.rtcp_port)
            )

    def _changed(self, session: str, state: State, reason: str) -> None:
        self._connection.send(StateChanged(session, state, reason))


def main() -> None:
    """Run until the engine is gone. A Ctrl-C at the terminal is the engine's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    engine = socket.socket(fileno=0)
    priority.run_before_others(_NICENESS)
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(engine))


async def _serve(engine: socket.socket) -> None:
    process = WebRtcProcess()
    collect_seldom(_NEW_OBJECTS)
    await process.run(engine)


if __name__ == "__main__":
    main()
