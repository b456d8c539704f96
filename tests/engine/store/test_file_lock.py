"""The lock file: one holder, free when the holder is gone."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.store.file_lock import FileLock, LockHeld


def test_second_holder_is_refused_until_the_first_releases_it(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "x.lock")
    with pytest.raises(LockHeld):
        FileLock(tmp_path / "x.lock")
    lock.release()
    lock.release()
    FileLock(tmp_path / "x.lock").release()


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    code = (
        "import sys, pathlib; from engine.store.file_lock import FileLock;"
        "lock = FileLock(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(LockHeld):
        FileLock(path)
    holder.kill()
    holder.communicate()
    FileLock(path).release()


def test_directory_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "none" / "x.lock")
