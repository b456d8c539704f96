"""The connections of visitors: how many there may be, and how long one may wait without asking.

Anybody can open connections and say nothing, or half of a request. They take descriptors, and no
visitor gets in once those are gone.
"""

import asyncio
import contextlib
import gc
import logging
from collections.abc import Iterator
from typing import Any, Final

from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.typedefs import Handler

MOST: Final = 2048
"""Where all are taken, the one that has waited longest without asking is closed for the next."""
IDLE_S: Final = 15.0
"""How long a connection may take for the head of a request, from its begin or its last answer."""
BODY_S: Final = 10.0
"""How long a request may take for its body."""
WAITING_BYTES: Final = 128 * 1024
"""How much a connection may send that is not answered yet. More than any request has."""
_LOOK_EVERY_S: Final = 1.0


class WaitingConnections:
    """Those that give way where all are taken: of which no whole request is there, the one that
    has waited longest first; and then those that follow events, which come again by themselves.
    """

    def __init__(self) -> None:
        self._since: dict[asyncio.BaseProtocol, float] = {}
        self._received: dict[asyncio.BaseProtocol, int] = {}
        self._streams: dict[web.RequestHandler, asyncio.Event] = {}
        self.broken = 0
        """How many requests were none, since the collector has looked at what they leave."""

    def add(self, connection: asyncio.BaseProtocol) -> None:
        """It waits from now on."""
        self._since[connection] = asyncio.get_running_loop().time()
        self._received[connection] = 0

    def admit(self, connection: asyncio.BaseProtocol, count: int) -> bool:
        """Whether so many bytes more may be read of it before it is answered."""
        if connection not in self._received:
            return True
        self._received[connection] += count
        return self._received[connection] <= WAITING_BYTES

    def forget(self, connection: asyncio.BaseProtocol) -> None:
        """It waits no more."""
        self._since.pop(connection, None)
        self._received.pop(connection, None)

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """While a request is answered that is there as a whole, its connection does not wait."""
        request[_WAITING] = self
        self.forget(request.protocol)
        try:
            return await handler(request)
        finally:
            if request.protocol.transport is not None:
                self.add(request.protocol)

    @contextlib.contextmanager
    def streaming(self, request: web.Request, changed: asyncio.Event) -> Iterator[None]:
        """The answer goes on as events come, which `changed` says. It is set too once the
        connection is gone."""
        self._streams[request.protocol] = changed
        try:
            yield
        finally:
            self._streams.pop(request.protocol, None)

    def close_one(self) -> bool:
        """Close the one that has waited longest. False where there is none."""
        waiting = any(self._close(one) for one in tuple(self._since))
        return waiting or any(self._end(one) for one in tuple(self._streams))

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
            self.end_streams()
            self.collect()

    def collect(self) -> None:
        """Free what broken requests have left, which refers to itself in circles.

        The collector by itself looks when there are many objects, however large they are.
        """
        if self.broken:
            self.broken = 0
            gc.collect()

    def end_streams(self) -> None:
        """End the answers to those who have hung up: they are not told by themselves."""
        for one in [one for one in self._streams if one.transport is None]:
            self._end(one)

    def _end(self, one: web.RequestHandler) -> bool:
        """False where it was closed already."""
        self._streams.pop(one).set()
        if one.transport is None:
            return False
        one.force_close()
        return True

    def _close(self, one: asyncio.BaseProtocol) -> bool:
        """False where it was closed already."""
        self.forget(one)
        if not isinstance(one, web.RequestHandler) or one.transport is None:
            return False
        one.force_close()
        return True


_WAITING: Final[web.RequestKey[WaitingConnections]] = web.RequestKey("waiting", WaitingConnections)


@contextlib.contextmanager
def streaming(request: web.Request, changed: asyncio.Event) -> Iterator[None]:
    """See WaitingConnections.streaming: of those that count the connection of the request."""
    waiting = request.get(_WAITING)
    with contextlib.nullcontext() if waiting is None else waiting.streaming(request, changed):
        yield


def is_gone(request: web.Request) -> bool:
    """Whether nobody hears the answer any more."""
    transport = request.transport
    return transport is None or transport.is_closing()


def server_log() -> logging.Logger:
    """Where aiohttp says what has gone wrong: not what strangers do wrong, which has no end."""
    log = logging.getLogger("ringback.web")
    log.addFilter(_is_ours)
    return log


def _is_ours(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | ConnectionError)


class Connections:
    """Makes the protocol of each connection by `serve`, within bounds."""

    def __init__(self, serve: web.Server, waiting: WaitingConnections, most: int = MOST) -> None:
        self._serve = serve
        self._waiting = waiting
        self._most = most
        self._log = server_log()

    def accept(self) -> asyncio.BaseProtocol:
        """The protocol of one more connection."""
        if len(self._serve.connections) >= self._most and not self._waiting.close_one():
            return _Closed()
        loop = asyncio.get_running_loop()
        return _Handler(self._waiting, self._serve, loop=loop, access_log=None, logger=self._log)


class _Handler(web.RequestHandler):
    """The protocol of a connection. Of one that sends without an end no more is parsed."""

    __slots__ = ("_bounds",)

    def __init__(self, bounds: WaitingConnections, serve: web.Server, **more: Any) -> None:
        super().__init__(serve, **more)
        self._bounds = bounds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol. With TLS, its handshake is complete."""
        super().connection_made(transport)
        self._bounds.add(self)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._bounds.admit(self, len(data)):
            super().data_received(data)
        else:
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no request."""
        self._bounds.broken += 1
        return super().handle_error(request, status, exc, message)

    def connection_lost(self, exc: BaseException | None) -> None:
        """See asyncio.Protocol."""
        self._bounds.forget(self)
        super().connection_lost(exc)


class _Closed(asyncio.Protocol):
    """A connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
