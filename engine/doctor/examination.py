"""Everything that is looked at, in order."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from config.settings import read

from ..checks.configuration import faults_of
from ..preflight import keys_in_clear, missing_codecs
from .finding import Finding
from .installed import library_findings, relay_findings, relay_here, version_findings
from .machine import Machine
from .network import address_findings, name_findings, port_findings
from .places import directory_findings, secret_findings
from .proxies import proxy_findings
from .running import engine_findings
from .visitors import visitor_findings


def examine(file: Path, status: Mapping[str, Any] | None) -> Iterator[Finding]:
    """Look at the machine, and at the configuration in `file`, by its parts that are right.

    `status` is engine.status of the engine that runs; None: none does. Raises ConfigError where the
    file cannot be read.
    """
    pids = status["media"]["pids"] if status is not None else []
    relay = relay_here()
    yield from relay_findings(relay)
    yield from version_findings()
    written = read(file)
    settings, faults = written.settings, written.faults or faults_of(written)
    for fault in faults:
        yield Finding(
            fault.key, "fault", f"{fault.reason}.",
            f"Correct it in {file}; ringback check tells the line.",
        )  # fmt: skip
    if not faults:
        yield Finding("configuration", "ok", f"{file} has no fault.")
    for kind, name, codec, reason in missing_codecs(settings):
        what = f"{codec} is not offered to {kind} {name}: {reason}."
        yield Finding(f"{kind} {name}", "warning", what, "Install it, or leave the codec out.")
    for kind, name, uri, reason in keys_in_clear(settings):
        what = f"{uri}: {reason}."
        yield Finding(f"{kind} {name}", "warning", what, "Add ;transport=tls to its uri.")
    yield from library_findings(settings)
    is_running = status is not None
    yield from address_findings(settings, is_running=is_running)
    max_calls = settings.dial.max_calls
    yield from port_findings(settings.media, max_calls, is_running=is_running)
    yield from name_findings(settings)
    yield from proxy_findings(settings)
    yield from visitor_findings(settings)
    yield from directory_findings(settings)
    yield from secret_findings(settings, file)
    yield from Machine(pid=pids[0] if pids else None).findings(max_calls, settings.media.workers)
    if status is not None:
        yield from engine_findings(status, relay[0])
