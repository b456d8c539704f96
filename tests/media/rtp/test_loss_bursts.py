"""Losses in bursts and alone, by the model of RFC 3611, against examples worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.loss_bursts import GAP_MIN, BurstMetrics, LossBursts


def metrics(pattern: str) -> BurstMetrics:
    """The figures of a stream: `.` a packet that came, `x` one that was lost."""
    bursts = LossBursts()
    for number, packet in enumerate(pattern):
        if packet == "x":
            bursts.lose(1000 + number)
    return bursts.metrics(len(pattern))


def test_nothing_is_lost() -> None:
    assert metrics("." * 100) == BurstMetrics(gap_packets=100.0)
    assert metrics("") == BurstMetrics()


def test_a_loss_that_stands_alone_is_in_a_gap() -> None:
    found = metrics("." * 50 + "x" + "." * 49)
    assert (found.burst_density, found.burst_packets) == (0.0, 0.0)
    assert found.gap_density == pytest.approx(0.01)


def test_losses_that_are_close_are_one_burst() -> None:
    found = metrics("." * 40 + "x.x..xx" + "." * 53)
    assert found.burst_packets == 7.0
    assert found.burst_density == pytest.approx(4 / 7)
    assert found.gap_density == 0.0
    assert found.gap_packets == pytest.approx(93 / 2)
    assert found.burst_ratio == pytest.approx(4 / 3 * 0.96)


def test_bursts_end_where_enough_packets_come_in_a_row() -> None:
    apart, together = "." * GAP_MIN, "." * (GAP_MIN - 1)
    assert metrics(f"xx{apart}xxx{apart}x{apart}").burst_packets == 2.5
    assert metrics(f"xx{together}xxx{apart}").burst_packets == 2 + GAP_MIN - 1 + 3


def test_a_stretch_that_was_lost_whole() -> None:
    bursts = LossBursts()
    bursts.lose(100, 50)
    bursts.lose(150, 50)  # the same one
    found = bursts.metrics(200)
    assert (found.burst_packets, found.burst_density) == (100.0, 1.0)
    assert found.burst_ratio == pytest.approx(50.0)


def test_another_stream_begins_another_count() -> None:
    bursts = LossBursts()
    bursts.lose(100)
    bursts.lose(101)
    bursts.restart()
    bursts.lose(5)
    found = bursts.metrics(100)
    assert (found.burst_packets, found.burst_density) == (2.0, 1.0)
    assert found.gap_density == pytest.approx(1 / 98)


@given(st.lists(st.booleans(), max_size=300))
def test_figures_are_in_their_bounds(lost: list[bool]) -> None:
    found = metrics("".join("x" if one else "." for one in lost))
    assert 0.0 <= found.burst_density <= 1.0
    assert 0.0 <= found.gap_density <= 1.0
    assert found.burst_ratio >= 1.0
