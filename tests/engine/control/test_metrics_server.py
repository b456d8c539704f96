"""GET /metrics over a real socket, from those who ask as they should and others."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.errors import ConfigError
from config.queues import Queue
from config.reporting import Metrics
from engine.control.metrics_server import MOST_CONNECTIONS, MetricsServer
from engine.daemon import Daemon
from tests.support.engines.in_process import request, running, settings_in
from tests.support.ports import free_port
from tests.support.waiting import until

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"


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


async def test_connections_that_are_idle_or_half_sent_keep_nobody_out(
    server: MetricsServer,
) -> None:
    url = f"http://127.0.0.1:{server.port}/metrics"
    lines = []
    for number in range(2 * MOST_CONNECTIONS):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        if number % 2:
            writer.write(b"GET /metrics HTTP/1.1\r\nHost:")
        lines.append((reader, writer))
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200
        first, _writer = lines[0]
        async with asyncio.timeout(40):
            assert await first.read() == b""  # the oldest has given way
        for _ in range(MOST_CONNECTIONS):  # and who has just asked comes last
            lines.append(await asyncio.open_connection("127.0.0.1", server.port))
    for _reader, writer in lines:
        writer.close()


async def test_one_that_is_being_answered_does_not_give_way(
    server: MetricsServer, text: Text
) -> None:
    text.may_go_on.clear()
    url = f"http://127.0.0.1:{server.port}/metrics"
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask() -> int:
            async with session.get(url) as response:
                return response.status

        asking = [asyncio.create_task(ask()) for _ in range(MOST_CONNECTIONS)]
        await until(lambda: len(server._answering) == MOST_CONNECTIONS)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        async with asyncio.timeout(40):
            assert await reader.read() == b""
        writer.close()
        text.may_go_on.set()
        assert set(await asyncio.gather(*asking)) == {200}


async def test_an_engine_is_scraped_and_every_name_is_documented(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    settings = settings_in(tmp_path).model_copy(
        update={"metrics": Metrics(listen=listen), "queues": [Queue(name="sales")]}
    )
    async with running(settings) as (_daemon, client):
        await client.callback(**request())
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{listen}/metrics") as response,
        ):
            assert response.status == 200
            text = await response.text()
        with pytest.raises(ConfigError, match=r"metrics\.listen"):
            (tmp_path / "other").mkdir()
            other = settings_in(tmp_path / "other").model_copy(update={"metrics": settings.metrics})
            second = Daemon(other)
            try:
                await second.start()
            finally:
                await second.stop()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    value = {name: family.samples[0].value for name, family in families.items() if family.samples}
    assert value["ringback_jobs_open"] == 1
    assert value["ringback_trunk_usable"] == 1
    assert value["ringback_queue_waiting"] == 0
    assert value["ringback_sip_internal_errors"] == 0
    assert value["ringback_media_ports_free"] > 0
    assert value["ringback_store_commits"] >= 1
    assert value["ringback_loop_delay_seconds"] >= 0
    assert {s.labels["state"] for s in families["ringback_agents"].samples} == {"available"}
    kinds = {s.labels["type"] for s in families["ringback_events"].samples}
    assert {"engine.started", "callback.queued"} <= kinds
    documented = DOCUMENT.read_text()
    missing = [name for name in families if name.startswith("ringback_") and name not in documented]
    assert not missing
