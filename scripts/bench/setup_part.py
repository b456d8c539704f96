"""What a callback costs from request to end, and how soon the customer is called."""

import asyncio

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
        peer.ask("latencies")
        completed = callbacks.states["completed"]
        used = engine.cpu_s()
        jobs = await callbacks.at_rate(count // options.setup_runs, rate, AGENT, CUSTOMER)
        await callbacks.all_ended(jobs, LIMIT_S)
        now = engine.cpu_s()
        completed = callbacks.states["completed"] - completed
        missing.append(float(len(jobs) - completed))
        engine_ms, worker_ms = ((b - a) / len(jobs) * 1e3 for a, b in zip(used, now, strict=True))
        for name, value in zip(costs, (engine_ms + worker_ms, engine_ms, worker_ms), strict=True):
            costs[name].append(value)
        latencies = peer.ask("latencies")
        p50.append(percentile(latencies, 50))
        p99.append(percentile(latencies, 99))
    for name, values in costs.items():
        promised = name == "engine and worker" and rate == TARGET_RATE
        target = CPU_TARGET_MS if promised else None
        label = f"CPU per callback, {name}"
        report.figures.append(figure(part, label, "ms", values, target=target))
    report.figures.append(figure(part, "callbacks not completed", "", missing, target=0))
    target = ANSWER_TO_INVITE_P99_TARGET_MS if rate == TARGET_RATE else None
    label = "agent's answer to customer's INVITE"
    report.figures.append(figure(part, f"{label}, p50", "ms", p50))
    report.figures.append(figure(part, f"{label}, p99", "ms", p99, target=target))
