"""What is known of a received RTP stream: extended sequence, loss, jitter (RFC 3550 appendix A).

`receive` gets every packet in its general form. The relay's fast path takes packets that
are exactly the predicted ones by itself, and reports them by `advance` as a run.
"""

import contextlib
import copy
from typing import Final

from .flow import Flow
from .loss_bursts import BurstMetrics, LossBursts
from .rtp import CLOCK_HZ, FRAME_SAMPLES

MAX_DROPOUT: Final = 3000  # RFC 3550 A.1
MAX_MISORDER: Final = 100
# One that came so much too late is of no use to a phone that keeps so much.
_LATE_S: Final = 0.04
_LONGEST_PACKET_S: Final = 0.06
_RECENT_MASK: Final = (1 << MAX_MISORDER) - 1
_CYCLE: Final = 0x10000
_NOTHING_LOST: Final = LossBursts()  # shared by all streams without a loss


class Reception:
    """One received stream, and the sum of those that came before it on the same leg.

    `highest` is the extended sequence number of RFC 3550 (cycles above the low 16 bits); `flow`
    has jitter, in timestamp units, and when the newest packet came. `epoch` changes whenever
    extended sequence numbers or timestamps start again. Times are seconds of one monotonic clock.
    """

    __slots__ = (
        "_bad_sequence",
        "_bursts",
        "_expected_before",
        "_expected_reported",
        "_missing",
        "_received_before",
        "_received_reported",
        "_recent",
        "_step_ticks",
        "base",
        "bytes_received",
        "clock_hz",
        "duplicates",
        "epoch",
        "flow",
        "highest",
        "late",
        "packet_ticks",
        "received",
        "reordered",
        "ssrc",
        "timestamp",
    )

    def __init__(self, flow: Flow | None = None) -> None:
        """`flow` is a row of the relay that may receive the stream; else it has one of its own."""
        self.flow = flow or Flow()
        self.clock_hz = CLOCK_HZ
        """Steps a second of the timestamps."""
        self.packet_ticks = FRAME_SAMPLES
        """How many of them a packet has, by the newest."""
        self._step_ticks = 0  # to the newest packet, where it followed the one before it
        self.ssrc = -1
        self.epoch = 0
        self.base = 0
        self.highest = -1
        self.received = 0
        self.bytes_received = 0
        self.reordered = 0
        self.late = 0
        self._bursts = _NOTHING_LOST
        self._missing: list[int] = []  # what may still come
        self.duplicates = 0
        self.timestamp = 0
        self._recent = 0  # bit n: whether sequence `highest - n` was received
        self._bad_sequence = -1
        self._expected_before = 0
        self._received_before = 0
        self._expected_reported = 0
        self._received_reported = 0

    def start(self, ssrc: int, sequence: int, timestamp: int, now: float) -> None:
        """A stream begins with a packet that has yet to be given to `receive`."""
        if self.highest >= 0:
            self._expected_before += self.highest - self.base + 1
            self._received_before += self.received
        self._settle_losses(self.highest)
        if self._bursts is not _NOTHING_LOST:
            self._bursts.restart()
        self.ssrc = ssrc
        self.epoch += 1
        # One cycle ahead, so that packets from before the first one have numbers too.
        self.base = sequence + _CYCLE
        self.highest = self.base - 1
        self.received = 0
        self._recent = 0
        self._bad_sequence = -1
        self._expected_reported = 0
        self._received_reported = 0
        self.packet_ticks, self._step_ticks = self.clock_hz // 50, 0
        self.timestamp = (timestamp - self.packet_ticks) & 0xFFFFFFFF
        self.flow.jitter = 0.0
        self.flow.heard_at = now - FRAME_SAMPLES / CLOCK_HZ

    def receive(
        self, sequence: int, timestamp: int, size: int, now: float, *, timed: bool = True
    ) -> int | None:
        """Account for a packet with `size` bytes of payload; returns its extended sequence number.

        None for a packet that must not be used: a duplicate, or the first after a jump that may
        mean a restarted sender (A.1; the packet that follows it restarts the stream). `timed` is
        false for telephone-event packets, whose timestamp is not that of their sending.
        """
        step = ((sequence - self.highest + 0x8000) & 0xFFFF) - 0x8000
        if step > 0:
            if step > MAX_DROPOUT and not self._restart(sequence, timestamp, now):
                return None
            step = ((sequence - self.highest + 0x8000) & 0xFFFF) - 0x8000
            if step > 1:
                self._miss(step - 1)
            self.highest += step
            self._recent = (self._recent << step | 1) & _RECENT_MASK
            extended = self.highest
        elif -step < MAX_MISORDER:
            bit = 1 << -step
            if self._recent & bit:
                self.duplicates += 1
                return None
            self._recent |= bit
            self.reordered += 1
            self.late += -step * self.packet_ticks >= _LATE_S * self.clock_hz
            extended = self.highest + step
            with contextlib.suppress(ValueError):  # from before the first one
                self._missing.remove(extended)
            if extended < self.base:
                self.base = extended
        elif self._restart(sequence, timestamp, now):
            self.highest += 1
            self._recent = 1
            extended = self.highest
        else:
            return None
        self.received += 1
        self.bytes_received += size
        flow = self.flow
        if timed:
            # A.8: D is the difference of relative transit times of two packets.
            ticks = ((timestamp - self.timestamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
            difference = abs((now - flow.heard_at) * self.clock_hz - ticks)
            if step != 1:
                self._step_ticks = 0
            elif ticks != self._step_ticks:
                is_length = 0 < ticks <= _LONGEST_PACKET_S * self.clock_hz
                self._step_ticks = ticks if is_length else 0
            elif ticks:
                self.packet_ticks = ticks
            if difference < self.clock_hz:
                flow.jitter += (difference - flow.jitter) * 0.0625
                if ticks <= 0 and extended == self.highest:
                    self.epoch += 1  # the clock went back: what follows would seem to be late
                self.timestamp = timestamp
            elif extended == self.highest:
                if ticks != step * self.packet_ticks:  # the clock jumped: a new source behind it
                    self.epoch += 1
                self.timestamp = timestamp
        else:
            elapsed = round((now - flow.heard_at) * self.clock_hz)
            self.timestamp = (self.timestamp + elapsed) & 0xFFFFFFFF
        flow.heard_at = now
        return extended

    def pass_over(self, sequence: int) -> int | None:
        """Account for a packet that is not used; returns its extended sequence number.

        None where it does not follow closely: nothing of the stream is changed by it then.
        """
        step = (sequence - self.highest) & 0xFFFF
        if not 0 < step < MAX_MISORDER:
            return None
        if step > 1:
            self._miss(step - 1)
        self.highest += step
        self._recent = (self._recent << step | 1) & _RECENT_MASK
        self.received += 1
        return self.highest

    def is_behind(self, ssrc: int, sequence: int) -> bool:
        """Whether this packet is older than the newest one of the same stream."""
        return ssrc == self.ssrc and (sequence - self.highest) & 0xFFFF >= _CYCLE // 2

    def _miss(self, packets: int) -> None:
        """So many packets (MAX_DROPOUT at most) after the newest did not come; they may be late."""
        self._settle_losses(self.highest - MAX_MISORDER)
        self._missing += range(self.highest + 1, self.highest + 1 + packets)

    def _settle_losses(self, through: int) -> None:
        missing = self._missing
        while missing and missing[0] <= through:
            if self._bursts is _NOTHING_LOST:
                self._bursts = LossBursts()
            self._bursts.lose(missing.pop(0))

    def bursts(self) -> BurstMetrics:
        """Whether losses come in bursts, of all streams."""
        bursts = copy.copy(self._bursts)
        for sequence in self._missing:
            bursts.lose(sequence)
        return bursts.metrics(self.expected)

    def advance(self, packets: int) -> None:
        """Account for `packets` 20 ms packets in unbroken order, their jitter already counted."""
        self.highest += packets
        self.received += packets
        self.bytes_received += packets * FRAME_SAMPLES
        self.timestamp = (self.timestamp + packets * FRAME_SAMPLES) & 0xFFFFFFFF
        shift = min(packets, MAX_MISORDER)
        self._recent = (self._recent << shift | ((1 << shift) - 1)) & _RECENT_MASK

    @property
    def heard_at(self) -> float:
        """When the newest packet came."""
        return self.flow.heard_at

    @property
    def packet_ms(self) -> float:
        """How much sound a packet has, by the newest."""
        return self.packet_ticks * 1000 / self.clock_hz

    @property
    def jitter(self) -> float:
        """Interarrival jitter in timestamp units (A.8)."""
        return self.flow.jitter

    @property
    def reported_highest(self) -> int:
        """`highest` with the cycles counted from 0, as reports have it (A.1)."""
        return self.highest - _CYCLE

    @property
    def packets_received(self) -> int:
        """Packets of all streams, duplicates left out."""
        return self._received_before + self.received

    @property
    def expected(self) -> int:
        """Packets that should have come, of all streams (A.3)."""
        return self._expected_before + (self.highest - self.base + 1 if self.highest >= 0 else 0)

    @property
    def lost(self) -> int:
        """Packets that never came, of all streams."""
        return max(0, self.expected - self.packets_received)

    def report_loss(self) -> tuple[int, int]:
        """Fraction lost since the last report, in 256ths, and cumulative loss (A.3)."""
        expected = self.highest - self.base + 1
        interval = expected - self._expected_reported
        lost_interval = interval - (self.received - self._received_reported)
        self._expected_reported = expected
        self._received_reported = self.received
        fraction = min(255, (lost_interval << 8) // interval) if interval > 0 < lost_interval else 0
        return fraction, max(-0x800000, min(0x7FFFFF, expected - self.received))

    def _restart(self, sequence: int, timestamp: int, now: float) -> bool:
        if sequence != self._bad_sequence:
            self._bad_sequence = (sequence + 1) & 0xFFFF
            return False
        self.start(self.ssrc, sequence, timestamp, now)
        return True
