"""Thousands of callbacks of every kind of ending; then nothing may be left of them."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ringback_client import Client, EngineError
from scripts.load.driver import LoadPeerProcess

from .callbacks import Callbacks, spread
from .endings import ENDINGS, Ending
from .engine_process import EngineProcess, status_numbers
from .options import Options
from .report import Report, figure

PART = "soak"
END_LIMIT_S = 30.0
STAGE_LIMIT_S = 10.0
# Dead phones hold a transaction for timer B (32 s); RTP ports rest after use.
QUIET_LIMIT_S = 75.0
LOOK_EVERY_S = 0.5
USED = frozenset({"calls", "legs", "ports_quarantined"})
LINGERING = frozenset({"sessions", "dialogs", "transactions", "timers"})
KEPT = "trace."
HELD = USED | LINGERING | {"tasks", "pending", "active", "subscribers"}
FREE_PORTS = "ports_free"


@dataclass(slots=True)
class Soak:
    """What a soak found: wrong endings by kind, and what the daemon holds that it did not."""

    callbacks: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    before: dict[str, float] = field(default_factory=dict)
    leaked: dict[str, tuple[float, float]] = field(default_factory=dict)
    cpu_ms: float = 0.0
    memory_kib: float = 0.0
    quiet_after_s: float = 0.0
    others: int = 0
    log: str = ""


async def run(report: Report, options: Options) -> None:
    """Soak, and put what it found into the report."""
    found = await soak(options.soak_callbacks, options.soak_per_s)
    part = f"{found.callbacks} callbacks of {len(ENDINGS)} endings"
    add = report.figures.append
    wrong = float(found.wrong.total())
    kinds = ", ".join(f"{name}: {count}" for name, count in found.wrong.most_common(3))
    add(figure(part, "ended otherwise than they must", "", [wrong], target=0, note=kinds))
    leaks = ", ".join(f"{name} {a:g} → {b:g}" for name, (a, b) in found.leaked.items())
    held = f"{len(found.before)} counts of legs, ports, tasks, files, sockets as before"
    left = float(len(found.leaked))
    add(figure(part, "counts that are not as before", "", [left], target=0, note=leaks or held))
    heard = float(found.others)
    add(figure(part, "packets heard by anyone but the partner", "", [heard], target=0))
    add(figure(part, "CPU per callback, engine and worker", "ms", [found.cpu_ms]))
    grown = "PSS; holds the replay log"
    add(figure(part, "memory gained per callback", "KiB", [found.memory_kib], note=grown))
    add(figure(part, "all given back after", "s", [found.quiet_after_s]))
    if found.log:
        report.notes.append(f"{PART}: the daemon logged: {found.log[-500:]}")


async def soak(count: int, per_s: float, endings: Sequence[Ending] = ENDINGS) -> Soak:
    """Run `count` callbacks, every ending in turn, and compare the daemon with before."""
    found = Soak(callbacks=count)
    with LoadPeerProcess(streams=4096) as peer:
        async with EngineProcess() as engine, Callbacks(str(engine.socket), peer.sip) as callbacks:
            # Once through all endings first: threads, caches and files that stay are made by then.
            await _through(callbacks, endings, len(endings), per_s, Counter())
            found.before = await _at_rest(callbacks.client, engine)
            used, memory = sum(engine.cpu_s()), sum(engine.pss_bytes())
            await _through(callbacks, endings, count, per_s, found.wrong)
            found.cpu_ms = (sum(engine.cpu_s()) - used) / count * 1e3
            started = time.monotonic()
            found.leaked = await _leaks(callbacks.client, engine, found.before)
            found.quiet_after_s = time.monotonic() - started
            found.memory_kib = (sum(engine.pss_bytes()) - memory) / count / 1024
            found.others = peer.ask("stats")["heard_from_others"]
            found.log = engine.log_text()
    return found


def grown(before: dict[str, float], now: dict[str, float]) -> dict[str, tuple[float, float]]:
    """What is held now and was not before: both numbers by name."""
    pairs = {name: (before.get(name, 0), value) for name, value in now.items()}
    return {name: pair for name, pair in pairs.items() if pair[1] > pair[0]}


async def _through(
    callbacks: Callbacks,
    endings: Sequence[Ending],
    count: int,
    per_s: float,
    wrong: Counter[str],
) -> None:
    await spread(count, per_s, lambda index: _one(callbacks, endings[index % len(endings)], wrong))


async def _one(callbacks: Callbacks, ending: Ending, wrong: Counter[str]) -> None:
    client = callbacks.client
    state, cause = "never ended", ""
    try:
        callback = await callbacks.request(ending.agent, ending.customer, **ending.parameters)
        if ending.cancel_at:
            async with asyncio.timeout(STAGE_LIMIT_S):
                await callback.event(ending.cancel_at)
            await client.call("callback.cancel", id=callback.id)
        elif ending.hang_up_at:
            async with asyncio.timeout(STAGE_LIMIT_S):
                event = await callback.event(ending.hang_up_at)
            await client.call("call.hangup", call=event["call"])
        async with asyncio.timeout(END_LIMIT_S):
            state, cause = await callback.ended()
    except TimeoutError:
        pass
    except EngineError as error:
        state, cause = "refused", str(error)
    if state != ending.state:
        wrong[f"{ending.name}: {state}, {cause}"] += 1


async def _at_rest(client: Client, engine: EngineProcess) -> dict[str, float]:
    """What the daemon holds at rest: once no call and no resting port is left.

    SIP transactions linger for half a minute; at rest there is none, nor a timer.
    """
    deadline = time.monotonic() + QUIET_LIMIT_S
    while True:
        held = await _held(client, engine)
        last = {name: name.rpartition(".")[2] for name in held}
        if time.monotonic() > deadline or not any(
            held[name] for name in held if last[name] in USED
        ):
            return held | {name: 0 for name in held if last[name] in LINGERING}
        await asyncio.sleep(LOOK_EVERY_S)


async def _leaks(
    client: Client, engine: EngineProcess, before: dict[str, float]
) -> dict[str, tuple[float, float]]:
    deadline = time.monotonic() + QUIET_LIMIT_S
    while True:
        more = grown(before, await _held(client, engine))
        if not more or time.monotonic() > deadline:
            return more
        await asyncio.sleep(LOOK_EVERY_S)


async def _held(client: Client, engine: EngineProcess) -> dict[str, float]:
    """What the daemon holds: the numbers of engine.status that are no counts of what was."""
    held: dict[str, float] = dict(engine.holdings())
    for name, value in (await status_numbers(client)).items():
        last = name.rpartition(".")[2]
        if name.startswith(KEPT):  # on purpose, and within bounds of its own
            continue
        if last in HELD:
            held[name] = value
        elif last == FREE_PORTS:
            held[f"{name}, less"] = -value
    return held
