"""A sound file that kills the library costs that file alone, and finds nothing of the engine."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from media.sound import prompt_files, sound_file_process
from media.sound.prompt_files import PromptError, check_prompt
from media.sound.prompts import load
from tests.support.recording import write_tone_wav


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    prompt_files.close_processes()
    yield
    prompt_files.close_processes()


def tone(path: Path) -> str:
    write_tone_wav(path, 440, 0.5)
    return str(path)


def test_the_engine_itself_does_not_load_the_library(tmp_path: Path) -> None:
    check_prompt(tone(tmp_path / "a.wav"))
    if "media.sound.sound_file" not in sys.modules:  # another test of this run may load it
        assert "soundfile" not in vars(prompt_files)
    (process,) = prompt_files._processes.idle
    assert "libsndfile" in Path(f"/proc/{process.pid}/maps").read_text()


def test_the_process_has_nothing_of_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGBACK_TOKEN", "s3cret")
    with (tmp_path / "calls").open("w") as kept:
        os.set_inheritable(kept.fileno(), True)
        load(tone(tmp_path / "a.wav"))
        (process,) = prompt_files._processes.idle
        proc = Path("/proc", str(process.pid))
        opened = {os.readlink(entry) for entry in (proc / "fd").iterdir()}
        assert not {name for name in opened if name.startswith(str(tmp_path))}
        assert b"s3cret" not in (proc / "environ").read_bytes()
        limits = (proc / "limits").read_text()
    assert str(sound_file_process.MEMORY_BYTES) in limits
    prompt_files.close_processes()
    assert not proc.exists()


def test_a_process_that_died_between_two_files_is_replaced(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.wav")
    assert len(load(path)) == 4000
    for process in prompt_files._processes.idle:
        os.kill(process.pid, signal.SIGKILL)
    assert len(load(path)) == 4000


def test_a_file_that_the_process_dies_of_is_an_error(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.wav")
    check_prompt(path)
    (process,) = prompt_files._processes.idle
    os.kill(process.pid, signal.SIGSTOP)  # it will not answer before it is killed
    killer = threading.Timer(0.2, os.kill, (process.pid, signal.SIGKILL))
    killer.start()
    assert len(load(path)) == 4000  # one that had read another file gets a second chance
    killer.join()
    with pytest.raises(PromptError, match="the process that reads sound files has died of it"):
        prompt_files._processes.close()
        _kill_the_next_one()
        load(path)
    assert len(load(path)) == 4000


def _kill_the_next_one() -> None:
    """Kill the next process that this one starts, as soon as it is there."""
    before = _children()

    def kill() -> None:
        while not (found := _children() - before):
            time.sleep(0.001)
        os.kill(found.pop(), signal.SIGKILL)

    threading.Thread(target=kill).start()


def _children() -> set[int]:
    return {
        int(child)
        for task in Path("/proc/self/task").iterdir()
        for child in (task / "children").read_text().split()
    }


def test_one_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tone(tmp_path / "a.wav")
    monkeypatch.setattr(prompt_files, "READ_LIMIT_S", 0.0)
    with pytest.raises(PromptError, match="takes over 0 s to be read"):
        load(path)
    monkeypatch.undo()
    assert len(load(path)) == 4000
