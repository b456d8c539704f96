"""The niceness that a process asks for is its session's too, where the session is its own."""

import os
from pathlib import Path

import pytest

from media import priority


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    calls: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "setpriority", lambda *call: calls.append(call))
    return calls


@pytest.fixture
def group(tmp_path: Path) -> Path:
    file = tmp_path / "autogroup"
    file.write_text("/autogroup-1 nice 0")
    return file


def test_who_leads_its_session_takes_the_niceness_for_it(
    asked: list[tuple[int, int, int]], group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid())
    priority.ask_for(-10, proc=group.parent)
    assert asked == [(os.PRIO_PROCESS, 0, -10)]
    assert group.read_text() == "-10"


def test_a_shared_session_keeps_its_own(
    asked: list[tuple[int, int, int]], group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid() + 1)
    priority.ask_for(-10, proc=group.parent)
    assert asked
    assert group.read_text() == "/autogroup-1 nice 0"


def test_without_the_right_nothing_changes(group: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refused)
    monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid())
    priority.ask_for(-10, proc=group.parent)
    assert group.read_text() == "/autogroup-1 nice 0"


def test_a_kernel_without_groups_is_no_error(
    asked: list[tuple[int, int, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid())
    priority.ask_for(-5, proc=tmp_path)
    assert asked and not list(tmp_path.iterdir())
