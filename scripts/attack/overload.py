"""More calls than the machine can carry: refused in words, and those that are up stay good.

The engine and its media worker get one core, and a neighbour takes most of it, so that the limit is
reached in seconds, by what one load peer can do on the rest of the machine. How much it takes is
reckoned from what a few calls cost there.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from ringback_client import EngineError
from scripts.bench.callbacks import Callbacks
from scripts.bench.engine_process import EngineProcess
from scripts.bench.report import percentile
from scripts.load.driver import LoadPeerProcess

from .sip_attackers import SDP, message
from .target import ENGINE_HOST, MORE, TRUNK_HOST, WEB, udp_from

NAME = "overload"
OFFERED_PER_S = 30.0
MOST_OFFERED = 1000
LIMIT_S = 60.0
ROOT = Path(__file__).resolve().parents[2]
ENOUGH_REFUSED = 50
PING_P99_MS = 300.0
# Where pings took longer with a few calls up, the machine is busy with something else.
PING_RATIO = 2.0
# Of the packets, besides those lost with a few calls up.
LOST_SHARE = 0.01
DELAY_P99_MS = 100.0
FEW = 60
WINDOW_S = 4.0
ENOUGH_CALLS = 400
"""About so many calls are to fit beside the neighbour, with SETTING_UP of the core for new ones."""
SETTING_UP = 0.1
LEAST_TAKEN, MOST_TAKEN = 0.3, 0.85


@dataclass(slots=True)
class Offered:
    """What became of the calls that were offered, and what those noticed that are up."""

    count: int = 0
    accepted: int = 0
    refused: int = 0
    """In words, with when to come again."""
    without_words: int = 0
    ended: int = 0
    """Calls that were up, and are not."""
    pings_before_ms: list[float] = field(default_factory=list)
    """With a few calls up."""
    pings_ms: list[float] = field(default_factory=list)
    """While calls are refused."""
    packets: int = 0
    lost: int = 0
    delay_p99_ms: float = 0.0
    """How long packets of those that are up take."""
    lost_before: float = 0.0
    """Of the packets, with a few calls up."""
    neighbour: float = 0.0
    """What the neighbour took of the core."""
    answer: str = ""
    """What a call that comes in is answered meanwhile."""

    def note(self, error: EngineError) -> None:
        """A call was refused."""
        told = error.data
        is_overload = error.kind == "unavailable" and told.get("reason") == "overload"
        if is_overload and error.message and told.get("retry_after_s", 0) > 0:
            self.refused += 1
        else:
            self.without_words += 1

    @property
    def turned_away(self) -> int:
        """How many were not accepted."""
        return self.refused + self.without_words

    @property
    def ping_p99_ms(self) -> float:
        """How long others waited meanwhile."""
        return _p99(self.pings_ms)

    def broken(self) -> tuple[str, ...]:
        """What is not as it must be."""
        ping_ms = max(PING_P99_MS, _p99(self.pings_before_ms) * PING_RATIO)
        found = {
            "nothing refused": not self.refused,
            "refused without words": self.without_words > 0,
            "calls ended": self.ended > 0,
            f"ping over {ping_ms:.0f} ms": self.ping_p99_ms > ping_ms,
            "packets lost": self.lost > (self.lost_before + LOST_SHARE) * self.packets,
            f"sound late by {self.delay_p99_ms:.0f} ms": self.delay_p99_ms > DELAY_P99_MS,
            "no 503 with Retry-After": not _is_503(self.answer),
        }
        return tuple(what for what, is_so in found.items() if is_so)


async def overload() -> Offered:
    """Offer calls until enough are refused, or the time is over; and more while it is full."""
    found = Offered()
    with LoadPeerProcess(streams=2 * MOST_OFFERED + 64) as peer:
        async with (
            EngineProcess(MORE, listen=[WEB]) as engine,
            Callbacks(str(engine.socket), peer.sip) as calls,
        ):
            first, *others = sorted(os.sched_getaffinity(0))
            core = {first}
            for pid in (engine.pid, engine.worker_pid):
                pin(pid, core)
            pin(peer.pid, set(others) or core)
            async with _Neighbour(first) as neighbour:
                await _until(found, calls, lambda: found.accepted >= FEW)
                await _with_few(found, calls, peer)
                load = (await calls.client.call("engine.status"))["load"]
                found.neighbour = _share(load["media_busy"], found.accepted)
                await neighbour.take(found.neighbour)
                await _until(found, calls, lambda: found.turned_away >= ENOUGH_REFUSED)
                await _while_full(found, engine, calls, peer)
    return found


def _share(busy: float, calls: int) -> float:
    """What a neighbour has to take of a core of which so many calls take `busy`."""
    left = SETTING_UP + busy / max(1, calls) * ENOUGH_CALLS
    return min(MOST_TAKEN, max(LEAST_TAKEN, 1.0 - left))


class _Neighbour:
    """See neighbour.py. It takes nothing at first."""

    def __init__(self, core: int) -> None:
        self._core = core

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "scripts.attack.neighbour", str(self._core)),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.kill()
        await self._process.wait()

    async def take(self, share: float) -> None:
        """Take this share of the core from now on. Raises OSError: the process has died."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{share}\n".encode())
        await self._process.stdin.drain()


