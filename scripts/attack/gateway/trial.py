"""One attack on the gateway after the other, and what visitors and the engine notice of each."""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from ringback_client import Client, ClientError
from scripts.bench.engine_process import ROOT, EngineProcess
from scripts.bench.processes import anonymous_bytes
from scripts.bench.report import percentile
from scripts.bench.web_client import HttpConnection

from .attackers import ATTACKERS
from .http import form, request
from .outcomes import OUTCOMES
from .stage import BLOCKED, ENGINE, GatewayProcess, gateway
from .tls_attackers import TLS_ATTACKERS

NAMES = (*ATTACKERS, *OUTCOMES)
SECONDS = 5.0
WARM_S = 1.0
GOOD_PER_S = 8
PINGS_PER_S = 20
BEGINS_S = 1.0
VISITOR_S = 5.0
SETTLES_S = 1.5
LATE_MS = 200.0
PING_P99_MS = 20.0
RATIO = 1.5
MEMORY_RATIO, MEMORY_SLACK_MIB = 1.10, 24.0
"""The gateway holds 2,048 connections, and what it has counted of their addresses."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was noticed in one span."""

    sent: int
    answered_ms: list[float]
    failed: int
    ping_p99_ms: float
    engine_mib: float
    gateway_mib: float
    wrong: tuple[str, ...] = ()

    @property
    def usual_ms(self) -> float:
        """How long a visitor waits for the answer."""
        return percentile(self.answered_ms, 50)


def judge(seen: Seen, quiet: Seen) -> tuple[str, ...]:
    """What is wrong with it; `quiet` is the span in which nobody attacks."""
    late_ms = max(seen.answered_ms, default=0.0) - quiet.usual_ms
    # What else runs on the machine delays everybody: then the quiet span is the measure.
    usual_late_ms = max(quiet.answered_ms, default=0.0) - quiet.usual_ms
    limits = {
        f"a visitor {late_ms:.0f} ms late": late_ms > max(LATE_MS, usual_late_ms * RATIO),
        "visitors failed": seen.failed > 0,
        "slow pings": seen.ping_p99_ms > max(PING_P99_MS, quiet.ping_p99_ms * RATIO),
        "memory of the engine": seen.engine_mib > quiet.engine_mib * MEMORY_RATIO + 8.0,
        "memory of the gateway": (
            seen.gateway_mib > quiet.gateway_mib * MEMORY_RATIO + MEMORY_SLACK_MIB
        ),
    }
    return (*(what for what, is_broken in limits.items() if is_broken), *seen.wrong)


async def attack_gateway(console: Console, names: list[str]) -> bool:
    """Attack an engine's gateway; whether anybody noticed more than may be."""
    table = Table(title="The web gateway under attack", title_justify="left")
    for head in ("attack", "sent", "visitors", "answer, most", "engine's ping p99", "engine",
                 "gateway", "verdict"):  # fmt: skip
        table.add_column(head)
    is_noticed = False
    async with EngineProcess(ENGINE) as engine:
        for is_secure in (False, True):
            wanted = [name for name in names if (name in TLS_ATTACKERS) is is_secure]
            if wanted:
                async with gateway(engine, is_secure=is_secure) as web:
                    found = await _one_by_one(console, table, engine, web, wanted)
                is_noticed = is_noticed or found
    console.print(table)
    return is_noticed


async def _one_by_one(
    console: Console, table: Table, engine: EngineProcess, web: GatewayProcess, names: list[str]
) -> bool:
    """Attack one gateway; whether anybody noticed more than may be."""
    is_noticed = False
    async with await Client.connect(str(engine.socket)) as client:
        await client.call("number.block", number=BLOCKED, reason="asked us")
        for name in names:  # what is made at first use is made, and what is bounded fills up
            if name in ATTACKERS:
                await _span(engine, web, client, name, WARM_S)
        quiet = await _span(engine, web, client, None)
        _add(table, "nobody" if web.trusted is None else "nobody, with TLS", quiet, ())
        for name in names:
            seen = await _span(engine, web, client, name)
            broken = judge(seen, quiet)
            is_noticed = is_noticed or bool(broken)
            _add(table, name, seen, broken)
            console.print(f"{name}: {', '.join(broken) or 'held'}", highlight=False)
    said = web.log.read_text(errors="replace")
    if said:
        is_noticed = True
        console.print(f"the gateway's log has {len(said)} characters: {said[:2000]}")
    return is_noticed


