"""Many callbacks up at once: processor, loss, delay, memory, and whether anyone hears another.

Then once more while others are set up, while no core falls asleep, and beside a busy process on
each core. After that the C relay carries as many streams in the same situations: its delays say
what this machine is capable of.
"""

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from scripts.load.driver import LoadPeerProcess

from .c_program import NoCompiler
from .c_relay import CRelay
from .callbacks import Callbacks
from .engine_process import EngineProcess
from .options import Options
from .report import Report, figure
from .setup_part import AGENT, CUSTOMER

PART = "talk"
CORE_TARGET_PERCENT = 60.0
DELAY_P50_TARGET_MS = 0.7
DELAY_P99_TARGET_MS = 1.5
MEMORY_TARGETS_MIB = (75.0, 55.0)  # engine, worker
SET_UP_PER_S = 50.0
HANG_UP_PER_S = 100.0
SETTLE_S = 1.0
# What the first calls leave behind for good (caches, pages of the store) is of no further call.
WARM_UP_CALLS = 250
QUIET_S = 5.0  # then the trace has compressed the messages of calls
PACKETS_PER_S = 50
INTRUDERS = 50
IDLE = "idle"
SET_UP = "set up"
BUSY = "busy"
AWAKE = "awake"
_WORK = "while True: pass"
_LAST_OF_ALL = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))"
_BESIDE = {
    # A core that sleeps has to be woken, which takes a virtual machine as long as its host likes.
    AWAKE: f"{_LAST_OF_ALL}\n{_WORK}",
    BUSY: _WORK,
}
LEAST_OFFERED = 0.97  # below it the load was not what it says
LIMIT_S = 40.0
PER_CALL_TARGET_KIB = 40.0
SET_UP_DELAY_P99_TARGET_MS = 2.0
BESIDE_BUSY_DELAY_P99_TARGET_MS = 6.0
_DELAYS = (
    ("relay delay p50", IDLE, "delay_p50_ms", DELAY_P50_TARGET_MS),
    ("relay delay p99", IDLE, "delay_p99_ms", DELAY_P99_TARGET_MS),
    ("relay delay max", IDLE, "delay_max_ms", None),
    ("relay delay p99 while no core falls asleep", AWAKE, "delay_p99_ms", None),
    (
        f"relay delay p99 while {SET_UP_PER_S:g} callbacks a second are set up",
        SET_UP,
        "delay_p99_ms",
        SET_UP_DELAY_P99_TARGET_MS,
    ),
    (
        "relay delay p99 with one other busy process on each core",
        BUSY,
        "delay_p99_ms",
        BESIDE_BUSY_DELAY_P99_TARGET_MS,
    ),
)
_Window = dict[str, Any]


async def run(report: Report, options: Options) -> None:
    """Bring the callbacks up, measure, hang up."""
    part = f"{options.talk_calls} callbacks up"
    calls = options.talk_calls
    with LoadPeerProcess() as peer:
        async with EngineProcess() as engine, Callbacks(str(engine.socket), peer.sip) as callbacks:
            memory = zip(("engine", "worker"), engine.pss_bytes(), MEMORY_TARGETS_MIB, strict=True)
            for name, used, most in memory:
                value = used / 1024**2
                what = f"memory before the first call, {name}"
                report.figures.append(figure(part, what, "MiB", [value], target=most, note="PSS"))
            at_start = engine.pss_bytes()
            warmed = await callbacks.at_rate(WARM_UP_CALLS, SET_UP_PER_S, AGENT, CUSTOMER)
            await callbacks.all_ended(warmed, LIMIT_S)
            joined = callbacks.states["bridged"]
            some = calls // 5
            jobs = await callbacks.at_rate(some, SET_UP_PER_S, "answer-20", "answer-20")
            await callbacks.reached("bridged", joined + some, LIMIT_S)
            await asyncio.sleep(QUIET_S)
            before = engine.pss_bytes()
            jobs += await callbacks.at_rate(calls - some, SET_UP_PER_S, "answer-20", "answer-20")
            await callbacks.reached("bridged", joined + calls, LIMIT_S)
            missing = float(joined + calls - callbacks.states["bridged"])
            report.figures.append(figure(part, "callbacks not joined", "", [missing], target=0))
            idle = await asyncio.to_thread(_measure, report, options, part, peer, engine)
            after = engine.pss_bytes()
            _add_memory(report, part, (some, before), (calls, after))
            value = (sum(after) - sum(at_start)) / 1024**2
            label = "memory, grown since before the first call"
            report.figures.append(figure(part, label, "MiB", [value], note="PSS"))
            windows = {IDLE: idle} | await _beside_other_work(options, peer, callbacks)
            peer.ask("hangup", per_s=HANG_UP_PER_S)
            await callbacks.all_ended(jobs, LIMIT_S)
            left = len([job for job in jobs if job not in callbacks.ended])
            report.figures.append(
                figure(part, "callbacks left after all hung up", "", [float(left)], target=0)
            )
            await _add_delays(report, options, part, peer, callbacks, windows)


