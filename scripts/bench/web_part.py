"""The web gateway: how soon "call me" rings an agent, how much it accepts, and what a flood does.

The gateway and the engine are processes of their own, as in service; the pages are this one, which
speaks HTTP as browsers do. Who attacks is a process besides.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from scripts.gateway_process import free_tcp_port, gateway_process
from scripts.load.sip_text import answer_text, read_sip
from web.pages import without_comments

from .callbacks import spread
from .engine_process import ROOT, EngineProcess
from .options import Options
from .processes import cpu_s
from .report import Report, figure, percentile
from .web_client import HttpConnection, post
from .web_snippet import SHOP, measure

PART = "web"
RING_TARGET_MS = 60.0
CPU_TARGET_MS = 2.0  # 500 requests a second on one core
LATE_TARGET_MS = 200.0
CONNECTIONS = 64
WARM_UP = 100
GOOD = 50
ATTACK_S = 20.0
LATER_S = 86_400.0
SNIPPET = ROOT / "web/static/ringback.js"
ORIGIN = "https://shop.example"

TRUNK = """
[[trunks]]
name = "wire"
uri = "sip:127.0.0.1:9"
[[routes]]
prefix = "+"
trunks = ["wire"]
"""
SITES = """
[web]
listen = "127.0.0.1:{port}"
secret_file = "{directory}/web.secret"
[control]
socket = "{socket}"
[log]
level = "error"
"""
SITE = """
[[sites]]
key = "{key}"
name = "{key}.example"
origins = ["https://shop.example", "{shop}"]
agent = "sip:agent@127.0.0.1:{agent_port}"
proof_of_work = {proof}
limits = {{ per_address = 0, per_network = 0, per_number = 0, per_site = 0 }}
"""


class AgentPhone(asyncio.DatagramProtocol):
    """A phone that is busy: it notes when each job's INVITE has come, and refuses it."""

    def __init__(self) -> None:
        self.rung: dict[str, float] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)  # uvloop has its own

    def datagram_received(self, data: bytes, source: tuple[str | Any, int]) -> None:
        """A request of the engine."""
        now, request = time.monotonic(), read_sip(data)
        if request is None or request.method != "INVITE" or self._transport is None:
            return
        self.rung.setdefault(request.headers.get("x-job", ""), now)
        self._transport.sendto(answer_text(request, 486, to_tag="busy"), source)


async def run(report: Report, options: Options) -> None:
    """The three measurements, with one engine and one gateway."""
    loop = asyncio.get_running_loop()
    transport, phone = await loop.create_datagram_endpoint(AgentPhone, local_addr=("127.0.0.1", 0))
    agent_port = transport.get_extra_info("sockname")[1]
    headers = json.dumps({"X-Job": "{id}"})
    try:
        async with (
            EngineProcess(TRUNK, {"RINGBACK_DIAL__HEADERS": headers}) as engine,
            gateway(engine, agent_port) as (port, pid),
        ):
            await _measure(report, options, Visitors(port), phone, engine.pid, pid)
    finally:
        transport.close()


