"""Ports that tests are given: free ones, and none that another process of the tests has."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support import ports
from tests.support.ports import FreePorts, LockFile

HOST = "127.0.0.1"


def kernel(monkeypatch: pytest.MonkeyPatch, free: range) -> None:
    """Let these ports be free, and no other."""
    monkeypatch.setattr(ports, "_is_free", lambda host, port, kind=None: port in free)


class Locks:
    """Locks that nobody else has, or somebody has all but these."""

    def __init__(self, to_be_had: range = range(65536)) -> None:
        self.to_be_had = to_be_had
        self.locked: set[int] = set()

    def lock(self, ports: range) -> bool:
        if ports[0] not in self.to_be_had or ports[-1] not in self.to_be_had:
            return False
        assert self.locked.isdisjoint(ports)
        self.locked |= set(ports)
        return True

    def unlock(self, ports: range) -> None:
        assert self.locked.issuperset(ports)
        self.locked -= set(ports)


def free_ports(low: int, high: int, **more: Any) -> FreePorts:
    return FreePorts(low, high, Locks(), **more)


@pytest.mark.parametrize("first", [20_000, 20_150, 20_300])
def test_the_only_range_that_is_free_is_found(monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    kernel(monkeypatch, range(first, first + 100))
    share = free_ports(20_000, 20_400)
    assert share.udp_range(100, HOST) == (first, first + 99)
    assert share.udp_range(100, HOST) == (first, first + 99)  # the only one again


def test_a_range_begins_at_an_even_port(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(20_001, 20_022))
    assert free_ports(20_000, 20_400).udp_range(20, HOST) == (20_002, 20_021)


def test_no_range_is_given_where_none_is_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(20_000, 20_099))
    with pytest.raises(OSError, match="no 100 free ports in a row"):
        free_ports(20_000, 20_400).udp_range(100, HOST)


def test_no_port_is_given_again_before_all_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(20_000, 20_400))
    share = free_ports(20_000, 20_012)
    given = [share.port(HOST), *share.udp_range(3, HOST), share.port(HOST)]
    assert given == [20_000, 20_002, 20_004, 20_006]
    assert share.udp_range(4, HOST) == (20_008, 20_011)
    assert share.port(HOST) == 20_000


def test_the_first_port_is_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(20_000, 20_400))
    share = free_ports(20_000, 20_006, begin=20_004)
    assert [share.port(HOST) for _ in range(3)] == [20_004, 20_000, 20_002]


def test_the_port_after_one_that_was_given_stays_free(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(20_000, 20_400))
    share = free_ports(20_001, 20_012)
    assert [share.port(HOST) for _ in range(2)] == [20_002, 20_004]


def test_ports_that_are_taken_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(20_005, 20_009))
    share = free_ports(20_000, 20_012)
    assert [share.port(HOST) for _ in range(3)] == [20_006, 20_008, 20_006]


def test_ports_that_another_process_was_given_are_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel(monkeypatch, range(20_000, 20_400))
    share = FreePorts(20_000, 20_012, Locks(range(20_005, 20_010)))
    assert [share.port(HOST) for _ in range(3)] == [20_006, 20_008, 20_006]
    with pytest.raises(OSError, match="no 6 free ports"):
        share.udp_range(6, HOST)


def test_no_port_is_given_where_none_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(0))
    with pytest.raises(OSError, match="no 2 free ports"):
        free_ports(20_000, 20_012).port(HOST)


def test_what_was_given_long_before_is_free_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(20_000, 20_400))
    locks = Locks()
    share = FreePorts(20_000, 20_400, locks, most_kept=8)
    for _ in range(10):
        share.port(HOST)
    assert locks.locked == set(range(20_010, 20_020))
    share.udp_range(100, HOST)
    assert locks.locked == set(range(20_012, 20_120))


MANY = """
import os, sys
from tests.support.ports import free_port

hold, held = os.pipe()
for _ in range(24):
    if not os.fork():
        os.close(held)
        given = " ".join(str(free_port()) for _ in range(40))
        os.write(1, f"{given}\\n".encode())
        os.read(hold, 1)  # it has them until this process has said all
        os._exit(0)
sys.stdin.read()
"""


def test_no_two_of_many_processes_have_the_same_ports() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", MANY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as many:
        assert many.stdin is not None and many.stdout is not None
        own = {ports.free_port() for _ in range(40)}
        given = [int(port) for _ in range(24) for port in many.stdout.readline().split()]
        many.stdin.close()
    assert len(given) == 24 * 40
    assert own.isdisjoint(given)
    assert max(Counter(given).values()) == 1


def test_locks_end_with_their_process(tmp_path: Path) -> None:
    path = tmp_path / "locks"
    locks = f"LockFile(pathlib.Path({str(path)!r}))"
    lock = f"{locks}.lock(range(20_000, 20_100))"
    other = f"import pathlib; from tests.support.ports import LockFile; print({lock}, flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{other}; import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        assert not LockFile(path).lock(range(20_099, 20_101))
        process.stdin.close()
    assert LockFile(path).lock(range(20_000, 20_100))


def test_rtp_ports_of_engines_are_given_to_no_test() -> None:
    first, last = ports.media_ports(2000)
    assert first % 2 == 0
    assert (last - first, first >= ports.HIGHEST, last < ports.MEDIA_END) == (1999, True, True)
