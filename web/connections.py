"""The connections of visitors: how many there may be, and how long one may wait without asking.

Anybody can open connections and say nothing, or half of a request. They take descriptors, and no
visitor gets in once those are gone.
"""

import asyncio
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

MOST: Final = 2048
"""Where all are taken, the one that has waited longest without asking is closed for the next."""
IDLE_S: Final = 15.0
"""How long a connection may take for the head of a request, from its begin or its last answer."""
BODY_S: Final = 10.0
"""How long a request may take for its body."""
HANDSHAKE_S: Final = 10.0
_LOOK_EVERY_S: Final = 1.0


class WaitingConnections:
    """Those that are not being answered, the one that has waited longest first."""

    def __init__(self) -> None:
        self._since: dict[asyncio.BaseProtocol, float] = {}

    def add(self, connection: asyncio.BaseProtocol) -> None:
        """It waits from now on."""
        self._since[connection] = asyncio.get_running_loop().time()

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """While a request is answered, its connection does not wait."""
        self._since.pop(request.protocol, None)
        try:
            return await handler(request)
        finally:
            if request.protocol.transport is not None:
                self.add(request.protocol)

    def close_one(self) -> bool:
        """Close the one that has waited longest. False where there is none."""
        return any(self._close(one) for one in tuple(self._since))

    def close_before(self, moment: float) -> None:
        """Close those that have waited since before this moment, by the loop's clock."""
        for one, since in tuple(self._since.items()):
            if since >= moment:
                break
            self._close(one)

    async def close_idle(self) -> None:
        """Close those that wait for too long, until this is cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self.close_before(asyncio.get_running_loop().time() - IDLE_S)

    def _close(self, one: asyncio.BaseProtocol) -> bool:
        """False where it was closed already."""
        del self._since[one]
        if not isinstance(one, web.RequestHandler) or one.transport is None:
            return False
        one.force_close()
        return True


class Connections:
    """Makes the protocol of each connection by `serve`, within bounds."""

    def __init__(self, serve: web.Server, waiting: WaitingConnections, most: int = MOST) -> None:
        self._serve = serve
        self._waiting = waiting
        self._most = most

    def accept(self) -> asyncio.BaseProtocol:
        """The protocol of one more connection."""
        if len(self._serve.connections) >= self._most and not self._waiting.close_one():
            return _Closed()
        handler = self._serve()
        self._waiting.add(handler)
        return handler


class _Closed(asyncio.Protocol):
    """A connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