async def _measure(
    report: Report,
    options: Options,
    visitors: "Visitors",
    phone: AgentPhone,
    engine: int,
    web: int,
) -> None:
    add = report.figures.append
    await visitors.as_fast_as_answered(WARM_UP)
    asked = await spread(options.web_rings, 20.0, lambda _: visitors.timed_now())
    await asyncio.sleep(1.0)
    rings = [(phone.rung[job] - at) * 1e3 for job, at in asked if job in phone.rung]
    if len(rings) < len(asked):
        raise RuntimeError(f"{len(asked) - len(rings)} of {len(asked)} have not rung")
    add(figure(PART, '"call me" to the agent\'s INVITE, p50', "ms", [percentile(rings, 50)]))
    add(figure(PART, '"call me" to the agent\'s INVITE, p99', "ms", [percentile(rings, 99)],
               target=RING_TARGET_MS))  # fmt: skip
    rates, costs, shares = [], [], []
    for _ in range(options.accept_runs):
        before = cpu_s(engine), cpu_s(web)
        rates.append(await visitors.as_fast_as_answered(options.accept_requests))
        spent = [now - then for now, then in zip((cpu_s(engine), cpu_s(web)), before, strict=True)]
        costs.append(sum(spent) * 1e3 / options.accept_requests)
        shares.append(spent[1] * 1e3 / options.accept_requests)
    add(figure(PART, "requests accepted a second, the machine shared with the pages", "", rates))
    add(figure(PART, "CPU of a request, gateway and engine", "ms", costs, target=CPU_TARGET_MS))
    add(figure(PART, "CPU of a request, gateway", "ms", shares))
    snippet = without_comments(SNIPPET.read_text("utf-8")).encode()
    await measure(report, visitors.port, snippet, options.web_proofs)
    alone = await visitors.good(GOOD)
    attackers = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scripts.bench.web_client", str(visitors.port),
        str(options.web_refused), cwd=ROOT,
    )  # fmt: skip
    beside = await visitors.good(GOOD)
    if await attackers.wait() != 0:
        raise RuntimeError("an attack was answered otherwise than by a refusal")
    note = f"beside {options.web_refused} that are refused"
    add(figure(PART, f"reply to one of {GOOD} good requests alone, most", "ms", [max(alone)]))
    late = max(beside) - percentile(alone, 50)
    add(figure(PART, f"a good request late by, most, {note}", "ms", [late], target=LATE_TARGET_MS))


class Visitors:
    """Ask for callbacks, each for a number of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._count = 0

    async def as_fast_as_answered(self, count: int) -> float:
        """Ask for callbacks of tomorrow by CONNECTIONS at once; how many a second are accepted."""
        pages = [await HttpConnection.opened(self.port) for _ in range(CONNECTIONS)]
        started, left = time.monotonic(), iter(range(count))

        async def one(page: HttpConnection) -> None:
            for _ in left:
                await self._ask(page, when=time.time() + LATER_S)
            page.close()

        async with asyncio.TaskGroup() as group:
            for page in pages:
                group.create_task(one(page))
        return count / (time.monotonic() - started)

    async def timed_now(self) -> tuple[str, float]:
        """Press the button: the job, and when that was."""
        page = await HttpConnection.opened(self.port)
        try:
            started = time.monotonic()
            return (await self._ask(page))["id"], started
        finally:
            page.close()

    async def good(self, count: int) -> list[float]:
        """Requests evenly in ATTACK_S, each by a connection of its own: how long they took, ms."""

        async def one(_: int) -> float:
            started = time.monotonic()
            page = await HttpConnection.opened(self.port)
            try:
                await self._ask(page, when=time.time() + LATER_S)
            finally:
                page.close()
            return (time.monotonic() - started) * 1e3

        return await spread(count, count / ATTACK_S, one)

    async def _ask(self, page: HttpConnection, **more: Any) -> dict[str, Any]:
        self._count += 1
        form = {
            "number": f"020 7{self._count // 1000 % 1000:03} {self._count % 1000:03}0",
            "key": f"request-{self._count}",
            "name": "Ann",
            "context": {"page": "https://shop.example/prices", "pages": ["/", "/prices"]},
        } | more
        status, body = await page.ask(post("/v1/sites/load/callbacks", form, ORIGIN))
        if status != 202:
            raise RuntimeError(f"{status}: {body.decode()}")
        return json.loads(body)  # type: ignore[no-any-return]


@asynccontextmanager
async def gateway(engine: EngineProcess, agent_port: int) -> AsyncIterator[tuple[int, int]]:
    """`ringback web` with two sites: its port, and its process."""
    with TemporaryDirectory(prefix="ringback-bench-web-") as directory:
        port = free_tcp_port("127.0.0.1")
        text = SITES.format(port=port, directory=directory, socket=engine.socket)
        for key, proof in (("load", "false"), ("proof", "true")):
            text += SITE.format(key=key, proof=proof, agent_port=agent_port, shop=SHOP)
        file = Path(directory) / "web.toml"
        file.write_text(text)
        async with gateway_process(file, "127.0.0.1", port) as pid:
            yield port, pid
