"""Callbacks at a steady rate for a minute: none fails, and customers are called at once.

Over UDP, then over TLS with SRTP on both legs. The load peer and who asks for the callbacks run on
the same machine.
"""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scripts.load.certificates import Certificate
from scripts.load.driver import LoadPeerProcess

from .callbacks import Callbacks
from .engine_process import EngineProcess
from .options import Options
from .report import Report, figure, percentile

ANSWER_TO_INVITE_P99_TARGET_MS = 20.0
LIMIT_S = 60.0
SETTLE_S = 1.0
WARM_UP, WARM_UP_RATE = 100, 50
AGENT = "answer-20.mute"
CUSTOMER = "answer-20.bye-50.mute"
# A machine that is busy with the load peer makes all late: it is no reason to refuse calls here.
ENVIRONMENT = {"RINGBACK_DIAL__MAX_LATE_MS": "0"}
SECURE = """
[sip.tls]
cert = "{cert}"
key = "{key}"
ca = "{cert}"

[[trunks]]
name = "phones"
uri = "sip:{peer};transport=tls"
srtp = "required"
"""


@dataclass(frozen=True, slots=True)
class _Way:
    """How phones are reached, and how many callbacks a second are wanted."""

    name: str
    rate: int
    is_secure: bool


async def run(report: Report, options: Options) -> None:
    """Both ways, one after the other, each with an engine of its own."""
    for way in (
        _Way("UDP", options.sustained_rate, False),
        _Way("TLS and SRTP", options.sustained_secure_rate, True),
    ):
        with tempfile.TemporaryDirectory(prefix="ringback-bench-tls-") as directory:
            await _measure(report, options, way, Path(directory))


async def _measure(report: Report, options: Options, way: _Way, directory: Path) -> None:
    part = f"sustained {way.name}"
    certificate = Certificate.made(directory) if way.is_secure else None
    with LoadPeerProcess(certificate=certificate) as peer:
        more = ""
        if certificate is not None:
            more = SECURE.format(peer=peer.sip, cert=certificate.cert, key=certificate.key)
        address = peer.sip + (";transport=tls" if way.is_secure else "")
        async with (
            EngineProcess(more, environment=ENVIRONMENT, is_secure=way.is_secure) as engine,
            Callbacks(str(engine.socket), address) as callbacks,
        ):
            jobs = await callbacks.at_rate(WARM_UP, WARM_UP_RATE, AGENT, CUSTOMER)
            await callbacks.all_ended(jobs, LIMIT_S)
            await asyncio.sleep(SETTLE_S)
            peer.ask("latencies")
            completed, used = callbacks.states["completed"], engine.cpu_s()
            peer_used = peer.ask("stats")["cpu_s"]
            count = int(way.rate * options.sustained_s)
            jobs = await callbacks.at_rate(count, way.rate, AGENT, CUSTOMER)
            await callbacks.all_ended(jobs, LIMIT_S)
            now = engine.cpu_s()
            latencies = peer.ask("latencies")
            peer_used = peer.ask("stats")["cpu_s"] - peer_used
            failed = count - (callbacks.states["completed"] - completed)
    label = f"callbacks not completed, of {count} at {way.rate} a second"
    report.figures.append(figure(part, label, "", [float(failed)], target=0))
    late = percentile(latencies, 99)
    label = "agent's answer to customer's INVITE"
    report.figures.append(figure(part, f"{label}, p50", "ms", [percentile(latencies, 50)]))
    report.figures.append(
        figure(part, f"{label}, p99", "ms", [late], target=ANSWER_TO_INVITE_P99_TARGET_MS)
    )
    for name, begin, end in zip(("engine", "worker"), used, now, strict=True):
        cost = (end - begin) / count * 1e3
        report.figures.append(figure(part, f"CPU per callback, {name}", "ms", [cost]))
    report.figures.append(
        figure(part, "CPU per callback, load peer", "ms", [peer_used / count * 1e3])
    )
