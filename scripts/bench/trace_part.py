"""What the trace costs: callbacks with it and without it, by turns, in the same run.

Two engines with the same load peer. Each turn makes the same callbacks with one and then with the
other, and the order changes from turn to turn, so that what the machine does besides falls on both.
"""

import asyncio
from contextlib import AsyncExitStack

from scripts.load.driver import LoadPeerProcess

from .callbacks import Callbacks
from .engine_process import EngineProcess
from .options import Options
from .report import Report, figure

PART = "trace"
RATIO_TARGET = 1.04
RATE = 50
WARM_UP = 150
LIMIT_S = 40.0
SETTLE_S = 0.5
AGENT = "answer-20.mute"
CUSTOMER = "answer-20.bye-50.mute"
# A busy machine makes both slow alike: it is no reason to refuse calls here.
ON = {"RINGBACK_DIAL__MAX_LATE_MS": "0"}
OFF = ON | {"RINGBACK_TRACE__KEEP_CALLS": "0"}


async def run(report: Report, options: Options) -> None:
    """The CPU of a callback with the trace, by that without it."""
    with LoadPeerProcess() as peer:
        async with AsyncExitStack() as stack:
            sides: dict[str, tuple[EngineProcess, Callbacks]] = {}
            for name, environment in (("on", ON), ("off", OFF)):
                engine = await stack.enter_async_context(EngineProcess(environment=environment))
                made = Callbacks(str(engine.socket), peer.sip)
                sides[name] = engine, await stack.enter_async_context(made)
            for engine, callbacks in sides.values():
                await _cost_ms(engine, callbacks, WARM_UP)
            costs: dict[str, list[float]] = {"on": [], "off": []}
            for turn in range(options.trace_turns):
                for name in ("on", "off") if turn % 2 else ("off", "on"):
                    costs[name].append(await _cost_ms(*sides[name], options.trace_callbacks))
            ratios = [on / off for on, off in zip(costs["on"], costs["off"], strict=True)]
            whole = sum(costs["on"]) / sum(costs["off"])
            for name, values in costs.items():
                label = f"CPU per callback, trace {name}"
                report.figures.append(figure(PART, label, "ms", values))
            report.figures.append(
                figure(
                    PART,
                    "on by off, each turn",
                    "x",
                    ratios,
                    target=RATIO_TARGET,
                    note=f"all turns together {whole:.3f}",
                )
            )


async def _cost_ms(engine: EngineProcess, callbacks: Callbacks, count: int) -> float:
    """The CPU of one of so many callbacks, in engine and worker."""
    await asyncio.sleep(SETTLE_S)
    before = sum(engine.cpu_s())
    jobs = await callbacks.at_rate(count, RATE, AGENT, CUSTOMER)
    if not await callbacks.all_ended(jobs, LIMIT_S):
        raise RuntimeError("callbacks have not ended in time")
    return (sum(engine.cpu_s()) - before) / count * 1e3
