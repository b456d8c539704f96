"""What `ringback top` costs a person who leaves it open: processor time of it and of the engine.

Hundreds of agents take callbacks from eight queues, so that most of the screen changes every
second. The screen is in a real terminal of its own, which is read as a window would.
"""

import asyncio
import contextlib
import fcntl
import os
import pty
import random
import statistics
import struct
import sys
import termios
from collections.abc import Iterator

from ringback_client import Client
from scripts.load.driver import LoadPeerProcess

from .callbacks import spread
from .dispatch_part import QUEUES, SEED, configuration
from .engine_process import ROOT, EngineProcess
from .options import Options
from .processes import cpu_s
from .report import Report, figure

PART = "top"
TARGET_PERCENT = 2.0
LINES, COLUMNS = 60, 140
CALLBACKS_PER_S = 10.0
# From when it runs: loading the program is done once.
WARM_UP_S = 4.0
ASKED = 50


async def run(report: Report, options: Options) -> None:
    """Look at a busy engine for a while."""
    with LoadPeerProcess() as peer:
        more = configuration(options.dispatch_agents, peer.sip, random.Random(SEED))
        async with (
            EngineProcess(more) as engine,
            await Client.connect(str(engine.socket)) as client,
        ):
            busy = asyncio.create_task(_keep_busy(client, peer.sip, WARM_UP_S + options.top_s))
            await asyncio.sleep(1.0)
            with _terminal() as terminal:
                percent, written = await _look(str(engine.socket), terminal, options.top_s)
            asking_ms = await _asking_ms(client, engine)
            await busy
    part = f"{options.dispatch_agents} agents at work"
    add = report.figures.append
    add(figure(part, "ringback top, of a core", "%", [percent], target=TARGET_PERCENT))
    add(figure(part, "written to the terminal a second", "KiB", [written / 1024]))
    add(figure(part, "CPU of the engine for each look", "ms", [asking_ms]))


async def _look(socket: str, terminal: tuple[int, int], seconds: float) -> tuple[float, float]:
    """How busy the screen is, in per cent of a core, and how many bytes a second it writes."""
    main, side = terminal
    written = 0

    def read() -> None:
        nonlocal written
        written += len(os.read(main, 1 << 16))

    loop = asyncio.get_running_loop()
    loop.add_reader(main, read)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ringback"),
        *("--socket", socket, "top"),
        cwd=ROOT, stdin=side, stdout=side, stderr=side, start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color"},
    )  # fmt: skip
    try:
        await asyncio.sleep(WARM_UP_S)
        used, began, before = cpu_s(process.pid), loop.time(), written
        await asyncio.sleep(seconds)
        passed_s = loop.time() - began
        percent = 100 * (cpu_s(process.pid) - used) / passed_s
        return percent, (written - before) / passed_s
    finally:
        loop.remove_reader(main)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@contextlib.contextmanager
def _terminal() -> Iterator[tuple[int, int]]:
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    try:
        yield main, side
    finally:
        os.close(main)
        os.close(side)


async def _keep_busy(client: Client, peer: str, seconds: float) -> None:
    rng = random.Random(SEED)

    async def one(number: int) -> None:
        await client.call(
            "callback.request",
            id=f"top-{number}",
            queue=rng.choice(QUEUES),
            to=f"sip:b{number}.answer-20.bye-2000.mute@{peer}",
        )

    await spread(int(seconds * CALLBACKS_PER_S), CALLBACKS_PER_S, one)


async def _asking_ms(client: Client, engine: EngineProcess) -> float:
    """What the engine spends on one report.live, beside what else it does."""
    costs = []
    for _ in range(5):
        used = cpu_s(engine.pid)
        await asyncio.sleep(0.5)
        idle = cpu_s(engine.pid) - used
        used = cpu_s(engine.pid)
        began = asyncio.get_running_loop().time()
        for _ in range(ASKED):
            await client.call("report.live")
        passed_s = asyncio.get_running_loop().time() - began
        costs.append((cpu_s(engine.pid) - used - idle * passed_s / 0.5) / ASKED * 1e3)
    return statistics.median(costs)
