"""TLS of the gateway itself: how many handshakes there may be at once, and how long each may take.

A connection is one of the gateway's once its handshake is complete. Before, it takes a descriptor
and the memory of a handshake, and only its time would bound it.
"""

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from typing import Final

from config.trusted_proxies import plain_address

from .client_address import one_visitor

MOST: Final = 512
"""Where all are taken, one is given up for the next: of the address that has the most of them the
one that has taken longest. So who opens many gives way to themselves, and not a visitor far away.
"""
HANDSHAKE_S: Final = 10.0
_AGAIN_S: Final = 0.1
"""When no connection can be accepted, as where no descriptor is left, it is tried again."""


class Handshakes:
    """Makes connections secure. Each is for a protocol of `accept` once it is.

    `context` gives what the next handshake goes by.
    """

    def __init__(
        self,
        context: Callable[[], ssl.SSLContext],
        accept: Callable[[], asyncio.BaseProtocol],
        most: int = MOST,
        limit_s: float = HANDSHAKE_S,
    ) -> None:
        self._context = context
        self._accept = accept
        self._most = most
        self._limit_s = limit_s
        self._under_way: dict[asyncio.Task[None], str] = {}

    @property
    def count(self) -> int:
        """How many are under way."""
        return len(self._under_way)

    async def serve(self, listener: socket.socket) -> None:
        """Accept connections until this is cancelled. Those under way are given up then."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    accepted, address = await loop.sock_accept(listener)
                except OSError:
                    self._give_up_one()
                    await asyncio.sleep(_AGAIN_S)
                    continue
                if len(self._under_way) >= self._most:
                    self._give_up_one()
                self._begin(accepted, one_visitor(plain_address(address[0])))
        finally:
            while self._under_way:
                self._give_up_one()

    def _begin(self, accepted: socket.socket, visitor: str) -> None:
        task = asyncio.get_running_loop().create_task(self._shake_hands(accepted))
        self._under_way[task] = visitor
        task.add_done_callback(lambda _task: self._under_way.pop(task, None))

    async def _shake_hands(self, accepted: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):  # it is closed then
                accepted.setblocking(False)
                await asyncio.get_running_loop().connect_accepted_socket(
                    self._accept,
                    accepted,
                    ssl=self._context(),
                    ssl_handshake_timeout=self._limit_s,
                )
        except asyncio.CancelledError:
            accepted.close()
            raise

    def _give_up_one(self) -> None:
        for visitor, _count in Counter(self._under_way.values()).most_common(1):
            oldest = next(task for task, whose in self._under_way.items() if whose == visitor)
            del self._under_way[oldest]
            oldest.cancel()
