"""Who speaks to the worker: one engine at a time, and the next one once that has gone."""

import asyncio
from collections.abc import Callable
from typing import Final

from ..protocol.channel import Connection
from ..protocol.messages import VERSION, Answer, Command, Event, Hello, Welcome, command_decoder

GREETING_S: Final = 5.0  # who has not greeted by then is sent away


class EngineSessions:
    """Accepts engines at the worker's socket. `execute` gets what the one that is there commands.

    `generation` counts those that were let in. `come` is called with each, `gone` once it has left.
    `describe` completes the answer to its greeting.
    """

    def __init__(
        self,
        execute: Callable[[list[Command]], None],
        *,
        come: Callable[[], None],
        gone: Callable[[], None],
        describe: Callable[[Welcome], None],
    ) -> None:
        self._execute = execute
        self._come = come
        self._gone = gone
        self._describe = describe
        self._present: _Session | None = None
        self.generation = 0

    def accept(self) -> asyncio.Protocol:
        """The protocol of a connection to that socket."""
        return _Session(self).connection

    def send(self, message: Answer | Event) -> None:
        """Tell the engine that is there; nobody where none is."""
        if self._present is not None:
            self._present.connection.send(message)

    def received(self, session: "_Session", commands: list[Command]) -> None:
        """Somebody says something: first of all hello, in the version that this worker speaks."""
        if session is self._present:
            self._execute(commands)
            return
        hello = commands[0] if commands else None
        if not isinstance(hello, Hello) or self._present is not None:
            session.connection.close()
            return
        is_understood = hello.version == VERSION
        welcome = Welcome(hello.request, VERSION, self.generation + is_understood)
        self._describe(welcome)
        session.connection.send(welcome)
        if is_understood:
            self.generation += 1
            self._present = session
            session.greeted()
            self._come()
            self._execute(commands[1:])
        else:
            session.connection.close()

    def left(self, session: "_Session") -> None:
        """A connection is closed."""
        session.greeted()
        if session is self._present:
            self._present = None
            self._gone()


class _Session:
    """One connection, of an engine or of whoever else."""

    def __init__(self, sessions: EngineSessions) -> None:
        self.connection: Connection[Answer | Event, Command] = Connection(
            command_decoder,
            lambda commands: sessions.received(self, commands),
            lambda reason: sessions.left(self),
        )
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(GREETING_S, self.connection.close)

    def greeted(self) -> None:
        """It need not be sent away any more."""
        self._deadline.cancel()
