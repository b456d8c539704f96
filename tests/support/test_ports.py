"""Ports that tests are given, where nearly all of them are taken."""

import pytest

from tests.support import ports


def kernel(monkeypatch: pytest.MonkeyPatch, free: range) -> None:
    """Let these ports be free, and no other."""
    monkeypatch.setattr(ports, "_is_free", lambda host, port: port in free)


@pytest.mark.parametrize("first", [ports.LOWEST, 20_000, ports.HIGHEST - 100])
def test_the_only_range_that_is_free_is_found(monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    kernel(monkeypatch, range(first, first + 100))
    assert ports.free_udp_range(100) == (first, first + 99)


def test_a_range_begins_at_an_even_port(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(20_001, 20_022))
    assert ports.free_udp_range(20) == (20_002, 20_021)


def test_no_range_is_given_where_none_is_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, range(20_000, 20_099))
    with pytest.raises(OSError, match="no 100 free UDP ports in a row"):
        ports.free_udp_range(100)
