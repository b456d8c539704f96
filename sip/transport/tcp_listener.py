"""A listening TCP socket. It accepts a few connections a turn, and stands a lack of descriptors."""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable
from typing import Final

_log = logging.getLogger(__name__)

_BACKLOG: Final = 1_024
_BATCH: Final = 16
"""The most connections accepted before the event loop continues with other work."""
_PAUSE_S: Final = 0.1
"""How long nothing is accepted while there is no descriptor left."""
_LOG_AGAIN_S: Final = 60.0
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class TcpListener:
    """Calls `on_accepted(socket, (host, port))` for each connection.

    Calls `on_exhausted()` where the process or the machine has no descriptor left for another.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        on_accepted: Callable[[socket.socket, tuple[str, int]], None],
        on_exhausted: Callable[[], None],
    ) -> None:
        """Bind and listen. Raises OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.bind((host, port))
            bound.listen(_BACKLOG)
        except OSError:
            bound.close()
            raise
        self._socket = bound
        self._on_accepted = on_accepted
        self._on_exhausted = on_exhausted
        self._pause: asyncio.TimerHandle | None = None
        self._logged_at: float | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(bound.fileno(), self._acceptable)

    @property
    def address(self) -> tuple[str, int]:
        """The bound address."""
        host, port, *_ = self._socket.getsockname()
        return str(host), int(port)

    def close(self) -> None:
        """Stop accepting and release the port."""
        if self._pause is not None:
            self._pause.cancel()
        else:
            self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _acceptable(self) -> None:
        for _ in range(_BATCH):
            try:
                accepted, address = self._socket.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._wait(error.errno)
                    return
                continue  # the peer has gone again
            accepted.setblocking(False)
            self._on_accepted(accepted, (str(address[0]), int(address[1])))

    def _wait(self, code: int) -> None:
        """Accept nothing for a moment. Those who wait stay in the backlog."""
        now = self._loop.time()
        if self._logged_at is None or now - self._logged_at > _LOG_AGAIN_S:
            self._logged_at = now
            _log.warning("no TCP connection can be accepted: %s", os.strerror(code).lower())
        self._loop.remove_reader(self._socket.fileno())
        self._pause = self._loop.call_later(_PAUSE_S, self._go_on)
        self._on_exhausted()

    def _go_on(self) -> None:
        self._pause = None
        self._loop.add_reader(self._socket.fileno(), self._acceptable)
