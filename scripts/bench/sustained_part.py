"""Callbacks at a steady rate for a minute: none fails, and customers are called at once.

Over UDP, then over TLS with SRTP on both legs, which the phones speak. The load peer and who asks
for the callbacks run on the same machine.
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
from .report import Report, figure
from .setup_part import AGENT, ANSWER_TO_INVITE, CUSTOMER, SETTLE_S, one_round

ANSWER_TO_INVITE_P99_TARGET_MS = 20.0
LIMIT_S = 60.0
SPEAKING_AGENT, SPEAKING_CUSTOMER = (one.removesuffix(".mute") for one in (AGENT, CUSTOMER))
WARM_UP, WARM_UP_RATE = 100, 50
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
            phones = (SPEAKING_AGENT, SPEAKING_CUSTOMER) if way.is_secure else (AGENT, CUSTOMER)
            jobs = await callbacks.at_rate(WARM_UP, WARM_UP_RATE, *phones)
            await callbacks.all_ended(jobs, LIMIT_S)
            await asyncio.sleep(SETTLE_S)
            peer_used = peer.ask("stats")["cpu_s"]
            count = int(way.rate * options.sustained_s)
            found = await one_round(
                count,
                way.rate,
                LIMIT_S,
                peer=peer,
                engine=engine,
                callbacks=callbacks,
                phones=phones,
            )
            peer_used = peer.ask("stats")["cpu_s"] - peer_used
    label = f"callbacks not completed, of {count} at {way.rate} a second"
    report.figures.append(figure(part, label, "", [float(found.not_completed)], target=0))
    report.figures.append(figure(part, f"{ANSWER_TO_INVITE}, p50", "ms", [found.answer_p50_ms]))
    report.figures.append(
        figure(
            part,
            f"{ANSWER_TO_INVITE}, p99",
            "ms",
            [found.answer_p99_ms],
            target=ANSWER_TO_INVITE_P99_TARGET_MS,
        )
    )
    peer_ms = peer_used / count * 1e3
    costs = {"engine": found.engine_ms, "worker": found.worker_ms, "load peer": peer_ms}
    for name, cost in costs.items():
        report.figures.append(figure(part, f"CPU per callback, {name}", "ms", [cost]))