async def _span(
    engine: EngineProcess,
    web: GatewayProcess,
    client: Client,
    name: str | None,
    seconds: float = SECONDS,
) -> Seen:
    attack = None
    if name in ATTACKERS:
        attack = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "scripts.attack.gateway.attackers"),
            *(name or "", str(seconds + BEGINS_S), str(web.port)),
            cwd=ROOT,
            start_new_session=True,
            stdout=asyncio.subprocess.PIPE,
        )
        await asyncio.sleep(BEGINS_S)
    if name in OUTCOMES:
        checked = asyncio.create_task(
            asyncio.to_thread(lambda: list(OUTCOMES[name or ""](web.port)))
        )
        pings, visitors = await _while(checked, client, web)
        wrong, sent = await checked, 0
    else:
        timer = asyncio.create_task(asyncio.sleep(seconds))
        pings, visitors = await _while(timer, client, web)
        found: dict[str, Any] = {"sent": 0, "wrong": []}
        if attack is not None:
            said, _ = await attack.communicate()
            found = json.loads(said) if said else {"sent": 0, "wrong": ["the attacker has failed"]}
            await asyncio.sleep(SETTLES_S)
        wrong, sent = found["wrong"], found["sent"]
    took = [one for one in visitors if one is not None]
    return Seen(
        sent=sent,
        answered_ms=took,
        failed=len(visitors) - len(took),
        ping_p99_ms=percentile(pings, 99),
        engine_mib=sum(engine.anonymous_bytes()) / (1 << 20),
        gateway_mib=anonymous_bytes(web.pid) / (1 << 20),
        wrong=tuple(wrong),
    )


async def _while(
    over: "asyncio.Task[Any]", client: Client, web: GatewayProcess
) -> tuple[list[float], list[float | None]]:
    """Pings of the engine, and requests of visitors, until that is over, and one at least."""
    pings: list[float] = []
    visitors: list[asyncio.Task[float | None]] = []
    while not over.done() or not visitors:
        began = time.monotonic()
        await client.call("ping")
        pings.append((time.monotonic() - began) * 1e3)
        if len(pings) % (PINGS_PER_S // GOOD_PER_S) == 1:
            visitors.append(asyncio.create_task(_visit(web)))
        await asyncio.sleep(1 / PINGS_PER_S)
    return pings, list(await asyncio.gather(*visitors))


_visits = iter(range(1, 10**9))


async def _visit(web: GatewayProcess) -> float | None:
    """How long a visitor waits who asks to be called tomorrow, ms; None: they are not heard."""
    number = next(_visits)
    body = form(
        0,
        number=f"020 7{number // 1000 % 1000:03} {number % 1000:03}0",
        key=f"good-visitor-{number}",
        when=time.time() + 86_400,
    )
    began = time.monotonic()
    try:
        async with asyncio.timeout(VISITOR_S):
            page = await HttpConnection.opened(web.port, web.trusted)
            try:
                asked = request("POST", "/v1/sites/load/callbacks", body)
                status, _body = await page.ask(asked)
            finally:
                page.close()
    except (OSError, EOFError, TimeoutError, ClientError):
        return None
    return (time.monotonic() - began) * 1e3 if status == 202 else None


def _add(table: Table, name: str, seen: Seen, broken: tuple[str, ...]) -> None:
    table.add_row(
        name,
        f"{seen.sent or ''}",
        f"{len(seen.answered_ms)}",
        f"{max(seen.answered_ms, default=0.0):.0f} ms",
        f"{seen.ping_p99_ms:.1f} ms",
        f"{seen.engine_mib:.0f} MiB",
        f"{seen.gateway_mib:.0f} MiB",
        "held" if not broken else f"[bold red]{len(broken)} broken[/]",
    )
