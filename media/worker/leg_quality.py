"""The figures of a leg, and what the engine hears of its quality."""

from collections.abc import Callable
from typing import Protocol

from ..protocol.messages import Event, LegStats, QualityChanged
from ..rtp import quality
from ..rtp.outgoing_stream import OutgoingStream
from ..rtp.quality import QualityChange, QualityWatch
from ..rtp.receive_stats import Reception
from ..rtp.rtcp_session import RtcpSession
from ..rtp.rtp import CLOCK_HZ
from .protection import Protection


class CountedLeg(Protocol):
    """What a leg counts besides its streams."""

    dropped_stranger: int
    dropped_garbage: int
    dropped_late: int
    protection: Protection


class LegQuality:
    """Watches the quality of one leg. `emit` gets the changes."""

    __slots__ = ("_emit", "_leg", "_watch")

    def __init__(
        self, leg: str, emit: Callable[[Event], None], *, poor_mos: float, good_mos: float
    ) -> None:
        self._leg = leg
        self._emit = emit
        self._watch = QualityWatch(poor_mos, good_mos)

    def reported(self, reception: Reception, rtcp: RtcpSession) -> None:
        """A report is due, by which the received direction is judged."""
        self._tell(
            self._watch.received(
                reception.expected,
                reception.lost + reception.late,
                jitter_ms=reception.jitter * 1000 / reception.clock_hz,
                round_trip_ms=rtcp.round_trip_ms,
            )
        )

    def heard(self, rtcp: RtcpSession, clock_hz: int = CLOCK_HZ) -> None:
        """The peer has reported, by which the sent direction is judged, of this RTP clock."""
        block = rtcp.block
        if block is not None:
            self._tell(
                self._watch.sent(
                    block.fraction_lost / 256,
                    jitter_ms=block.jitter * 1000 / clock_hz,
                    round_trip_ms=rtcp.round_trip_ms,
                )
            )

    def _tell(self, change: QualityChange | None) -> None:
        if change is not None:
            loss, jitter_ms = round(change.loss, 4), round(change.jitter_ms, 1)
            trip = change.round_trip_ms
            self._emit(
                QualityChanged(
                    self._leg,
                    change.direction,
                    change.level,
                    change.mos,
                    loss,
                    jitter_ms,
                    None if trip is None else round(trip, 1),
                )
            )


def figures_of(
    leg: CountedLeg, incoming: Reception, stream: OutgoingStream, rtcp: RtcpSession | None
) -> LegStats:
    """The figures of a leg so far."""
    lost, expected = incoming.lost, incoming.expected
    figures = LegStats(
        packets_received=incoming.packets_received,
        bytes_received=incoming.bytes_received,
        packets_sent=stream.packets_sent,
        bytes_sent=stream.bytes_sent,
        lost=lost,
        lost_fraction=lost / expected if expected else 0.0,
        jitter_ms=incoming.jitter * 1000 / incoming.clock_hz,
        reordered=incoming.reordered,
        duplicates=incoming.duplicates,
        dropped_stranger=leg.dropped_stranger,
        dropped_garbage=leg.dropped_garbage,
        dropped_late=leg.dropped_late,
        send_errors=stream.errors,
        dropped_unauthentic=leg.protection.failures,
    )
    if rtcp is not None:
        rtcp.fill(figures, stream.clock_hz)
        quality.fill(figures, incoming, rtcp.remote_metrics, rtcp.round_trip_ms)
    return figures
