"""`make demo` as a user runs it, on a machine where its ports and its socket may be taken."""

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from scripts.demo_stage import ROOT, free_port


@contextlib.contextmanager
def taken(port: int) -> Iterator[None]:
    """Keep `port` from the demo; it may be taken already."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        with contextlib.suppress(OSError):
            holder.bind(("127.0.0.1", port))
        yield


def test_a_wanted_port_is_used_when_free_and_another_when_not() -> None:
    free = free_port("127.0.0.1", 0)
    assert free_port("127.0.0.1", free) == free
    with taken(free):
        assert free_port("127.0.0.1", free) != free


def test_the_demo_holds_even_where_the_default_ports_are_in_use() -> None:
    if importlib.util.find_spec("pjsua2") is None:
        pytest.skip("pjsua2 is not installed (pip install 'ringback[demo]')")
    with taken(5060), taken(5080):
        done = subprocess.run(
            [sys.executable, "-m", "scripts.demo", "--limit", "100"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
            env={**os.environ, "COLUMNS": "120"},
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "127.0.0.1:5060 is taken" in done.stdout
    assert "port 5080 of agent alice is taken" in done.stdout
    for event in ("callback.whispering", "callback.bridged", "callback.completed"):
        assert event in done.stdout
    assert "all of it holds" in done.stdout
    assert "NO" not in done.stdout
    assert done.stderr == ""


def test_a_stopped_demo_leaves_no_process_behind() -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "scripts.demo", "--limit", "100"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert demo.stdout is not None
    for line in demo.stdout:
        if "leg.ringing" in line:
            break
    started = psutil.Process(demo.pid).children(recursive=True)
    assert len(started) >= 3  # daemon, agent, customer, and what the daemon has started
    demo.terminate()
    assert "demo: stopped" in demo.stdout.read()
    assert demo.wait(60) == 1
    assert not [process for process in started if process.is_running()]
