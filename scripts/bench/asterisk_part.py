"""The engine beside Asterisk: the same callbacks for the same phones, by turns in one run.

What a callback costs, and 500 of them up, depends on the machine and on what it does besides; how
the two compare does much less.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from scripts.load.driver import LoadPeerFailed, LoadPeerProcess

from .asterisk_process import AsteriskProcess, NoAsterisk
from .callbacks import Callbacks, spread
from .engine_process import EngineProcess
from .options import Options
from .report import Report, figure, percentile
from .setup_part import AGENT, CUSTOMER, SETTLE_S, TARGET_RATE

PART = "beside Asterisk"
ENGINE, ASTERISK = "engine", "Asterisk"
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

    setup_ms: list[float] = field(default_factory=list)
    answer_p50_ms: list[float] = field(default_factory=list)
    answer_p99_ms: list[float] = field(default_factory=list)
    talk_percent: list[float] = field(default_factory=list)
    delay_p50_ms: list[float] = field(default_factory=list)
    delay_p99_ms: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)


async def run(report: Report, options: Options) -> None:
    """Measure both, or say why not. Raises LoadPeerFailed, with what was measured in the report."""
    turns = {name: Turns() for name in (ENGINE, ASTERISK)}
    with LoadPeerProcess() as peer:
        try:
            async with _switches(peer) as switches:
                for name, switch in switches.items():
                    with _naming(name):
                        await _set_up(peer, switch, Turns(), WARM_UP)
                count = dict(options.setup_rates)[TARGET_RATE] // options.setup_runs
                for _ in range(options.setup_runs):
                    for name, switch in switches.items():
                        with _naming(name):
                            await _set_up(peer, switch, turns[name], count)
                for _ in range(options.talk_runs):
                    for name, switch in switches.items():
                        with _naming(name):
                            await _talk(peer, switch, turns[name], options)
        except NoAsterisk as reason:
            report.notes.append(f"{PART}: skipped: {reason}")
            return
        finally:
            _add(report, options, turns[ENGINE], turns[ASTERISK])


@contextlib.contextmanager
def _naming(switch: str) -> Iterator[None]:
    """Say whose callbacks did not come about."""
    try:
        yield
    except LoadPeerFailed as error:
        raise LoadPeerFailed(f"{switch}: {error}") from error


@contextlib.asynccontextmanager
async def _switches(peer: LoadPeerProcess) -> AsyncIterator[dict[str, Switch]]:
    async with (
        AsteriskProcess(peer.sip) as asterisk,
        EngineProcess() as engine,
        Callbacks(str(engine.socket), peer.sip) as callbacks,
    ):
        yield {ENGINE: Engine(engine, callbacks), ASTERISK: Asterisk(asterisk)}


async def _set_up(peer: LoadPeerProcess, switch: Switch, turns: Turns, count: int) -> None:
    await asyncio.sleep(SETTLE_S)
    peer.ask("latencies")
    used = switch.cpu_s()
    await _made(peer, switch, count, AGENT, CUSTOMER)
    await _until(peer, "all calls are over", lambda stats: stats["up"] == 0)
    turns.setup_ms.append((switch.cpu_s() - used) / count * 1e3)
    latencies = peer.ask("latencies")
    turns.answer_p50_ms.append(percentile(latencies, 50))
    turns.answer_p99_ms.append(percentile(latencies, 99))


async def _talk(peer: LoadPeerProcess, switch: Switch, turns: Turns, options: Options) -> None:
    await _made(peer, switch, options.talk_calls, TALKER, TALKER)
    talking = f"{2 * options.talk_calls} phones talk"
    await _until(peer, talking, lambda stats: stats["streams"] == 2 * options.talk_calls)
    await asyncio.sleep(SETTLE_S)
    started, used = time.monotonic(), switch.cpu_s()
    window = await asyncio.to_thread(peer.ask, "window", s=options.talk_s)
    passed_s = time.monotonic() - started
    turns.talk_percent.append((switch.cpu_s() - used) / passed_s * 100)
    turns.delay_p50_ms.append(window["delay_p50_ms"])
    turns.delay_p99_ms.append(window["delay_p99_ms"])
    turns.lost.append(float(window["lost"]))
    peer.ask("hangup", per_s=HANG_UP_PER_S)
    await _until(peer, "all calls are over", lambda stats: stats["up"] == 0)


async def _made(
    peer: LoadPeerProcess, switch: Switch, count: int, agent: str, customer: str
) -> None:
    """Ask for callbacks, and wait until every phone was called."""
    before = peer.ask("stats").get("invite", 0)
    await switch.callbacks(count, agent, customer)
    called = f"both phones of {count} callbacks were called"
    await _until(peer, called, lambda stats: stats["invite"] >= before + 2 * count)


async def _until(
    peer: LoadPeerProcess, what: str, condition: Callable[[dict[str, float]], bool]
) -> None:
    """Wait until it holds. Raises LoadPeerFailed, which says what did not come."""
    stop_at = time.monotonic() + LIMIT_S
    while not condition(stats := await asyncio.to_thread(peer.ask, "stats")):
        if time.monotonic() > stop_at:
            reason = f"not in {LIMIT_S:g} s: {what}; the phones have seen {stats}"
            raise LoadPeerFailed(reason)
        await asyncio.sleep(LOOK_S)


def _add(report: Report, options: Options, ours: Turns, theirs: Turns) -> None:
    """Put into the report what there is: a switch that failed has fewer turns, or none."""

    def add(part: str, name: str, unit: str, values: list[float]) -> None:
        if values:
            report.figures.append(figure(part, name, unit, values))

    both = ((ENGINE, ours), (ASTERISK, theirs))
    of_cpu = {ENGINE: "engine and worker", ASTERISK: ASTERISK}
    part = f"{PART}, {TARGET_RATE}/s"
    for name, turns in both:
        add(part, f"CPU per callback, {of_cpu[name]}", "ms", turns.setup_ms)
    _add_ratio(report, part, ours.setup_ms, theirs.setup_ms, SETUP_RATIO_TARGET)
    for name, turns in both:
        label = f"agent's answer to customer's INVITE, {name}"
        add(part, f"{label}, p50", "ms", turns.answer_p50_ms)
        add(part, f"{label}, p99", "ms", turns.answer_p99_ms)
    part = f"{PART}, {options.talk_calls} up"
    for name, turns in both:
        add(part, of_cpu[name], "% of a core", turns.talk_percent)
        add(part, f"relay delay p50, {name}", "ms", turns.delay_p50_ms)
        add(part, f"relay delay p99, {name}", "ms", turns.delay_p99_ms)
        add(part, f"packets lost, {name}", "", turns.lost)
    _add_ratio(report, part, ours.talk_percent, theirs.talk_percent, TALK_RATIO_TARGET)


def _add_ratio(
    report: Report, part: str, ours: list[float], theirs: list[float], target: float
) -> None:
    ratios = [our / their for our, their in zip(ours, theirs, strict=False)]
    if ratios:
        report.figures.append(
            figure(part, "engine : Asterisk", "×", ratios, target=target, note="turn by turn")  # noqa: RUF001
        )