def _add_memory(
    report: Report,
    part: str,
    before: tuple[int, tuple[int, int]],
    after: tuple[int, tuple[int, int]],
) -> None:
    """What each further call takes: between two numbers of calls, what engine and worker use."""
    (some, low), (all_of_them, high) = before, after
    more = all_of_them - some
    grown = [(b - a) / more / 1024 for a, b in zip(low, high, strict=True)]
    note = f"PSS; from {some} to {all_of_them} up"
    for name, value in zip(("engine", "worker"), grown, strict=True):
        report.figures.append(figure(part, f"memory per call, {name}", "KiB", [value], note=note))
    label, target = "memory per call, in all", PER_CALL_TARGET_KIB
    report.figures.append(figure(part, label, "KiB", [sum(grown)], target=target))


async def _add_delays(
    report: Report,
    options: Options,
    part: str,
    peer: LoadPeerProcess,
    callbacks: Callbacks,
    windows: dict[str, list[_Window]],
) -> None:
    """The delays in each situation, with those of the C relay beside them."""
    floor = await _of_the_c_relay(report, options, peer, callbacks)
    for name, situation, key, target in _DELAYS:
        values = [window[key] for window in windows[situation]]
        note = _beside([window[key] for window in floor.get(situation, [])])
        report.figures.append(figure(part, name, "ms", values, target=target, note=note))


def _beside(values: list[float]) -> str:
    if not values:
        return ""
    return f"C relay {statistics.median(values):.2f} ms ({min(values):.2f} to {max(values):.2f})"


async def _of_the_c_relay(
    report: Report, options: Options, peer: LoadPeerProcess, callbacks: Callbacks
) -> dict[str, list[_Window]]:
    """Windows of each situation, with as many streams carried by the C relay; none without it."""
    phones = [(host, port) for host, port in peer.ask("phones", count=2 * options.talk_calls)]
    try:
        relay = CRelay(phones)
    except NoCompiler as reason:
        report.notes.append(f"{PART}: C relay skipped: {reason}")
        return {}
    try:
        peer.ask("feed", pairs=relay.legs)
        windows = {IDLE: [await _quiet_window(options, peer) for _ in range(options.talk_runs)]}
        windows |= await _beside_other_work(options, peer, callbacks)
        peer.ask("feed", pairs=[])
        return windows
    finally:
        relay.close()


async def _quiet_window(options: Options, peer: LoadPeerProcess) -> _Window:
    # To sum up a window holds the load peer up; it has to be in step again.
    await asyncio.sleep(SETTLE_S)
    window: _Window = await asyncio.to_thread(peer.ask, "window", s=options.talk_s)
    return window


async def _beside_other_work(
    options: Options, peer: LoadPeerProcess, callbacks: Callbacks
) -> dict[str, list[_Window]]:
    windows = {SET_UP: await _while_others_are_set_up(options, peer, callbacks)}
    for situation, program in _BESIDE.items():
        windows[situation] = []
        for _ in range(options.talk_runs):
            with _on_each_core(program):
                windows[situation].append(await _quiet_window(options, peer))
    return windows


