"""CPU for each relayed packet, and how late it arrives: the media worker beside the C relay.

Both carry the same streams from the same sender, by turns, so that what else the machine does
falls on both alike. The worker's streams are those of whole calls.
"""

import asyncio
import contextlib
import os
import signal
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from media.relay.implementation import VARIABLE
from scripts.load.driver import LoadPeerProcess

from .c_program import NoCompiler
from .c_relay import CRelay
from .callbacks import Callbacks
from .engine_process import EngineProcess
from .options import Options
from .processes import cpu_s
from .report import Report, figure

PART = "relay"
SET_UP_PER_S = 50.0
SETTLE_S = 0.6
RECOVERY_S = 6.0
LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of the worker's relays: the variables that choose it, and what is promised of it."""

    name: str
    environment: Mapping[str, str]
    ratio_target: float
    delay_p99_target_ms: float | None


NATIVE = _Kind(PART, {}, 1.1, 3.0)
PLAIN = _Kind("relay in Python", {VARIABLE: "plain"}, 2.2, None)


@dataclass(frozen=True, slots=True)
class Turn:
    """One relay's turn under load."""

    us_per_packet: float
    window: dict[str, Any]


async def run(report: Report, options: Options) -> None:
    """Measure at each number of streams."""
    await _measure(report, options, NATIVE, options.relay_streams)


async def run_plain(report: Report, options: Options) -> None:
    """The same with the relay in Python, which runs where the one in C was not compiled."""
    await _measure(report, options, PLAIN, options.plain_streams)


async def _measure(report: Report, options: Options, kind: _Kind, numbers: tuple[int, ...]) -> None:
    with LoadPeerProcess() as peer:
        async with (
            EngineProcess(environment=kind.environment) as engine,
            Callbacks(str(engine.socket), peer.sip) as callbacks,
        ):
            jobs: list[str] = []
            for streams in numbers:
                jobs += await callbacks.at_rate(
                    streams // 2 - len(jobs), SET_UP_PER_S, "answer-20", "answer-20"
                )
                await callbacks.reached("bridged", len(jobs), LIMIT_S)
                missing = float(len(jobs) - callbacks.states["bridged"])
                part = f"{kind.name}, {streams} streams"
                report.figures.append(figure(part, "callbacks not joined", "", [missing], target=0))
                ours, theirs = await asyncio.to_thread(
                    _compare, report, options, streams, peer, engine.worker_pid
                )
                _add(report, kind, part, ours, theirs)


def _compare(
    report: Report, options: Options, streams: int, peer: LoadPeerProcess, worker_pid: int
) -> tuple[list[Turn], list[Turn]]:
    """The turns of the worker and those of the C relay: none where it was not compiled."""
    phones = [(host, port) for host, port in peer.ask("phones", count=streams)]
    relay: CRelay | None = None
    peer.ask("direct", silent=True)
    try:
        relay = CRelay(phones)
        peer.ask("feed", pairs=relay.legs)
    except NoCompiler as reason:
        note = f"{PART}: C relay skipped: {reason}"
        if note not in report.notes:
            report.notes.append(note)
    ours: list[Turn] = []
    theirs: list[Turn] = []
    for _ in range(options.relay_runs):
        ours.append(_turn(peer, "calls", worker_pid, options.relay_s))
        if relay is not None:
            with _stopped(peer, worker_pid):
                theirs.append(_turn(peer, "direct", relay.pid, options.relay_s))
    peer.ask("feed", pairs=[])
    peer.ask("calls", silent=False)
    if relay is not None:
        relay.close()
        # The worker says that it was late while it was held, and the engine admits no call then.
        time.sleep(RECOVERY_S)
    return ours, theirs


@contextlib.contextmanager
def _stopped(peer: LoadPeerProcess, worker_pid: int) -> Iterator[None]:
    """Hold the media worker: it would fill the pause of its calls with packets of silence."""
    peer.ask("calls", silent=True)
    os.kill(worker_pid, signal.SIGSTOP)
    try:
        yield
    finally:
        peer.ask("direct", silent=True)
        os.kill(worker_pid, signal.SIGCONT)


def _turn(peer: LoadPeerProcess, group: str, pid: int, duration_s: float) -> Turn:
    peer.ask(group, silent=False)
    time.sleep(SETTLE_S)
    heard = peer.ask("stats")["heard_from_partner"]
    used_s = cpu_s(pid)
    window = peer.ask("window", s=duration_s)
    used_s = cpu_s(pid) - used_s
    heard = peer.ask("stats")["heard_from_partner"] - heard
    return Turn(used_s / max(heard, 1) * 1e6, window)


def _add(report: Report, kind: _Kind, part: str, ours: list[Turn], theirs: list[Turn]) -> None:
    report.figures.append(
        figure(part, "CPU per packet, media worker", "µs", [turn.us_per_packet for turn in ours])
    )
    if theirs:
        pairs = zip(ours, theirs, strict=True)
        ratios = [our.us_per_packet / their.us_per_packet for our, their in pairs]
        alone = [turn.us_per_packet for turn in theirs]
        report.figures.append(figure(part, "CPU per packet, C relay", "µs", alone))
        report.figures.append(
            figure(
                part,
                "worker : C relay",
                "×",  # noqa: RUF001
                ratios,
                target=kind.ratio_target,
                note="run by run",
            )
        )
    delays: list[tuple[str, str, float | None]] = [
        ("p50", "delay_p50_ms", None),
        ("p99", "delay_p99_ms", kind.delay_p99_target_ms),
        ("max", "delay_max_ms", None),
    ]
    for name, key, target in delays:
        note = _beside(key, theirs)
        values = [turn.window[key] for turn in ours]
        report.figures.append(
            figure(part, f"relay delay {name}", "ms", values, target=target, note=note)
        )
    lost = [float(turn.window["lost"]) for turn in ours]
    report.figures.append(figure(part, "packets lost", "", lost, target=0))


def _beside(key: str, theirs: list[Turn]) -> str:
    if not theirs:
        return ""
    return f"C relay {statistics.median(turn.window[key] for turn in theirs):.2f} ms"
