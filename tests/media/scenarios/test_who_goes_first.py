"""Which threads of a media worker and of the stream host go before everything else."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from aiohttp import web

from media import priority
from media.priority import Turn
from media.streams.host_client import HostClient
from media.streams.messages import Event, OpenStream, Service, StreamReady
from tests.support.arrivals import Arrivals
from tests.support.bots import bot_that, ready
from tests.support.media.worker import WorkerBench

LIMIT_S = 60.0


@pytest.fixture
def allowed() -> None:
    with ThreadPoolExecutor(1) as threads:
        if not threads.submit(priority.go_first, Turn.HELPER).result():
            pytest.skip("there is no right here to go first")


def turns_of(pid: int) -> list[Turn]:
    """The turns of the threads of a process that go first."""
    return sorted(priority.first_of(Path(f"/proc/{pid}")).values())


@pytest.mark.usefixtures("allowed")
async def test_the_clock_of_a_worker_goes_first_and_its_relay_before_that() -> None:
    async with WorkerBench() as bench:
        pid = bench.client.pid
        assert pid is not None
        counters = await bench.client.counters()
        is_plain = counters.relay == "plain"  # and has no thread
        assert turns_of(pid) == ([Turn.CLOCK] if is_plain else [Turn.CLOCK, Turn.RELAY])


@pytest.mark.usefixtures("allowed")
async def test_the_stream_host_goes_after_the_worker() -> None:
    async def serve(connected: web.WebSocketResponse) -> None:
        await ready(connected)
        await connected.receive()

    events: Arrivals[Event] = Arrivals()
    host = HostClient(events.add)
    async with bot_that(serve) as bot:
        await host.open(OpenStream("s1", Service(bot.url), b"{}", "127.0.0.1", 4000))
        await events.wait_for(lambda one: isinstance(one, StreamReady), timeout_s=LIMIT_S)
        assert host.pid is not None
        assert turns_of(host.pid) == [Turn.HELPER]
        await host.stop()
