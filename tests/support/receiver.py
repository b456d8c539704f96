"""A receiver of webhooks on loopback: keeps what it was sent, and answers as a test wants."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from .arrivals import Arrivals
from .waiting import DEADLINE_S

Behaviour = Callable[["Received"], Awaitable[web.StreamResponse] | web.StreamResponse]


@dataclass(frozen=True, slots=True)
class Received:
    """One request, as it came."""

    headers: dict[str, str]
    body: bytes
    peer: tuple[str, int]

    @property
    def event(self) -> dict[str, Any]:
        """The body, read."""
        event: dict[str, Any] = json.loads(self.body)
        return event


def takes_it(_received: Received) -> web.Response:
    """Answers 204."""
    return web.Response(status=204)


class Receiver:
    """Serves POST /in; `behaviour` answers. `at_once` is how many requests it had at most."""

    def __init__(self, behaviour: Behaviour = takes_it, *, tls: ssl.SSLContext | None = None):
        self.behaviour = behaviour
        self.requests: Arrivals[Received] = Arrivals()
        self.port = 0
        self.at_once = 0
        self._now = 0
        self._tls = tls
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http{'s' if self._tls else ''}://localhost:{self.port}/in"

    async def start(self) -> Self:
        """Serve, at the same port as before where there was one."""
        app = web.Application()
        app.router.add_post("/in", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        """Be gone."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_failure: object) -> None:
        await self.stop()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert request.transport is not None
        peer = request.transport.get_extra_info("peername")
        received = Received(headers, await request.read(), peer)
        self._now += 1
        self.at_once = max(self.at_once, self._now)
        self.requests.add(received)
        try:
            answer = self.behaviour(received)
            return answer if isinstance(answer, web.StreamResponse) else await answer
        finally:
            self._now -= 1

    async def got(self, count: int, timeout_s: float = DEADLINE_S) -> list[Received]:
        """The first `count` requests, once there are that many."""
        await self.requests.wait_for(lambda _: True, timeout_s=timeout_s, nth=count)
        return self.requests.items[:count]


async def hangs(_received: Received) -> web.StreamResponse:
    """Never answers."""
    await asyncio.Event().wait()
    raise AssertionError
