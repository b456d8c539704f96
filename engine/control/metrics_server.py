"""Where Prometheus asks: GET /metrics, on an address of its own, answered with every figure."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

import structlog
from aiohttp import web

from config.settings import Settings
from config.value_checks.addresses import split_host_port

from .metrics import CONTENT_TYPE_LATEST, Gauges, LoopDelay, Metrics

log = structlog.get_logger()

# Of more connections than that, the one that was idle longest is closed.
MOST_CONNECTIONS = 16
BACKLOG = 1024
STOP_LIMIT_S = 1.0


class MetricsServer:
    """Serves what `text` gives, rendered once for all who ask at the same time."""

    def __init__(self, text: Callable[[], Awaitable[bytes]], content_type: str) -> None:
        self._text = text
        self._content_type = content_type
        self._rendering: asyncio.Task[bytes] | None = None
        self._runner: web.ServerRunner | None = None
        self._server: asyncio.Server | None = None
        self._answering: set[asyncio.BaseProtocol | None] = set()
        # The one whose last use is longest ago comes first; whether it was seen to be up.
        self._connections: dict[asyncio.BaseProtocol, bool] = {}
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Begin to serve. Raises OSError where the address cannot be had."""
        serve = web.Server(self._answer, access_log=None)
        self._runner = web.ServerRunner(serve, shutdown_timeout=STOP_LIMIT_S)
        await self._runner.setup()

        def connection() -> asyncio.BaseProtocol:
            self._forget_closed(serve.connections)
            if len(self._connections) >= MOST_CONNECTIONS and not self._let_one_go():
                return _Closed()
            handler = serve()
            self._connections[handler] = False
            return handler

        self._server = await asyncio.get_running_loop().create_server(
            connection, host, port, backlog=BACKLOG
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def _forget_closed(self, up: Collection[asyncio.BaseProtocol]) -> None:
        for one, was_up in tuple(self._connections.items()):
            if one in up:
                self._connections[one] = True
            elif was_up:
                del self._connections[one]

    def _let_one_go(self) -> bool:
        """Close the connection that was idle longest. False where none is idle."""
        for one in self._connections:
            if one not in self._answering and isinstance(one, web.RequestHandler):
                one.force_close()
                del self._connections[one]
                return True
        return False

    async def stop(self) -> None:
        """Serve no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/metrics":
            return web.Response(status=404, text="ask for /metrics\n")
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, headers={"allow": "GET, HEAD"})
        if self._rendering is None or self._rendering.done():
            self._rendering = asyncio.create_task(self._render())
        handler = request.protocol
        self._answering.add(handler)
        try:
            body = await asyncio.shield(self._rendering)
        finally:
            self._answering.discard(handler)
            if self._connections.pop(handler, None) is not None:
                self._connections[handler] = True  # it was used last
        return web.Response(body=body, headers={"content-type": self._content_type})

    async def _render(self) -> bytes:
        return await self._text()


class _Closed(asyncio.Protocol):
    """A connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class Exporter:
    """Serves what `metrics` has counted and what `gauges` read, at `metrics.listen`."""

    def __init__(self, metrics: Metrics, gauges: Gauges, loop_delay: LoopDelay) -> None:
        self._metrics = metrics
        self._gauges = gauges
        self._loop_delay = loop_delay
        self._server = MetricsServer(self._text, CONTENT_TYPE_LATEST)

    async def start(self, settings: Settings) -> None:
        """Begin to serve. Raises ConfigError where the address cannot be had."""
        host, port = split_host_port(settings.metrics.listen)
        try:
            await self._server.start(host, port)
        except OSError as error:
            reason = f"{host}:{port}: {error.strerror or error}"
            raise settings.error("metrics.listen", reason) from error
        self._loop_delay.start()

    async def stop(self) -> None:
        """Stop serving."""
        self._loop_delay.stop()
        await self._server.stop()

    async def _text(self) -> bytes:
        """Every figure, as Prometheus reads it. A thread of its own renders the text."""
        figures = [*self._metrics.totals(), *await self._gauges.read()]
        return await asyncio.to_thread(self._metrics.text, figures)
