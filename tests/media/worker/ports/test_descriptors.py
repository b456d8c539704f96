"""The kernel's table of descriptors has room before it is needed."""

import os
import resource
from pathlib import Path

import pytest

from media.worker.ports.descriptors import make_room_for


def room() -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("FDSize"))


def descriptors() -> set[str]:
    return {name for name in os.listdir("/proc/self/fd") if Path(f"/proc/self/fd/{name}").exists()}


def test_the_table_has_room_and_no_descriptor_stays_open() -> None:
    before, wanted = descriptors(), room() + 1
    if wanted > resource.getrlimit(resource.RLIMIT_NOFILE)[0]:
        pytest.skip("the table of this process is as large as its limit")
    make_room_for(wanted)
    assert room() >= wanted
    assert descriptors() == before


def test_more_than_the_limit_is_no_error() -> None:
    before = descriptors()
    make_room_for(1 << 40)
    assert room() >= resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2
    assert descriptors() == before


def test_where_no_descriptor_is_left_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise OSError(24, "too many open files")

    monkeypatch.setattr(os, "open", refused)
    before = room()
    make_room_for(before + 1)
    assert room() == before
