"""A command that is forked is as one that is started."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support import prepared_command
from tests.support.engines.process import EngineProcess
from tests.support.prepared_command import PreparedCommand, is_measured

LONGEST_S = 60.0


class Run:
    """Commands whose output is in a file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.output = directory / "output"

    def begin(self, *arguments: str, **environ: str) -> PreparedCommand:
        with self.output.open("wb") as file, Path(os.devnull).open("rb") as nothing:
            return PreparedCommand.start(
                ["ringback", *arguments],
                directory=self.directory,
                environ={**os.environ, **environ},
                streams=(nothing.fileno(), file.fileno(), file.fileno()),
            )

    def status(self, *arguments: str, **environ: str) -> int:
        return self.begin(*arguments, **environ).wait(LONGEST_S)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_status_output_and_directory_are_those_of_the_command(run: Run) -> None:
    assert run.status("--version") == 0
    assert run.output.read_text().startswith("ringback ")
    assert run.status("check", "none.toml") == 2
    assert "none.toml" in run.output.read_text()
    (run.directory / "here.toml").touch()
    assert run.status("check", "here.toml") == 0


def test_the_environment_is_the_one_that_is_given(run: Run) -> None:
    path = str(run.directory / "elsewhere.sock")
    assert run.status("status", RINGBACK_CONTROL__SOCKET=path) == 3
    assert path in run.output.read_text()
    assert run.status("status") == 3
    assert path not in run.output.read_text()


def test_who_is_killed_has_the_signal_as_status(run: Run) -> None:
    engine = EngineProcess(run.directory / "engine")
    try:
        engine.start()
        child = engine._process
        assert child is not None
        os.kill(engine.pid, signal.SIGKILL)
        assert child.wait(LONGEST_S) == -signal.SIGKILL
        assert not engine.running
    finally:
        engine.clear_away()


def test_a_wait_has_its_deadline(run: Run) -> None:
    engine = EngineProcess(run.directory / "engine")
    try:
        engine.start()
        child = engine._process
        assert child is not None and child.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.01)
        assert os.getsid(engine.pid) == engine.pid
        engine.stop()
        assert (child.poll(), child.wait()) == (0, 0)
        child.kill()  # which is too late, and hits nobody
    finally:
        engine.clear_away()


def signals(pid: int) -> list[str]:
    """Which signals a process blocks, ignores and catches."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return [line for line in lines if line.startswith(("SigBlk", "SigIgn", "SigCgt"))]


@pytest.mark.skipif(is_measured(), reason="each process is started where coverage is measured")
def test_an_engine_that_is_forked_is_as_one_that_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for kind in ("forked", "started"):
        monkeypatch.setattr(prepared_command, "is_measured", lambda kind=kind: kind == "started")
        engine = EngineProcess(tmp_path / kind)
        try:
            engine.start()
            assert isinstance(engine._process, PreparedCommand) is (kind == "forked")
            streams = [os.readlink(f"/proc/{engine.pid}/fd/{number}") for number in range(3)]
            assert streams == ["/dev/null", str(engine.log_path), str(engine.log_path)]
            seen.append((signals(engine.pid), os.getsid(engine.pid) == engine.pid))
            engine.stop()
        finally:
            engine.clear_away()
    assert seen[0] == seen[1]
