"""What the engine hears of the quality of a leg."""

import random

from media.protocol.messages import Event, QualityChanged
from media.rtp import rtcp, rtcp_xr
from media.rtp.outgoing_stream import OutgoingStream
from media.rtp.receive_stats import Reception
from media.rtp.rtcp_session import RtcpSession
from media.worker.leg_quality import LegQuality


def session() -> RtcpSession:
    return RtcpSession(77, rtcp.Cname("a@b"), 0.0, unix_offset_s=0.0, rng=random.Random(1))


def test_both_directions_are_told_of() -> None:
    told: list[Event] = []
    quality = LegQuality("leg-1", told.append, poor_mos=3.1, good_mos=3.6)
    made, reception = session(), Reception()
    reception.start(5, 0, 0, 0.0)
    for number in range(0, 200, 2):
        reception.receive(number, 160 * number, 160, 0.02 * number)
    quality.heard(made)  # the peer has not reported
    quality.reported(reception, made)
    block = rtcp.ReportBlock(77, 128, 50, 100, 80, 0, 0)
    assert made.receive(rtcp.report(5, None, block), ("192.0.2.1", 4001), 1.0)
    quality.heard(made)
    received, sent = told
    assert isinstance(received, QualityChanged) and isinstance(sent, QualityChanged)
    assert (received.leg, received.direction, received.level) == ("leg-1", "received", "poor")
    assert (received.loss, received.round_trip_ms) == (0.4975, None)
    assert (sent.direction, sent.level, sent.loss, sent.jitter_ms) == ("sent", "poor", 0.5, 10.0)


def test_a_report_goes_out_with_the_metrics_of_what_came() -> None:
    made, reception = session(), Reception()
    stream = OutgoingStream(77, 0, 0)
    assert rtcp.parse(made.report(reception, stream, 5.0)).extended == ()
    reception.start(5, 0, 0, 0.0)
    reception.receive(0, 0, 160, 0.02)
    (extended,) = rtcp.parse(made.report(reception, stream, 10.0)).extended
    (metrics,) = rtcp_xr.parse(extended)
    assert (metrics.ssrc, metrics.loss, metrics.mos_cq) == (5, 0.0, 4.4)
    # And the peer's, about what we send, is understood; that of another stream is not.
    for ssrc, score in ((77, 3.5), (78, 1.5)):
        theirs = rtcp_xr.build(5, rtcp_xr.VoipMetrics(ssrc, 0.0, mos_cq=score))
        assert made.receive(rtcp.report(5, None, None) + theirs, ("192.0.2.1", 4001), 11.0)
    assert made.remote_metrics is not None
    assert made.remote_metrics.mos_cq == 3.5
