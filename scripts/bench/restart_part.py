"""How long a start takes where the store has a long history."""

import asyncio
import time
from dataclasses import dataclass

from ringback_client import Client
from scripts.load.driver import LoadPeerProcess

from . import full_store
from .callbacks import Callbacks
from .engine_process import EngineFailed, EngineProcess
from .options import Options
from .report import Report, figure

PART = "restart"
START_TARGET_S = 3.0
QUEUED_START_TARGET_S = 4.0


async def run(report: Report, options: Options) -> None:
    """Start with a store that is empty, full, and full of queued jobs: until the first answer."""
    jobs, still_open = options.restart_jobs, options.restart_open_jobs
    engine = EngineProcess()
    empty = [await _start(engine, 0) for _ in range(options.restart_runs)]
    with LoadPeerProcess() as peer:
        async with engine, Callbacks(str(engine.socket), peer.sip) as callbacks:
            originals = await full_store.make_originals(callbacks)
    await asyncio.to_thread(
        full_store.multiply, engine.store, *originals, jobs=jobs, still_open=still_open
    )
    full = [await _start(engine, still_open) for _ in range(options.restart_runs)]
    _, waiting = originals
    await asyncio.to_thread(full_store.let_wait, engine.store, waiting, options.restart_queued_jobs)
    all_open = still_open + options.restart_queued_jobs
    queued = [await _start(engine, all_open) for _ in range(options.restart_runs)]
    add = report.figures.append
    for took, which in (
        (empty, "empty store"),
        (full, f"{jobs} jobs"),
        (queued, f"{all_open} queued jobs"),
    ):
        cpu = [one.cpu_s for one in took]
        add(figure(PART, f"processor time of a start, {which}", "s", cpu))
    add(figure(PART, "start to first answer, empty store", "s", _waited(empty)))
    note = f"{still_open} of them open; {engine.store.stat().st_size / 1e6:.0f} MB"
    label = f"start to first answer, {jobs} jobs"
    add(figure(PART, label, "s", _waited(full), target=START_TARGET_S, note=note))
    label = f"start to first answer, {all_open} queued jobs"
    add(figure(PART, label, "s", _waited(queued), target=QUEUED_START_TARGET_S))


@dataclass(frozen=True, slots=True)
class Start:
    """What one start took until the first answer."""

    waited_s: float
    cpu_s: float
    """Of the engine. Other work on the machine does not count."""


def _waited(starts: list[Start]) -> list[float]:
    return [one.waited_s for one in starts]


async def _start(engine: EngineProcess, open_jobs: int) -> Start:
    """Wait until the engine answers. Raises EngineFailed where it does not know its jobs."""
    began = time.monotonic()
    async with engine:
        took = Start(time.monotonic() - began, engine.cpu_s()[0])
        async with await Client.connect(str(engine.socket)) as client:
            queued = (await client.call("engine.status"))["jobs"].get("queued", 0)
            if queued != open_jobs:
                raise EngineFailed(f"after the start {queued} jobs wait, not {open_jobs}")
    return took
