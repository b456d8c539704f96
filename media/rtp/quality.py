"""The quality of both directions of a leg, and when it has become poor or good again.

Times are seconds of one monotonic clock.
"""

from typing import Final, Literal, NamedTuple, TypeAlias

from ..protocol.messages import LegStats
from . import e_model
from .receive_stats import Reception
from .rtcp_xr import VoipMetrics

Level: TypeAlias = Literal["poor", "good"]
Heard: TypeAlias = Literal["received", "sent"]
# Fewer packets say nothing of a talk.
_LEAST_PACKETS: Final = 50


class QualityChange(NamedTuple):
    """A direction has become poor, or is good again."""

    direction: Heard
    level: Level
    mos: float
    loss: float
    jitter_ms: float
    round_trip_ms: float | None


class QualityWatch:
    """Holds the opinion score of each stretch between two reports against two thresholds.

    Below `poor` it is poor, from `good` on it is good again; between them it stays what it was.
    With `poor` 0 nothing is watched.
    """

    __slots__ = ("_expected", "_good", "_lost", "_poor", "_poor_now")

    def __init__(self, poor: float, good: float) -> None:
        self._poor, self._good = poor, max(poor, good)
        self._poor_now: tuple[Heard, ...] = ()
        self._expected = self._lost = 0

    def received(
        self, expected: int, lost: int, *, jitter_ms: float, round_trip_ms: float | None
    ) -> QualityChange | None:
        """What came so far, at the time of a report. The change, if it is one."""
        packets, missing = expected - self._expected, lost - self._lost
        if packets < _LEAST_PACKETS:
            return None
        self._expected, self._lost = expected, lost
        loss = min(1.0, max(0.0, missing / packets))
        return self._judge("received", loss, jitter_ms, round_trip_ms)

    def sent(
        self, loss: float, *, jitter_ms: float, round_trip_ms: float | None
    ) -> QualityChange | None:
        """What the peer says of the stretch since its report before. The change, if it is one."""
        return self._judge("sent", loss, jitter_ms, round_trip_ms)

    def _judge(
        self, direction: Heard, loss: float, jitter_ms: float, round_trip_ms: float | None
    ) -> QualityChange | None:
        if not self._poor:
            return None
        score = e_model.mos(e_model.r_factor(loss, round_trip_ms=round_trip_ms or 0.0))
        is_poor = direction in self._poor_now
        level: Level
        if not is_poor and score < self._poor:
            level, self._poor_now = "poor", (*self._poor_now, direction)
        elif is_poor and score >= self._good:
            level = "good"
            self._poor_now = tuple(one for one in self._poor_now if one != direction)
        else:
            return None
        return QualityChange(direction, level, score, loss, jitter_ms, round_trip_ms)


def voip_metrics(reception: Reception, round_trip_ms: float | None) -> VoipMetrics | None:
    """What an extended report says of a received stream; None where nothing has come."""
    expected = reception.expected
    if reception.highest < 0 or expected <= 0:
        return None
    bursts = reception.bursts()
    loss, late = reception.lost / expected, reception.late / expected
    r = e_model.r_factor(
        loss + late, burst_ratio=bursts.burst_ratio, round_trip_ms=round_trip_ms or 0.0
    )
    return VoipMetrics(
        reception.ssrc,
        loss,
        late,
        bursts.burst_density,
        bursts.gap_density,
        round(bursts.burst_packets * reception.packet_ms),
        round(bursts.gap_packets * reception.packet_ms),
        round(round_trip_ms or 0.0),
        round(e_model.FIXED_DELAY_MS),
        round(r),
        # Listening alone is not harmed by delay.
        e_model.mos(e_model.r_factor(loss + late, burst_ratio=bursts.burst_ratio)),
        e_model.mos(r),
    )


def fill(
    figures: LegStats,
    reception: Reception,
    remote: VoipMetrics | None,
    round_trip_ms: float | None,
) -> None:
    """Add the quality of both directions to the figures of a leg.

    What the peer hears is what it says itself in an extended report, else what follows from the
    loss that it reports.
    """
    figures.late = reception.late
    received = voip_metrics(reception, round_trip_ms)
    if received is not None:
        figures.burst_density = round(received.burst_density, 4)
        figures.gap_density = round(received.gap_density, 4)
        figures.burst_ms, figures.gap_ms = received.burst_ms, received.gap_ms
        figures.mos = received.mos_cq
    lost = figures.remote_lost
    if remote is not None and (remote.mos_cq or remote.mos_lq) is not None:
        figures.remote_mos = remote.mos_cq or remote.mos_lq
    elif lost is not None and figures.packets_sent:
        loss = lost / figures.packets_sent
        r = e_model.r_factor(loss, round_trip_ms=round_trip_ms or 0.0)
        figures.remote_mos = e_model.mos(r)
