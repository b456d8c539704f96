"""When a direction is poor, and when it is good again."""

import pytest

from media.protocol.messages import LegStats
from media.rtp.quality import QualityChange, QualityWatch, fill, voip_metrics
from media.rtp.receive_stats import Reception
from media.rtp.rtcp_xr import VoipMetrics


def received(watch: QualityWatch, expected: int, lost: int) -> QualityChange | None:
    return watch.received(expected, lost, jitter_ms=3.0, round_trip_ms=None)


def test_a_score_between_the_two_changes_nothing() -> None:
    watch = QualityWatch(3.1, 3.6)
    assert received(watch, 250, 0) is None
    poor = received(watch, 500, 50)  # 20 % of 250
    assert poor is not None
    assert (poor.direction, poor.level, poor.loss, poor.jitter_ms) == ("received", "poor", 0.2, 3.0)
    assert poor.mos < 3.1
    assert received(watch, 750, 100) is None  # as poor as before
    assert received(watch, 1000, 125) is None  # 10 %: 3.3 is between the two
    good = received(watch, 1250, 125)
    assert good is not None
    assert (good.level, good.mos) == ("good", 4.38)
    assert received(watch, 1500, 150) is None  # 10 % again, and not below the lower one


def test_each_direction_stands_by_itself() -> None:
    watch = QualityWatch(3.1, 3.6)
    assert received(watch, 250, 100) is not None
    sent = watch.sent(0.3, jitter_ms=1.0, round_trip_ms=100.0)
    assert sent is not None
    assert (sent.direction, sent.level, sent.round_trip_ms) == ("sent", "poor", 100.0)
    assert watch.sent(0.3, jitter_ms=1.0, round_trip_ms=100.0) is None


def test_a_few_packets_say_nothing_yet() -> None:
    watch = QualityWatch(3.1, 3.6)
    assert received(watch, 40, 40) is None
    assert received(watch, 80, 80) is not None  # together they do


def test_nothing_is_watched_without_a_threshold() -> None:
    assert received(QualityWatch(0.0, 0.0), 250, 250) is None


def heard(
    lost: set[int],
    late: dict[int, int],
    packets: int = 100,
    *,
    ptime_ms: int = 20,
    clock_hz: int = 8000,
) -> Reception:
    """A stream in which `lost` never come, and each of `late` comes after another number."""
    reception = Reception()
    reception.clock_hz = clock_hz
    reception.start(5, 0, 0, 0.0)
    order = [number for number in range(packets) if number not in lost and number not in late]
    for number, after in late.items():
        order.insert(order.index(after) + 1, number)
    for step, number in enumerate(order):
        ticks = clock_hz * ptime_ms // 1000
        reception.receive(number, ticks * number, ticks, 0.001 * ptime_ms * step)
    return reception


def test_metrics_of_a_stream() -> None:
    assert voip_metrics(Reception(), None) is None
    metrics = voip_metrics(heard({40, 42}, {}), 100.0)
    assert metrics is not None
    assert metrics.loss == pytest.approx(0.02)
    assert metrics.burst_ms == 60
    assert metrics.round_trip_ms == 100
    assert metrics.mos_lq is not None and metrics.mos_cq is not None
    assert metrics.mos_lq > metrics.mos_cq


def test_what_only_came_later_is_no_loss() -> None:
    reception = heard(set(), {30: 31, 50: 53})
    metrics = voip_metrics(reception, None)
    assert metrics is not None
    assert (reception.reordered, reception.late) == (2, 1)
    assert (metrics.loss, metrics.burst_density, metrics.discarded) == (0.0, 0.0, 0.01)


@pytest.mark.parametrize(("ptime_ms", "clock_hz"), [(10, 8000), (60, 8000), (60, 48_000)])
def test_packets_of_any_length_are_late_and_lost_by_the_time_that_they_have(
    ptime_ms: int, clock_hz: int
) -> None:
    late = {10: 11, 20: 22, 30: 34, 50: 52}  # by 1, 2, 4 and 2 packets
    reception = heard({80, 82}, late, ptime_ms=ptime_ms, clock_hz=clock_hz)
    metrics = voip_metrics(reception, None)
    assert metrics is not None
    assert (reception.reordered, reception.late) == (4, {10: 1, 60: 4}[ptime_ms])
    assert metrics.burst_ms == 3 * ptime_ms
    assert metrics.gap_ms == pytest.approx(97 / 2 * ptime_ms, abs=1)


def test_many_losses_are_kept_in_bounds() -> None:
    reception = Reception()
    reception.start(5, 0, 0, 0.0)
    for number in range(0, 20_000, 2000):
        reception.receive(number & 0xFFFF, 160 * number, 160, 0.02 * number)
    assert len(reception._missing) <= 4096
    assert reception.bursts().burst_density > 0.9


def test_figures_say_what_the_peer_hears() -> None:
    reception = heard({10}, {})
    figures = LegStats(packets_sent=100)
    fill(figures, reception, None, None)
    assert (figures.mos, figures.remote_mos) == (4.29, None)
    figures.remote_lost = 10
    fill(figures, reception, None, None)
    assert figures.remote_mos == 3.34
    fill(figures, reception, VoipMetrics(1, 0.0, mos_lq=4.2), None)
    assert figures.remote_mos == 4.2
    fill(figures, reception, VoipMetrics(1, 0.0, mos_lq=4.2, mos_cq=4.0), None)
    assert figures.remote_mos == 4.0