def pin(pid: int, cores: set[int]) -> None:
    """Let all threads of a process run on these cores alone."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cores)


async def _until(found: Offered, calls: Callbacks, is_enough: Callable[[], bool]) -> None:
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until and found.count < MOST_OFFERED and not is_enough():
        await _offer(found, calls)


async def _with_few(found: Offered, calls: Callbacks, peer: LoadPeerProcess) -> None:
    await asyncio.sleep(1.0)  # the last of them are up
    window = asyncio.create_task(asyncio.to_thread(peer.ask, "window", s=WINDOW_S))
    until = time.monotonic() + WINDOW_S
    while time.monotonic() < until:
        found.pings_before_ms.append(await _ping_ms(calls))
        await asyncio.sleep(1 / OFFERED_PER_S)
    seen = await window
    found.lost_before = int(seen["lost"]) / max(int(seen["sent"]), 1)


async def _ping_ms(calls: Callbacks) -> float:
    began = time.monotonic()
    await calls.client.call("ping")
    return (time.monotonic() - began) * 1000


async def _offer(found: Offered, calls: Callbacks) -> None:
    began = time.monotonic()
    found.count += 1
    try:
        await calls.request("answer-0", "answer-0")
        found.accepted += 1
    except EngineError as error:
        found.note(error)
    await asyncio.sleep(max(0.0, began + 1 / OFFERED_PER_S - time.monotonic()))


async def _while_full(
    found: Offered, engine: EngineProcess, calls: Callbacks, peer: LoadPeerProcess
) -> None:
    window = asyncio.create_task(asyncio.to_thread(peer.ask, "window", s=WINDOW_S))
    answer = asyncio.create_task(asyncio.to_thread(_inbound, engine.sip_port))
    until = time.monotonic() + WINDOW_S
    while time.monotonic() < until and found.accepted < MOST_OFFERED:
        found.pings_ms.append(await _ping_ms(calls))
        await _offer(found, calls)
    seen, found.answer = await window, await answer
    found.lost, found.packets = int(seen["lost"]), int(seen["sent"])
    found.delay_p99_ms = float(seen["delay_p99_ms"] or 0.0)
    found.ended = len(calls.ended)


def _inbound(sip_port: int) -> str:
    """The final response to a call that the trunk sends; empty: there was none."""
    with udp_from(TRUNK_HOST) as line:
        line.settimeout(2.0)
        for _ in range(3):
            line.sendto(message("INVITE", 1, TRUNK_HOST, body=SDP), (ENGINE_HOST, sip_port))
            try:
                while (answer := line.recv(4096)).startswith(b"SIP/2.0 1"):
                    pass
            except TimeoutError:
                continue
            return answer.decode(errors="replace")
    return ""


def _p99(values: list[float]) -> float:
    return percentile(values, 99) if values else 0.0


def _is_503(answer: str) -> bool:
    return answer.startswith("SIP/2.0 503") and "\r\nretry-after:" in answer.lower()
