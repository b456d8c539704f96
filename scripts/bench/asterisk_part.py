"""The engine beside Asterisk: the same callbacks for the same phones, by turns in one run.

What a callback costs, and 500 of them up, depends on the machine and on what it does besides; how
the two compare does much less.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from scripts.load.driver import LoadPeerFailed, LoadPeerProcess

from .asterisk_process import AsteriskProcess, NoAsterisk
from .callbacks import Callbacks, spread
from .engine_process import EngineProcess
from .options import Options
from .report import Figure, Report, figure, percentile
from .setup_part import AGENT, CUSTOMER, SETTLE_S, TARGET_RATE

PART = "beside Asterisk"
# Half the processor of what one would otherwise run.
SETUP_RATIO_TARGET = 0.5
TALK_RATIO_TARGET = 0.5
LIMIT_S = 60.0
SET_UP_PER_S = 50.0
HANG_UP_PER_S = 100.0
WARM_UP = 50
LOOK_S = 0.1
TALKER = "answer-20"


class Switch(Protocol):
    """What makes the callbacks of a turn."""

    def cpu_s(self) -> float:
        """CPU seconds used so far."""

    async def callbacks(self, count: int, agent: str, customer: str) -> None:
        """Ask for callbacks, at SET_UP_PER_S, between phones that behave so."""


class Engine:
    """The engine and its media worker."""

    def __init__(self, process: EngineProcess, callbacks: Callbacks) -> None:
        self._process = process
        self._callbacks = callbacks

    def cpu_s(self) -> float:
        """CPU seconds of both so far."""
        return sum(self._process.cpu_s())

    async def callbacks(self, count: int, agent: str, customer: str) -> None:
        """See Switch."""
        await self._callbacks.at_rate(count, SET_UP_PER_S, agent, customer)


class Asterisk:
    """Asterisk, whose callbacks have numbers of their own."""

    def __init__(self, process: AsteriskProcess) -> None:
        self._process = process
        self._number = 1_000_000

    def cpu_s(self) -> float:
        """CPU seconds so far."""
        return self._process.cpu_s()

    async def callbacks(self, count: int, agent: str, customer: str) -> None:
        """See Switch."""

        async def one(_: int) -> None:
            self._number += 1
            self._process.originate(f"a{self._number}.{agent}", f"b{self._number}.{customer}")

        await spread(count, SET_UP_PER_S, one)


@dataclass(slots=True)
class Turns:
    """What one switch needed, turn by turn."""

    setup_ms: list[float]
    answer_p50_ms: list[float]
    answer_p99_ms: list[float]
    talk_percent: list[float]
    delay_p50_ms: list[float]
    delay_p99_ms: list[float]
    lost: list[float]


async def run(report: Report, options: Options) -> None:
    """Measure both, or say why not."""
    with LoadPeerProcess() as peer:
        try:
            async with _switches(peer) as switches:
                turns = {name: Turns([], [], [], [], [], [], []) for name in switches}
                for name, switch in switches.items():
                    await _set_up(peer, switch, turns[name], WARM_UP)
                turns = {name: Turns([], [], [], [], [], [], []) for name in switches}
                count = dict(options.setup_rates)[TARGET_RATE] // options.setup_runs
                for _ in range(options.setup_runs):
                    for name, switch in switches.items():
                        await _set_up(peer, switch, turns[name], count)
                for _ in range(options.talk_runs):
                    for name, switch in switches.items():
                        await _talk(peer, switch, turns[name], options)
        except NoAsterisk as reason:
            report.notes.append(f"{PART}: skipped: {reason}")
            return
    _add(report, options, turns["engine"], turns["Asterisk"])


@contextlib.asynccontextmanager
async def _switches(peer: LoadPeerProcess) -> AsyncIterator[dict[str, Switch]]:
    async with (
        AsteriskProcess(peer.sip) as asterisk,
        EngineProcess() as engine,
        Callbacks(str(engine.socket), peer.sip) as callbacks,
    ):
        yield {"engine": Engine(engine, callbacks), "Asterisk": Asterisk(asterisk)}


async def _set_up(peer: LoadPeerProcess, switch: Switch, turns: Turns, count: int) -> None:
    await asyncio.sleep(SETTLE_S)
    peer.ask("latencies")
    used = switch.cpu_s()
    await _made(peer, switch, count, AGENT, CUSTOMER)
    await _until(peer, lambda stats: stats["up"] == 0)
    turns.setup_ms.append((switch.cpu_s() - used) / count * 1e3)
    latencies = peer.ask("latencies")
    turns.answer_p50_ms.append(percentile(latencies, 50))
    turns.answer_p99_ms.append(percentile(latencies, 99))


async def _talk(peer: LoadPeerProcess, switch: Switch, turns: Turns, options: Options) -> None:
    await _made(peer, switch, options.talk_calls, TALKER, TALKER)
    await _until(peer, lambda stats: stats["streams"] == 2 * options.talk_calls)
    await asyncio.sleep(SETTLE_S)
    started, used = time.monotonic(), switch.cpu_s()
    window = await asyncio.to_thread(peer.ask, "window", s=options.talk_s)
    passed_s = time.monotonic() - started
    turns.talk_percent.append((switch.cpu_s() - used) / passed_s * 100)
    turns.delay_p50_ms.append(window["delay_p50_ms"])
    turns.delay_p99_ms.append(window["delay_p99_ms"])
    turns.lost.append(float(window["lost"]))
    peer.ask("hangup", per_s=HANG_UP_PER_S)
    await _until(peer, lambda stats: stats["up"] == 0)


async def _made(
    peer: LoadPeerProcess, switch: Switch, count: int, agent: str, customer: str
) -> None:
    """Ask for callbacks, and wait until every phone was called."""
    before = peer.ask("stats").get("invite", 0)
    await switch.callbacks(count, agent, customer)
    await _until(peer, lambda stats: stats["invite"] >= before + 2 * count)


async def _until(peer: LoadPeerProcess, condition: Callable[[dict[str, float]], bool]) -> None:
    """Wait until it holds. Raises LoadPeerFailed where it never does."""
    stop_at = time.monotonic() + LIMIT_S
    while not condition(stats := await asyncio.to_thread(peer.ask, "stats")):
        if time.monotonic() > stop_at:
            raise LoadPeerFailed(f"{PART}: the phones wait for something: {stats}")
        await asyncio.sleep(LOOK_S)


def _add(report: Report, options: Options, ours: Turns, theirs: Turns) -> None:
    add = report.figures.append
    part = f"{PART}, {TARGET_RATE}/s"
    for name, turns in (("engine and worker", ours), ("Asterisk", theirs)):
        add(figure(part, f"CPU per callback, {name}", "ms", turns.setup_ms))
    add(_ratio(part, ours.setup_ms, theirs.setup_ms, SETUP_RATIO_TARGET))
    for name, turns in (("engine", ours), ("Asterisk", theirs)):
        label = f"agent's answer to customer's INVITE, {name}"
        add(figure(part, f"{label}, p50", "ms", turns.answer_p50_ms))
        add(figure(part, f"{label}, p99", "ms", turns.answer_p99_ms))
    part = f"{PART}, {options.talk_calls} up"
    for name, turns in (("engine and worker", ours), ("Asterisk", theirs)):
        add(figure(part, name, "% of a core", turns.talk_percent))
        add(figure(part, f"relay delay p50, {name}", "ms", turns.delay_p50_ms))
        add(figure(part, f"relay delay p99, {name}", "ms", turns.delay_p99_ms))
        add(figure(part, f"packets lost, {name}", "", turns.lost))
    add(_ratio(part, ours.talk_percent, theirs.talk_percent, TALK_RATIO_TARGET))


def _ratio(part: str, ours: list[float], theirs: list[float], target: float) -> Figure:
    ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
    return figure(part, "engine : Asterisk", "×", ratios, target=target, note="turn by turn")  # noqa: RUF001
