"""The RTCP side of one leg: when to report, what to report, what the peer reports.

Times are seconds of one monotonic clock; `unix_offset_s` added to them gives Unix time.
"""

import random
from typing import Final

from ..protocol.messages import LegStats
from . import rtcp, rtcp_xr
from .outgoing_stream import OutgoingStream
from .quality import voip_metrics
from .receive_stats import Reception
from .rtp import CLOCK_HZ
from .symmetric_rtp import Address

INTERVAL_S: Final = 5.0
_COMPENSATION: Final = 1.21828  # e - 3/2, RFC 3550 section 6.3.1


class RtcpSession:
    """One peer, one stream each way. `remote` is where reports go; `due_at` when the next does."""

    __slots__ = (
        "_block",
        "_cname",
        "_heard_reported",
        "_new_losses",
        "_packets_reported",
        "_peer_report",
        "_peer_report_at",
        "_peer_report_ssrc",
        "_remote_metrics",
        "_rng",
        "_round_trip_s",
        "_ssrc",
        "_unix_offset_s",
        "bye_received",
        "due_at",
        "remote",
    )

    def __init__(
        self, ssrc: int, cname: rtcp.Cname, now: float, *, unix_offset_s: float, rng: random.Random
    ) -> None:
        self._ssrc = ssrc
        self._cname = cname
        self._unix_offset_s = unix_offset_s
        self._rng = rng
        self.remote: Address = ("", 0)
        # The first one comes after half the interval, section 6.2.
        self.due_at = now + self._interval_s() / 2
        # Packets sent by the last report and by the one before, and packets heard by the last:
        # None before the first report.
        self._packets_reported = (0, 0)
        self._heard_reported: int | None = None
        self._peer_report = 0
        self._peer_report_at = 0.0
        self._peer_report_ssrc = -1
        self._round_trip_s: float | None = None
        self._block: rtcp.ReportBlock | None = None
        self._new_losses: tuple[float, ...] = ()
        self._remote_metrics: rtcp_xr.VoipMetrics | None = None
        self.bye_received = False

    def receive(self, data: bytes, source: Address, now: float) -> bool:
        """Take in what came from the peer's host; False when it is not RTCP.

        Reports then go where they come from, for peers behind NAT.
        """
        try:
            compound = rtcp.parse(data)
        except rtcp.RtcpError:
            return False
        self.remote = source
        self.bye_received = self.bye_received or compound.bye
        if compound.sender is not None:
            self._peer_report = compound.sender.ntp >> 16 & 0xFFFFFFFF
            self._peer_report_at = now
            self._peer_report_ssrc = compound.ssrc
        for packet in compound.extended:
            for metrics in rtcp_xr.parse(packet):
                if metrics.ssrc == self._ssrc:
                    self._remote_metrics = metrics
        for block in compound.blocks:
            if block.ssrc == self._ssrc:
                self._block = block
                self._new_losses = (block.fraction_lost / 256,)
                if block.last_report:
                    arrival = rtcp.ntp_time(now + self._unix_offset_s) >> 16 & 0xFFFFFFFF
                    elapsed = (arrival - block.last_report - block.delay) & 0xFFFFFFFF
                    # A peer whose delay is rounded up makes it negative: then it is nothing.
                    self._round_trip_s = elapsed / 65536 if elapsed < 0x80000000 else 0.0
        return True

    def report(self, reception: Reception, stream: OutgoingStream, now: float) -> bytes:
        """The compound packet due now; sets the time of the next."""
        self.due_at = now + self._interval_s()
        metrics = voip_metrics(reception, self.round_trip_ms)
        extended = b"" if metrics is None else rtcp_xr.build(self._ssrc, metrics)
        return self._report(reception, stream, now) + self._cname.sdes(self._ssrc) + extended

    @property
    def round_trip_ms(self) -> float | None:
        """The round trip; None until the peer has reported."""
        return None if self._round_trip_s is None else self._round_trip_s * 1000

    @property
    def block(self) -> rtcp.ReportBlock | None:
        """What the peer said last of our stream."""
        return self._block

    def new_losses(self) -> tuple[float, ...]:
        """The share of our packets that the peer has lost by its last report, told once."""
        new, self._new_losses = self._new_losses, ()
        return new

    @property
    def remote_metrics(self) -> rtcp_xr.VoipMetrics | None:
        """What the peer said last of our stream in an extended report."""
        return self._remote_metrics

    def goodbye(self, reception: Reception, stream: OutgoingStream, now: float) -> bytes:
        """The last compound packet; none where nothing was ever sent (section 6.3.7)."""
        if self._heard_reported is None and not stream.packets_sent:
            return b""
        last = self._report(reception, stream, now)
        return last + self._cname.sdes(self._ssrc) + rtcp.goodbye(self._ssrc)

    def fill(self, figures: LegStats, clock_hz: int = CLOCK_HZ) -> None:
        """Add round trip and the peer's view of our stream, of this clock, to a leg's figures."""
        if self._round_trip_s is not None:
            figures.round_trip_ms = self._round_trip_s * 1000
        if self._block is not None:
            figures.remote_lost = max(0, self._block.cumulative_lost)
            figures.remote_lost_fraction = self._block.fraction_lost / 256
            figures.remote_jitter_ms = self._block.jitter * 1000 / clock_hz

    def _interval_s(self) -> float:
        return INTERVAL_S * (0.5 + self._rng.random()) / _COMPENSATION

    def _report(self, reception: Reception, stream: OutgoingStream, now: float) -> bytes:
        sender = None
        before_last, last = self._packets_reported
        self._packets_reported = last, stream.packets_sent
        # Section 6.4: who has sent since the last report, or the one before.
        if stream.packets_sent > before_last:
            sender = rtcp.SenderInfo(
                rtcp.ntp_time(now + self._unix_offset_s),
                stream.timestamp + round((now - stream.sent_at) * stream.clock_hz),
                stream.packets_sent,
                stream.bytes_sent,
            )
        block = None
        heard, self._heard_reported = self._heard_reported, reception.packets_received
        if reception.highest >= 0 and reception.packets_received > (heard or 0):  # A.3
            fraction, lost = reception.report_loss()
            last_report = delay = 0
            if self._peer_report_ssrc == reception.ssrc:
                last_report = self._peer_report
                # `now` is when the frame was due: what came meanwhile is newer.
                delay = max(0, round((now - self._peer_report_at) * 65536))
            block = rtcp.ReportBlock(
                reception.ssrc,
                fraction,
                lost,
                reception.reported_highest,
                int(reception.jitter),
                last_report,
                delay,
            )
        return rtcp.report(self._ssrc, sender, block)
