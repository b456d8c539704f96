"""Processes that the engine starts: Python's own by which command, in which environment; how any
program is ended, and what it left; how the command of an administrator's program is filled.

The environment of the engine has tokens and passwords in it (`RINGBACK_…`), and whatever else was
there when it was started. A child gets what Python, the C library and TLS look at, and no more; a
program of the administrator what finds other programs and files, the language and the time zone.
"""

import contextlib
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

PROGRAM_ENVIRONMENT: Final = {"PATH": os.defpath, "LANG": "C.UTF-8"}
"""What a program of the administrator gets that speaks, or hears, foreign texts."""

_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_ROOT: Final = Path(__file__).resolve().parents[1]
_KEPT_BY_COMMANDS: Final = frozenset({"PATH", "HOME", "LANG", "TZ", "TMPDIR"})
_PREFIXES_KEPT_BY_COMMANDS: Final = ("LC_", "SSL_CERT_")
_KEPT: Final = _KEPT_BY_COMMANDS | {"RINGBACK_RELAY"}
# COVERAGE_: what measures the tests goes on in the processes that they start.
_KEPT_PREFIXES: Final = (
    *_PREFIXES_KEPT_BY_COMMANDS,
    "LD_",
    "MALLOC_",
    "OPENBLAS_",
    "PYTHON",
    "COVERAGE_",
)


class ChildProcess(NamedTuple):
    """What `subprocess.Popen` needs to know of one."""

    command: list[str]
    environment: dict[str, str]


def python_process(
    module: str,
    *arguments: str,
    imports_site: bool = True,
    environ: Mapping[str, str] | None = None,
) -> ChildProcess:
    """A process that runs `module` of one of the rooms, which it finds wherever it is started.

    Without `imports_site` it starts sooner: it has this process's path, and reads no `.pth` file.
    `environ` is what the environment is chosen from, this process's by default.
    """
    given = os.environ if environ is None else environ
    # An `engine` in the working directory is somebody else's.
    options = ["-P"] if imports_site else ["-S", "-P", "-B"]
    path = [given.get("PYTHONPATH")] if imports_site else sys.path
    kept = _chosen(given, _KEPT, _KEPT_PREFIXES)
    kept["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *filter(None, path)])
    return ChildProcess([sys.executable, *options, "-m", module, *arguments], kept)


def command_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program of the administrator gets that moves files, or tells somebody something.

    It is chosen from `environ`, this process's by default. None of the engine's secrets is in it.
    """
    given = os.environ if environ is None else environ
    return PROGRAM_ENVIRONMENT | _chosen(given, _KEPT_BY_COMMANDS, _PREFIXES_KEPT_BY_COMMANDS)


def _chosen(
    environ: Mapping[str, str], names: frozenset[str], prefixes: tuple[str, ...]
) -> dict[str, str]:
    """The variables of these names, and those whose names begin so."""
    return {
        name: value for name, value in environ.items() if name in names or name.startswith(prefixes)
    }


def fill_command(command: Sequence[str], facts: Mapping[str, str | None]) -> tuple[str, ...]:
    """A program and its arguments, each with its `{fields}` filled: no shell reads them.

    A fact that is None is written as nothing.
    """
    return tuple(_FIELD.sub(lambda found: facts[found[1]] or "", one) for one in command)


def kill_group(pid: int) -> None:
    """Kill a process that leads its session, with all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def how_it_ended(status: int) -> str:
    """The status of a process that has ended, in words."""
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def printed_lines(printed: bytes) -> list[str]:
    """The lines of what a program has printed that say something, without odd characters."""
    lines = printed.decode(errors="replace").splitlines()
    shown = ("".join(one for one in line if one.isprintable()).strip() for line in lines)
    return [line for line in shown if line]
