"""The named socket of a worker: who may reach it, and where it lies."""

import os
import stat
from pathlib import Path

import pytest

from media.door import open_door, reach


def test_it_is_reached_however_long_its_path_is(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 120)
    directory.mkdir()
    path = directory / "door.sock"
    with open_door(path) as door, reach(path) as ours:
        theirs, _ = door.accept()
        ours.send(b"hello")
        assert theirs.recv(10) == b"hello"
        theirs.close()


def test_it_is_the_users_own(tmp_path: Path) -> None:
    path, before = tmp_path / "door.sock", os.umask(0)
    os.umask(before)
    with open_door(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    now = os.umask(before)
    assert now == before, "what is made later has the usual mode"


def test_nothing_is_put_in_the_place_of_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "door.sock"
    path.write_text("mine")
    with pytest.raises(OSError, match="in use"):
        open_door(path)
    assert path.read_text() == "mine"


def test_where_nobody_listens_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "door.sock"
    with pytest.raises(FileNotFoundError):
        reach(path)
    open_door(path).close()
    with pytest.raises(ConnectionRefusedError):
        reach(path)
    with pytest.raises(FileNotFoundError):
        open_door(tmp_path / "no such directory" / "door.sock")
