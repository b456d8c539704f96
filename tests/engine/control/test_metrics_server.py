"""GET /metrics over a real socket, from those who ask as they should and others."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from engine.control.metrics_server import MOST_CONNECTIONS, MetricsServer

from ..control_peer import until


class Text:
    """Gives a text when it may, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def __call__(self) -> bytes:
        self.asked += 1
        await self.may_go_on.wait()
        return b"ringback_calls 3.0\n"


@pytest.fixture
async def text() -> Text:
    return Text()


@pytest.fixture
async def server(text: Text) -> AsyncIterator[MetricsServer]:
    server = MetricsServer(text, "text/plain; version=0.0.4")
    await server.start("127.0.0.1", 0)
    yield server
    await server.stop()


async def test_it_serves_one_path(server: MetricsServer) -> None:
    url = f"http://127.0.0.1:{server.port}"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/metrics") as response:
            assert response.status == 200
            assert response.headers["content-type"] == "text/plain; version=0.0.4"
            assert await response.read() == b"ringback_calls 3.0\n"
        async with session.get(f"{url}/") as response:
            assert response.status == 404
        async with session.post(f"{url}/metrics") as response:
            assert response.status == 405


async def test_who_ask_together_get_one_rendering(server: MetricsServer, text: Text) -> None:
    text.may_go_on.clear()
    url = f"http://127.0.0.1:{server.port}/metrics"

    async def ask() -> bytes:
        async with session.get(url) as response:
            return await response.read()

    async with aiohttp.ClientSession() as session:
        asking = [asyncio.create_task(ask()) for _ in range(5)]
        await until(lambda: text.asked)
        await asyncio.sleep(0.05)
        text.may_go_on.set()
        assert set(await asyncio.gather(*asking)) == {b"ringback_calls 3.0\n"}
        assert text.asked <= 2
        await ask()
        assert text.asked >= 2


async def test_idle_connections_are_bounded(server: MetricsServer) -> None:
    lines = [
        await asyncio.open_connection("127.0.0.1", server.port) for _ in range(MOST_CONNECTIONS)
    ]
    await asyncio.sleep(0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    for _reader, writer in lines:
        writer.close()
    await asyncio.sleep(0.05)
    url = f"http://127.0.0.1:{server.port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200
