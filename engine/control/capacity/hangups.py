"""Tells of clients that are gone while nothing is read from them.

The end of a connection is read like all that came before it. A client that asks for much, is not
read for a while therefore, and goes away would be waited for by each of its requests. The kernel
knows that it is gone.
"""

import asyncio
import contextlib
import select
import socket
from collections.abc import Callable
from typing import Final

_MOST_EVENTS: Final = 256


class Hangups:
    """Watches connections that are not read. Needs a running loop once it watches."""

    def __init__(self) -> None:
        self._epoll: select.epoll | None = None
        self._watched: dict[int, Callable[[], None]] = {}  # by descriptor
        self._descriptors: dict[asyncio.BaseTransport, int] = {}

    def watch(self, transport: asyncio.BaseTransport, on_gone: Callable[[], None]) -> None:
        """Call `on_gone` once when the peer has closed its end, until `forget`.

        On a Unix socket that is one that neither sends nor reads any more. On TCP, where nobody
        tells whether the peer reads still, it is one that sends no more.
        """
        connected = transport.get_extra_info("socket")
        if connected is None or transport in self._descriptors:
            return
        descriptor = connected.fileno()
        if descriptor < 0:
            return
        self._descriptors[transport] = descriptor
        self._watched[descriptor] = on_gone
        ends = 0 if connected.family == socket.AF_UNIX else select.EPOLLRDHUP
        self._poller().register(descriptor, ends | select.EPOLLONESHOT)

    def forget(self, transport: asyncio.BaseTransport) -> None:
        """It is read again, or closed. Does nothing where it is not watched."""
        descriptor = self._descriptors.pop(transport, None)
        if descriptor is None or self._epoll is None:
            return
        del self._watched[descriptor]
        with contextlib.suppress(OSError):  # it was closed in the same moment
            self._epoll.unregister(descriptor)

    def close(self) -> None:
        """Watch nobody any more."""
        if self._epoll is None:
            return
        asyncio.get_running_loop().remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._epoll = None
        self._watched.clear()
        self._descriptors.clear()

    def _poller(self) -> select.epoll:
        if self._epoll is None:
            self._epoll = select.epoll()
            asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._look)
        return self._epoll

    def _look(self) -> None:
        if self._epoll is None:
            return
        for descriptor, _ in self._epoll.poll(0, _MOST_EVENTS):
            on_gone = self._watched.get(descriptor)
            if on_gone is not None:
                on_gone()
