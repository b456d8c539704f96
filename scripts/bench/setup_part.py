"""What a callback costs from request to end, and how soon the customer is called."""

import asyncio
from dataclasses import dataclass

from scripts.load.driver import LoadPeerProcess

from .callbacks import Callbacks
from .engine_process import EngineProcess
from .options import Options
from .report import Report, figure, percentile

PART = "setup"
CPU_TARGET_MS = 3.0
TARGET_RATE = 50
ANSWER_TO_INVITE_P99_TARGET_MS = 4.0
LIMIT_S = 40.0
SETTLE_S = 1.0
WARM_UP = 50
AGENT = "answer-20.mute"
CUSTOMER = "answer-20.bye-50.mute"
ANSWER_TO_INVITE = "agent's answer to customer's INVITE"


@dataclass(frozen=True, slots=True)
class Round:
    """What became of some callbacks at a steady rate, and the CPU of each of them."""

    not_completed: int
    engine_ms: float
    worker_ms: float
    answer_p50_ms: float
    answer_p99_ms: float


async def run(report: Report, options: Options) -> None:
    """Callbacks that are set up, joined and hung up at once, at each rate."""
    with LoadPeerProcess() as peer:
        async with EngineProcess() as engine, Callbacks(str(engine.socket), peer.sip) as callbacks:
            jobs = await callbacks.at_rate(WARM_UP, TARGET_RATE, AGENT, CUSTOMER)
            await callbacks.all_ended(jobs, LIMIT_S)
            for rate, count in options.setup_rates:
                await _at(report, options, rate, count, peer, engine, callbacks)


async def _at(
    report: Report,
    options: Options,
    rate: int,
    count: int,
    peer: LoadPeerProcess,
    engine: EngineProcess,
    callbacks: Callbacks,
) -> None:
    part = f"setup {rate}/s"
    costs: dict[str, list[float]] = {"engine and worker": [], "engine": [], "worker": []}
    p50: list[float] = []
    p99: list[float] = []
    missing: list[float] = []
    for _ in range(options.setup_runs):
        await asyncio.sleep(SETTLE_S)
        found = await one_round(
            count // options.setup_runs,
            rate,
            LIMIT_S,
            peer=peer,
            engine=engine,
            callbacks=callbacks,
        )
        missing.append(float(found.not_completed))
        costs["engine and worker"].append(found.engine_ms + found.worker_ms)
        costs["engine"].append(found.engine_ms)
        costs["worker"].append(found.worker_ms)
        p50.append(found.answer_p50_ms)
        p99.append(found.answer_p99_ms)
    for name, values in costs.items():
        promised = name == "engine and worker" and rate == TARGET_RATE
        target = CPU_TARGET_MS if promised else None
        label = f"CPU per callback, {name}"
        report.figures.append(figure(part, label, "ms", values, target=target))
    report.figures.append(figure(part, "callbacks not completed", "", missing, target=0))
    target = ANSWER_TO_INVITE_P99_TARGET_MS if rate == TARGET_RATE else None
    report.figures.append(figure(part, f"{ANSWER_TO_INVITE}, p50", "ms", p50))
    report.figures.append(figure(part, f"{ANSWER_TO_INVITE}, p99", "ms", p99, target=target))


async def one_round(
    count: int,
    rate: int,
    limit_s: float,
    *,
    peer: LoadPeerProcess,
    engine: EngineProcess,
    callbacks: Callbacks,
    phones: tuple[str, str] = (AGENT, CUSTOMER),
) -> Round:
    """So many callbacks at `rate` a second, till all have ended or `limit_s` has passed."""
    peer.ask("latencies")  # those of earlier callbacks
    completed, used = callbacks.states["completed"], engine.cpu_s()
    jobs = await callbacks.at_rate(count, rate, *phones)
    await callbacks.all_ended(jobs, limit_s)
    now = engine.cpu_s()
    completed = callbacks.states["completed"] - completed
    engine_ms, worker_ms = ((b - a) / len(jobs) * 1e3 for a, b in zip(used, now, strict=True))
    latencies = peer.ask("latencies")
    p50_ms, p99_ms = percentile(latencies, 50), percentile(latencies, 99)
    return Round(len(jobs) - completed, engine_ms, worker_ms, p50_ms, p99_ms)
