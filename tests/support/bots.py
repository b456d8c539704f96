"""The example bots of scripts/bots as processes, and bots that do what a test tells them to."""

import asyncio
import contextlib
import os
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

ROOT = Path(__file__).resolve().parents[2]
START_S = 60.0
NODE_ENVIRONMENT = {**os.environ, "NODE_PATH": str(ROOT / ".venv/node/node_modules")}
"""Where `make test` has npm install what the bots for Node use."""


class BotProcess:
    """A running bot. `url` is where it listens."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url

    def kill(self) -> None:
        """End it without a word."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def wait(self) -> None:
        """Wait for its end."""
        await self._process.wait()


@contextlib.asynccontextmanager
async def running_bot(*command: str) -> AsyncIterator[BotProcess]:
    """Run a bot: the name of a file in scripts/bots, or a program and its arguments."""
    program, *arguments = command
    if program.endswith(".py"):
        program, arguments = sys.executable, [str(ROOT / "scripts/bots" / program), *arguments]
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, cwd=ROOT, env=NODE_ENVIRONMENT
    )
    assert process.stdout is not None
    bot = BotProcess(process, "")
    try:
        async with asyncio.timeout(START_S):
            bot.url = (await process.stdout.readline()).decode().strip()
        assert bot.url.startswith("ws://")
        yield bot
    finally:
        bot.kill()
        await bot.wait()


class TestBot:
    """A bot in this process. `requests` has those that have come to it."""

    __test__ = False

    def __init__(self, serve: Callable[[web.WebSocketResponse], Awaitable[None]]) -> None:
        self._serve = serve
        self._runner: web.AppRunner | None = None
        self.url = ""
        self.requests: list[web.Request] = []

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen on a port that the kernel gives."""
        application = web.Application()
        application.router.add_get("/{path:.*}", self._talk)
        runner = self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        scheme = "ws" if tls is None else "wss"
        self.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}/"

    async def stop(self) -> None:
        """Listen no more, and close what is open."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        await self._serve(socket)
        return socket


@contextlib.asynccontextmanager
async def bot_that(
    serve: Callable[[web.WebSocketResponse], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[TestBot]:
    """A bot that serves each WebSocket by `serve`."""
    bot = TestBot(serve)
    await bot.start(tls)
    try:
        yield bot
    finally:
        await bot.stop()


async def ready(socket: web.WebSocketResponse) -> dict[str, Any]:
    """Acknowledge `start`, and return it."""
    start: dict[str, Any] = await socket.receive_json()
    await socket.send_json({"type": "ready"})
    return start
