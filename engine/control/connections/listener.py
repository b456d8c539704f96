"""Takes connections from a listening socket, some in each turn of the loop."""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Final

import structlog

log = structlog.get_logger()

BACKLOG: Final = 2048
"""A burst of a thousand clients waits in the kernel (up to net.core.somaxconn), refused nothing."""
A_TURN: Final = 16
PAUSE_S: Final = 0.2
# Of these there is none left for the moment: descriptors, memory.
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Listener:
    """Gives each connection of `listening` to `on_accept`, non-blocking."""

    def __init__(
        self, listening: socket.socket, on_accept: Callable[[socket.socket], None]
    ) -> None:
        self._listening = listening
        self._on_accept = on_accept
        self._loop = asyncio.get_running_loop()
        self._paused: asyncio.TimerHandle | None = None
        self._is_exhausted = False

    def start(self) -> None:
        """Begin to take connections."""
        self._paused = None
        self._loop.add_reader(self._listening.fileno(), self._accept_some)

    def stop(self) -> None:
        """Take no more. The socket stays open."""
        if self._paused is not None:
            self._paused.cancel()
        self._loop.remove_reader(self._listening.fileno())

    def _accept_some(self) -> None:
        for _ in range(A_TURN):
            try:
                connected, _address = self._listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._pause(error)
                    return
                continue  # the client is gone already
            self._is_exhausted = False
            connected.setblocking(False)
            self._on_accept(connected)

    def _pause(self, error: OSError) -> None:
        if not self._is_exhausted:
            log.error("control_cannot_accept", reason=error.strerror)
        self._is_exhausted = True
        self._loop.remove_reader(self._listening.fileno())
        self._paused = self._loop.call_later(PAUSE_S, self.start)