async def _while_others_are_set_up(
    options: Options, peer: LoadPeerProcess, callbacks: Callbacks
) -> list[_Window]:
    """Those that are set up say nothing, so that all that is heard is of those who talk."""
    windows = []
    for _ in range(options.talk_runs):
        await asyncio.sleep(SETTLE_S)
        window = asyncio.create_task(asyncio.to_thread(peer.ask, "window", s=options.talk_s))
        count = round(SET_UP_PER_S * options.talk_s)
        jobs = await callbacks.at_rate(count, SET_UP_PER_S, AGENT, CUSTOMER)
        windows.append(await window)
        await callbacks.all_ended(jobs, LIMIT_S)
    return windows


@contextlib.contextmanager
def _on_each_core(program: str) -> Iterator[None]:
    """A process for each core, which does nothing but work."""
    started = []
    try:
        for core in sorted(os.sched_getaffinity(0)):
            started.append(subprocess.Popen([sys.executable, "-c", program]))
            os.sched_setaffinity(started[-1].pid, {core})
        yield
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


def _measure(
    report: Report, options: Options, part: str, peer: LoadPeerProcess, engine: EngineProcess
) -> list[_Window]:
    """What is measured while nothing else happens; the windows, for their delays."""
    engine_percent: list[float] = []
    worker_percent: list[float] = []
    windows = []
    others = peer.ask("stats")["heard_from_others"]
    for run_index in range(options.talk_runs):
        # To sum up a window holds the load peer up; it has to be in step again.
        time.sleep(SETTLE_S)
        if run_index == options.talk_runs - 1:
            peer.ask("intrude", count=INTRUDERS)
        started, used = time.monotonic(), engine.cpu_s()
        windows.append(peer.ask("window", s=options.talk_s))
        passed_s, now = time.monotonic() - started, engine.cpu_s()
        engine_percent.append((now[0] - used[0]) / passed_s * 100)
        worker_percent.append((now[1] - used[1]) / passed_s * 100)
    stats = peer.ask("stats")
    both = [a + b for a, b in zip(engine_percent, worker_percent, strict=True)]
    add = report.figures.append
    add(figure(part, "engine and worker", "% of a core", both, target=CORE_TARGET_PERCENT))
    add(figure(part, "of it the engine", "% of a core", engine_percent))
    sent = sum(window["sent"] for window in windows)
    due = 2 * options.talk_calls * PACKETS_PER_S * options.talk_s * options.talk_runs
    offered = sent / due
    if offered < LEAST_OFFERED:
        report.notes.append(
            f"{PART}: the load peer got only {offered:.1%} of the packets out; measure again"
        )
    lost = [float(window["lost"]) for window in windows]
    add(
        figure(
            part, "packets lost", "", lost, target=0, note=f"of {sent}, {offered:.1%} of all due"
        )
    )
    reordered = sum(window["reordered"] for window in windows)
    for name, key, note in (
        ("duplicates", "duplicates", ""),
        ("breaks in RTP sequence", "breaks", f"{reordered} packets reordered on their way"),
    ):
        add(figure(part, name, "", [float(window[key]) for window in windows], target=0, note=note))
    late_ms = max(window["sender_late_max_ms"] for window in windows)
    undated = sum(window["undated"] for window in windows)
    report.notes.append(
        f"{PART}: the load peer itself was late by {late_ms:.1f} ms at worst, and interrupted in"
        f" sending {undated} packets, whose delay is not known"
    )
    heard = float(stats["heard_from_others"] - others)
    forged = sum(window["intruder_packets"] for window in windows)
    note = stats["first_other"] or f"{forged} forged packets among those sent"
    add(figure(part, "packets heard by anyone but the partner", "", [heard], target=0, note=note))
    return windows
