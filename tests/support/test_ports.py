"""Ports that tests are given: free ones, and none that another process of the tests has."""

import subprocess
import sys

import pytest

from tests.support import ports
from tests.support.ports import PortShare

HOST = "127.0.0.1"


def kernel(monkeypatch: pytest.MonkeyPatch, free: range) -> None:
    """Let these ports be free, and no other."""
    monkeypatch.setattr(ports, "_is_free", lambda host, port, kind=None: port in free)


@pytest.mark.parametrize("first", [20_000, 20_150, 20_300])
def test_the_only_range_that_is_free_is_found(monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    kernel(monkeypatch, range(first, first + 100))
    share = PortShare(20_000, 20_400)
    assert share.udp_range(100, HOST) == (first, first + 99)
    assert share.udp_range(100, HOST) == (first, first + 99)  # the only one again


def test_a_range_begins_at_an_even_port(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(20_001, 20_022))
    assert PortShare(20_000, 20_400).udp_range(20, HOST) == (20_002, 20_021)


def test_no_range_is_given_where_none_is_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(20_000, 20_099))
    with pytest.raises(OSError, match="no 100 free UDP ports in a row"):
        PortShare(20_000, 20_400).udp_range(100, HOST)


def test_no_port_is_given_again_before_all_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(20_000, 20_400))
    share = PortShare(20_000, 20_012)
    given = [share.port(HOST), *share.udp_range(3, HOST), share.port(HOST)]
    assert given == [20_000, 20_002, 20_004, 20_006]
    assert share.udp_range(4, HOST) == (20_008, 20_011)
    assert share.port(HOST) == 20_000


def test_the_port_after_one_that_was_given_stays_free(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(20_000, 20_400))
    share = PortShare(20_001, 20_012)
    assert [share.port(HOST) for _ in range(2)] == [20_002, 20_004]


def test_ports_that_are_taken_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(20_005, 20_009))
    share = PortShare(20_000, 20_012)
    assert [share.port(HOST) for _ in range(3)] == [20_006, 20_008, 20_006]


def test_no_port_is_given_where_none_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(0))
    with pytest.raises(OSError, match="no free port"):
        PortShare(20_000, 20_012).port(HOST)


def test_two_processes_have_ports_apart() -> None:
    asked = "from tests.support.ports import free_port; print(free_port())"
    own = ports.free_port()  # this process has its share before the other one asks
    other = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True)
    assert _share_of(int(other.stdout)) != _share_of(own)


def test_rtp_ports_of_engines_are_in_no_share() -> None:
    first, last = ports.media_ports(2000)
    assert first % 2 == 0
    assert (last - first, first >= ports.HIGHEST, last < ports.MEDIA_END) == (1999, True, True)


def _share_of(port: int) -> int:
    return (port - ports.LOWEST) // ports.SHARE
