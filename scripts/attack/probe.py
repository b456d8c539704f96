"""What others notice of an attack: answers of the control socket, new calls, talks, memory."""

import asyncio
import json
import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringback_client import Client, ClientError, EngineError
from scripts.bench.callbacks import Callbacks
from scripts.bench.engine_process import EngineProcess
from scripts.bench.report import percentile
from scripts.load.driver import LoadPeerProcess

from .stage import TOKEN
from .target import (
    CONTROL_PORT,
    ENGINE_HOST,
    METRICS_PORT,
    STRANGER_HOST,
    TRUNK_HOST,
    Target,
    tcp_from,
)

ROOT = Path(__file__).resolve().parents[2]
PINGS_PER_S = 20
CALLS_PER_S = 4
CALL_LIMIT_S = 15.0
MEMORY_SETTLES_S = 3.0


CALM_S, CALM_SHARE = 0.5, 0.2
CALM_LOOKS = 30
ALL_SETTLES_S = 40
"""Longer than the engine keeps the transactions and half-open calls of the last attack."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """What was noticed in one span."""

    sent: int
    ping_p99_ms: float
    set_up_p50_ms: float
    failed: int
    lost: int
    others: int
    memory_mib: float
    locked_out: tuple[str, ...]
    """Who could not get in meanwhile."""


async def notice(
    engine: EngineProcess,
    peer: LoadPeerProcess,
    calls: Callbacks,
    attacker: str | None,
    seconds: float,
    tls: ssl.SSLContext,
) -> Noticed:
    """Let `attacker` (or nobody) run for a time, and measure what others notice."""
    target = Target.of(engine, peer.sip)
    others = (await asyncio.to_thread(peer.ask, "stats"))["heard_from_others"]
    attack = None
    if attacker is not None:
        attack = await _attacker(target, attacker, seconds + 1)
        await asyncio.sleep(1.0)  # it has begun
    window = asyncio.create_task(asyncio.to_thread(peer.ask, "window", s=seconds))
    pings, set_ups, locked_out = await asyncio.gather(
        _pings(str(engine.socket), seconds),
        _set_ups(calls, seconds),
        _open_ports(target, str(engine.socket), tls),
    )
    lost = int((await window)["lost"])
    sent = 0
    if attack is not None:
        said, _ = await attack.communicate()
        sent = int(said or 0)
        await asyncio.sleep(MEMORY_SETTLES_S)
    stats = await asyncio.to_thread(peer.ask, "stats")
    took = [one for one in set_ups if one is not None]
    return Noticed(
        sent=sent,
        ping_p99_ms=percentile(pings, 99),
        set_up_p50_ms=percentile(took, 50),
        failed=len(set_ups) - len(took),
        lost=lost,
        others=stats["heard_from_others"] - others,
        memory_mib=_memory_mib(engine),
        locked_out=tuple(locked_out),
    )


async def _attacker(target: Target, name: str, seconds: float) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.attack.attackers", name, str(seconds)),
        json.dumps(target.as_dict()),
        cwd=ROOT,
        start_new_session=True,
        stdout=asyncio.subprocess.PIPE,
    )


async def let_through(
    engine: EngineProcess, peer: LoadPeerProcess, attacker: str, seconds: float
) -> None:
    """Let it attack for a moment, and measure nothing: what it fills at first is full then."""
    attack = await _attacker(Target.of(engine, peer.sip), attacker, seconds)
    await attack.communicate()


async def is_calm(engine: EngineProcess) -> bool:
    """Wait until nothing of the attack before keeps the engine busy: attacks are told apart."""
    for _ in range(CALM_LOOKS):
        used_s = sum(engine.cpu_s())
        await asyncio.sleep(CALM_S)
        if sum(engine.cpu_s()) - used_s < CALM_SHARE * CALM_S:
            return True
    return False


async def memory_left(engine: EngineProcess, most_mib: float) -> float:
    """What engine and media worker hold once they have given back what they held for a while."""
    left = _memory_mib(engine)
    for _ in range(ALL_SETTLES_S):
        if left <= most_mib:
            break
        await asyncio.sleep(1.0)
        left = _memory_mib(engine)
    return left


def _memory_mib(engine: EngineProcess) -> float:
    return sum(engine.anonymous_bytes()) / (1 << 20)


async def _pings(socket: str, seconds: float) -> list[float]:
    found = []
    async with await Client.connect(socket) as client:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.monotonic()
            await client.call("ping")
            found.append((time.monotonic() - began) * 1000)
            await asyncio.sleep(1 / PINGS_PER_S)
    return found


async def _set_ups(calls: Callbacks, seconds: float) -> list[float | None]:
    """How long each of some callbacks took until the two were joined; None: it failed."""

    async def one() -> float | None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(CALL_LIMIT_S):
                followed = await calls.request("answer-0", "answer-0.bye-300")
                await followed.event("bridged")
                took = (time.monotonic() - began) * 1000
                state, _cause = await followed.ended()
        except (ClientError, EngineError, TimeoutError):
            return None
        return took if state == "completed" else None

    tasks = []
    for _ in range(round(seconds * CALLS_PER_S)):
        tasks.append(asyncio.create_task(one()))
        await asyncio.sleep(1 / CALLS_PER_S)
    return list(await asyncio.gather(*tasks))


async def _open_ports(target: Target, socket: str, tls: ssl.SSLContext) -> list[str]:
    """Who cannot get in while the attack goes on."""
    checks: dict[str, Any] = {
        "the trunk by TCP": lambda: _answers_by_tcp(target),
        "root at the control socket": lambda: asyncio.run(_ping_once(socket)),
        "a token holder by TLS": lambda: asyncio.run(_ping_by_tls(tls)),
        "the metrics": _metrics,
    }
    found = []
    for who, check in checks.items():
        try:
            await asyncio.to_thread(check)
        except (OSError, ClientError, EngineError, TimeoutError, EOFError):
            found.append(who)
    return found


def _answers_by_tcp(target: Target) -> None:
    with tcp_from(TRUNK_HOST, target.sip_port) as line:
        line.sendall(
            b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.2;branch=z9hG4bKo\r\n"
            b"From: <sip:t@127.0.0.2>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: probe\r\n"
            b"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        if not line.recv(4096).startswith(b"SIP/2.0 200"):
            raise EOFError


async def _ping_once(socket: str) -> None:
    async with await Client.connect(socket, reply_s=5.0) as client:
        await client.call("ping")


async def _ping_by_tls(tls: ssl.SSLContext) -> None:
    connection = Client.connect(
        host=ENGINE_HOST, port=CONTROL_PORT, token=TOKEN, tls=tls, reply_s=5.0
    )
    async with await connection as client:
        await client.call("ping")


def _metrics() -> None:
    with tcp_from(STRANGER_HOST.replace("66", "67"), METRICS_PORT) as line:
        line.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        if not line.recv(4096).startswith(b"HTTP/1.1 200"):
            raise EOFError
