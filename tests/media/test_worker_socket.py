"""The named socket of a worker: who may reach it, and where it lies."""

import os
import stat
from pathlib import Path

import pytest

from media.worker_socket import connect_to, listen_at


def test_it_is_reached_however_long_its_path_is(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 120)
    directory.mkdir()
    path = directory / "worker.sock"
    with listen_at(path) as listening, connect_to(path) as ours:
        theirs, _ = listening.accept()
        ours.send(b"hello")
        assert theirs.recv(10) == b"hello"
        theirs.close()


def test_it_is_the_users_own(tmp_path: Path) -> None:
    path, before = tmp_path / "worker.sock", os.umask(0)
    os.umask(before)
    with listen_at(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    now = os.umask(before)
    assert now == before, "what is made later has the usual mode"


def test_nothing_is_put_in_the_place_of_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "worker.sock"
    path.write_text("mine")
    with pytest.raises(OSError, match="in use"):
        listen_at(path)
    assert path.read_text() == "mine"


def test_where_nobody_listens_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "worker.sock"
    with pytest.raises(FileNotFoundError):
        connect_to(path)
    listen_at(path).close()
    with pytest.raises(ConnectionRefusedError):
        connect_to(path)
    with pytest.raises(FileNotFoundError):
        listen_at(tmp_path / "no such directory" / "worker.sock")
