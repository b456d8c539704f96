"""How many requests a second are accepted, each on the disk before it is answered.

The callbacks are for tomorrow: nobody is called, what is measured is acceptance alone. Several
clients pipeline their requests: once as fast as they are answered, then at the rate promised.
"""

import asyncio
import time
from typing import Any

from ringback_client import Client

from .callbacks import spread
from .engine_process import EngineProcess
from .options import Options
from .report import Report, figure, percentile

PART = "accept"
RATE_TARGET_PER_S = 500.0
CLIENTS = 8
IN_FLIGHT = 16  # of each client
LATER_S = 86_400.0
WARM_UP = 200


async def run(report: Report, options: Options) -> None:
    """Requests from several clients: the most a second, and replies at the promised rate."""
    async with EngineProcess() as engine:
        clients = [await Client.connect(str(engine.socket)) for _ in range(CLIENTS)]
        try:
            await _measure(report, options, Requests(clients))
        finally:
            for client in clients:
                await client.close()


async def _measure(report: Report, options: Options, requests: "Requests") -> None:
    await requests.as_fast_as_answered(WARM_UP)
    rates: list[float] = []
    p50: list[float] = []
    p99: list[float] = []
    for _ in range(options.accept_runs):
        rates.append(await requests.as_fast_as_answered(options.accept_requests))
        times = await requests.at_rate(options.accept_requests, RATE_TARGET_PER_S)
        p50.append(percentile(times, 50))
        p99.append(percentile(times, 99))
    add = report.figures.append
    add(figure(PART, "requests accepted a second", "", rates, at_least=RATE_TARGET_PER_S))
    label = f"reply at {RATE_TARGET_PER_S:.0f} requests a second"
    add(figure(PART, f"{label}, p50", "ms", p50))
    add(figure(PART, f"{label}, p99", "ms", p99))


class Requests:
    """Asks for callbacks by several clients in turn, each for a customer of its own."""

    def __init__(self, clients: list[Client]) -> None:
        self._clients = clients
        self._number = 0

    async def as_fast_as_answered(self, count: int) -> float:
        """Make `count` requests, as many at a time as clients may have; how many a second."""
        places = asyncio.Semaphore(len(self._clients) * IN_FLIGHT)

        async def one() -> None:
            async with places:
                await self._request()

        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(one())
        return count / (time.monotonic() - started)

    async def at_rate(self, count: int, per_s: float) -> list[float]:
        """Make `count` requests evenly in time; how long each took to be answered, ms."""

        async def timed(_: int) -> float:
            started = time.monotonic()
            await self._request()
            return (time.monotonic() - started) * 1e3

        return await spread(count, per_s, timed)

    async def _request(self) -> None:
        self._number += 1
        number = self._number
        job: dict[str, Any] = await self._clients[number % len(self._clients)].call(
            "callback.request",
            id=f"later-{number}",
            agent="sip:agent@127.0.0.1",
            to=f"sip:customer{number}@127.0.0.1",
            context={"site": "shop.example", "page": f"/offer/{number}"},
            not_before=time.time() + LATER_S,
        )
        if job["state"] != "queued":
            raise RuntimeError(f"{job['id']} is {job['state']}, not queued")
