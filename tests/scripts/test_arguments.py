"""Wrong arguments of every command of scripts/ are said in a line, before anything starts."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.arguments import readable, seconds, sip_uri, some_seconds, whole, writable
from tests.support.phones.real.softphone import ROOT


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("softphone --codecs opus", "no codec 'opus' here; there are"),
        ("softphone --port 99999", "--port: 99999 is not between 0 and 65535"),
        ("softphone --call nonsense", "--call: nonsense is no sip: URI"),
        ("softphone --call sip:@@@ --once", "cannot call sip:@@@"),
        ("softphone --registrar sip:", "--registrar: sip: is no sip: URI"),
        ("softphone --record /nowhere/x.wav", "--record: /nowhere/x.wav: there is no directory"),
        ("softphone --log /nowhere/x", "--log: /nowhere/x: there is no directory"),
        ("softphone --tone -5", "--tone: -5 is not between"),
        ("softphone --play /nowhere/x.wav", "--play: /nowhere/x.wav: No such file"),
        ("demo --nonsense", "unrecognized arguments: --nonsense"),
        ("demo --limit 0", "--limit: must be more than 0 seconds"),
        ("state_diagrams", "the following arguments are required: FILE"),
        ("state_diagrams /nowhere/x.md", "FILE: /nowhere/x.md: there is no directory"),
        ("load_peer --streams -1", "--streams: -1 is not between"),
        ("load_peer --listen 127.0.0.1", "must be host:port"),
        ("bench nonsense", "nonsense: no such part; there are"),
        ("bench --output /dev/null/x", "--output"),
        ("fuzz --seconds 0", "--seconds: 0 is not between"),
        ("attack --seconds 0", "--seconds: must be more than 0 seconds"),
    ],
)
def test_what_is_wrong_is_said(command: str, reason: str) -> None:
    name, *arguments = command.split()
    done = subprocess.run(
        [sys.executable, "-m", f"scripts.{name}", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60.0,
    )
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert reason in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_coverage_that_was_not_measured_is_said(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.line_coverage"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60.0,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "nothing was measured: `make coverage` does it\n"


def test_what_is_right_is_read(tmp_path: Path) -> None:
    assert whole(0, 5)("5") == 5
    assert (seconds("0.5"), some_seconds("2")) == (0.5, 2.0)
    assert writable(str(tmp_path / "new")) and readable(__file__) == __file__
    assert sip_uri("SIPS:a@b") == "SIPS:a@b"


@pytest.mark.parametrize("text", ["x", "-1", "nan", "inf"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        seconds(text)


def test_a_directory_is_no_file_to_write(tmp_path: Path) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="cannot be written"):
        writable(str(tmp_path))
