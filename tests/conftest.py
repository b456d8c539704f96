"""What holds for every test: how many examples are tried, and what a fast test may not do."""

import asyncio
import functools
import gc
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from media.codec import opus
from tests.support.phones.real import peer_process
from tests.support.run_order import in_order

ROOT = Path(__file__).resolve().parent

# A loaded machine makes an example slow; that is no defect of the code under test.
_PATIENT: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [
        hypothesis.HealthCheck.too_slow,
    ],
}
hypothesis.settings.register_profile("dev", max_examples=25, **_PATIENT)
hypothesis.settings.register_profile("ci", max_examples=200, **_PATIENT)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

# Compiling the modules takes longer than all else that a process does which a test starts. Where
# the environment forbids to keep what was compiled, each of them, and each worker of pytest-xdist,
# would compile everything anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Workers of pytest-xdist have no terminal; tables are as wide as on a terminal of this width.
os.environ["COLUMNS"] = "120"

# Stores of the tests wait for the disk at each commit: in memory they wait for nothing. What a test
# leaves goes as it passes, so that there is always room.
MEMORY = Path("/dev/shm")
ROOM_IN_MEMORY = 2 << 30
if (
    "PYTEST_DEBUG_TEMPROOT" not in os.environ
    and os.access(MEMORY, os.W_OK)
    and shutil.disk_usage(MEMORY).free >= ROOM_IN_MEMORY
):
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)

# Who starts the tests in the background of a shell has them ignore Ctrl-C, and so would the
# processes that they start and stop by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

FAST = "not outside"
"""The marks by which fast tests are chosen; the guard below holds in such a run only."""

OUTSIDE_FOLDERS = ("integration", "scripts")
"""Tests in these folders need processes and sockets, all of them."""

OUTSIDE_FIXTURES = frozenset({"engine", "engine_process", "own_engine", "softphone"})
"""A test that uses one of these starts a process or opens sockets."""


LANES_ALONE: dict[str, tuple[str, ...]] = {
    # Begins with ten seconds of calls, which end by hundredths of a second. It then waits for most
    # of a minute until timers of SIP are over, and counts what is still held.
    "waits": ("scripts/test_bench_soak.py",),
    # Those that judge sound and count what leaks while a flood comes are the last: nothing else
    # but that waiting goes on beside them.
    "works": (
        "integration/test_busy_day.py",
        "scripts/test_demo.py",
        "integration/test_peers_of_all_kinds.py",
        "integration/test_nothing_leaks.py",
        "integration/test_bad_input.py",
    ),
}
"""These measure time or load, or take well-known ports. They run after all others, in two lanes:
each lane one file after the other, in this order."""

ALONE = {name: lane for lane, names in LANES_ALONE.items() for name in names}
"""The lane of each of them."""

_REACHES_OUTSIDE = re.compile(
    r"""^import\ (?:socket|subprocess)$
    |\b(?:engines\.in_process|phones\.real\.\w+|phones\.wire\.\w+)\ import
    |\bsupport\.(?:control_server|command_line|media\.switch|media\.line)\ import
    |\b(?:SipEndpoint|WorkerClient|WorkerPool|Receiver|create_subprocess_exec)\(
    |^from\ \.+(?:worker\.test_port_pool|test_worker_client)\ import
    |\bimport\ .*\b(?:Receiver|PortPool|BatchedSocket)\b""",
    re.MULTILINE | re.VERBOSE,
)


@functools.cache
def listed_files() -> frozenset[str]:
    """Files that reach outside by other means, one a line of outside.txt, `#` begins a comment."""
    lines = (ROOT / "outside.txt").read_text().splitlines()
    return frozenset(line.split("#")[0].strip() for line in lines) - {""}


@functools.cache
def name_of(path: Path) -> str:
    """The file's name below tests/."""
    return path.relative_to(ROOT).as_posix()


@functools.cache
def reaches_outside(path: Path) -> bool:
    """Whether the tests of a file start processes or open sockets."""
    name = name_of(path)
    return (
        name.split("/")[0] in OUTSIDE_FOLDERS
        or name in listed_files()
        or _REACHES_OUTSIDE.search(path.read_text()) is not None
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import a file of which the chosen marks leave nothing."""
    if not collection_path.match("test_*.py"):
        return None
    match config.option.markexpr:
        case "alone":
            ignored = name_of(collection_path) not in ALONE
        case "not alone":
            ignored = name_of(collection_path) in ALONE
        case marks if marks == FAST:
            ignored = reaches_outside(collection_path)
        case _:
            ignored = False
    return ignored or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that reach outside the process, so that `-m "not outside"` leaves them out.

    Put their files in order: those that run alone come last, as their lane has them.
    """
    for item in items:
        if reaches_outside(item.path) or not OUTSIDE_FIXTURES.isdisjoint(
            getattr(item, "fixturenames", ())
        ):
            item.add_marker(pytest.mark.outside)
        lane = ALONE.get(name_of(item.path))
        if lane is not None:
            item.add_marker(pytest.mark.alone)
            item.add_marker(pytest.mark.xdist_group(lane))
    order = [*_order_of(items), *ALONE]
    places = {name: place for place, name in enumerate(order)}
    items.sort(key=lambda item: places[name_of(item.path)])


def _order_of(items: list[pytest.Item]) -> list[str]:
    """The files that several processes share, in the order in which they are begun."""
    tests_of = Counter(name_of(item.path) for item in items if not item.get_closest_marker("alone"))
    waiting = {name_of(item.path) for item in items if item.get_closest_marker("outside")}
    return in_order(tests_of, waiting & tests_of.keys())


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect without looking for garbage among what stays, now or while the tests run."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class ReachesOutside(BaseException):
    """A fast test opens a socket or starts a process. Nothing in the code can catch it."""


@pytest.fixture(autouse=True)
def _stays_inside(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold fast tests to their word: no socket is bound or connected, no process is started."""
    if request.config.option.markexpr != FAST:
        return
    opus.missing()  # ctypes starts a process to look for the library, once

    def refuse(*_args: Any, **_more: Any) -> Any:
        raise ReachesOutside(
            f"{request.node.nodeid} opens a socket or starts a process: list its file in "
            "tests/outside.txt, or test it without"
        )

    for kind in ("bind", "connect", "connect_ex", "listen"):
        monkeypatch.setattr(socket.socket, kind, refuse, raising=True)
    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    monkeypatch.setattr(os, "fork", refuse)


@pytest.fixture(autouse=True)
def _leaves_no_peer() -> Iterator[None]:
    """Kill the programs that a test has started and not stopped, as one that fails does not."""
    before = frozenset(peer_process.started)
    yield
    for peer in peer_process.started - before:
        peer.kill_if_left()
