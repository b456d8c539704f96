"""The stream a leg's peer hears: one SSRC, one sequence, one timestamp line, whatever its source.

Sources follow each other on it: frames made by the worker's clock, and packets of another stream
whose numbering is mapped onto this one with its gaps and its order kept.
"""

from typing import Final

from .rtp import FRAME_SAMPLES

FRAME_S: Final = 0.02


class OutgoingStream:
    """Numbering and figures of an outgoing stream. `sequence` and `timestamp` never wrap here.

    They are those of the newest packet sent; the low 16 and 32 bits travel. `sent_at` is when that
    timestamp was first sent. `marker_due` says that the next packet is the first of a new source
    and carries the marker bit.
    """

    __slots__ = (
        "_first_mapped",
        "_span",
        "bytes_sent",
        "errors",
        "frame_ticks",
        "marker_due",
        "packets_sent",
        "sent_at",
        "sequence",
        "sequence_offset",
        "ssrc",
        "timestamp",
        "timestamp_offset",
    )

    def __init__(self, ssrc: int, sequence: int, timestamp: int) -> None:
        """`sequence` and `timestamp` are the random ones to begin at (RFC 3550 section 5.1)."""
        self.ssrc = ssrc
        self.sequence = sequence - 1
        self.timestamp = timestamp - FRAME_SAMPLES
        self.frame_ticks = FRAME_SAMPLES
        """Steps of the RTP clock in 20 ms."""
        self.sent_at = 0.0
        self._span = FRAME_SAMPLES  # whole frames of 20 ms that the newest packet has begun
        self.packets_sent = 0
        self.bytes_sent = 0
        self.errors = 0
        self.marker_due = True
        self.sequence_offset = 0
        self.timestamp_offset = 0
        self._first_mapped = 0

    @property
    def ends_at(self) -> float:
        """When the frames that the newest packet has begun are over."""
        return self.sent_at + self._span / self.frame_ticks * FRAME_S

    def next_timestamp(self, now: float) -> int:
        """The timestamp due `now`: whole frames after the newest packet, none of its own again."""
        if not self.packets_sent:
            return self.timestamp + self._span
        frames = round((now - self.sent_at) / FRAME_S)
        return self.timestamp + max(self._span, self.frame_ticks * frames)

    def next_frame(self, payload_bytes: int, now: float) -> bool:
        """Step to the next 20 ms frame of our own making; returns its marker bit.

        It is set for a new source, and after a pause, which no missing sequence number explains.
        """
        timestamp = self.next_timestamp(now)
        marker = self.marker_due or timestamp - self.timestamp > self.frame_ticks
        self.timestamp = timestamp
        self.sequence += 1
        self.sent_at = now
        self._span = self.frame_ticks
        self.packets_sent += 1
        self.bytes_sent += payload_bytes
        self.marker_due = False
        return marker

    @property
    def clock_hz(self) -> int:
        """Steps a second of the RTP clock."""
        return round(self.frame_ticks / FRAME_S)

    def set_clock(self, clock_hz: int) -> None:
        """Stamp what follows in steps of another clock."""
        if clock_hz != self.clock_hz:
            self.frame_ticks = clock_hz // 50
            self._span = self.frame_ticks

    def next_packet(self, ticks: int, payload_bytes: int, begins_at: float) -> bool:
        """Step to the next packet of our own making, of any length; returns its marker bit.

        `begins_at` is when its first sample was due, which may be past or to come.
        """
        steps = round((begins_at - self.sent_at) / (FRAME_S / 2)) if self.packets_sent else 0
        step = max(self._span, steps * self.frame_ticks // 2)
        marker = self.marker_due or step > self._span
        self.timestamp += step
        self.sequence += 1
        self.sent_at = begins_at
        self._span = ticks
        self.packets_sent += 1
        self.bytes_sent += payload_bytes
        self.marker_due = False
        return marker

    def follow(self, sequence: int, timestamp: int, now: float) -> None:
        """Map another stream so that its packet `sequence` (extended) becomes our next one."""
        self.sequence_offset = self.sequence + 1 - sequence
        self.timestamp_offset = self.next_timestamp(now) - timestamp
        self._first_mapped = sequence
        self.marker_due = True

    def late_s(self, timestamp: int, now: float) -> float:
        """How much later a packet of the stream mapped last would be heard, if it came next."""
        place = timestamp + self.timestamp_offset
        ticks = ((self.next_timestamp(now) - place + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        return ticks / self.clock_hz

    def forward(
        self, sequence: int, timestamp: int, payload_bytes: int, now: float, length: int = -1
    ) -> tuple[int, int] | None:
        """Our numbers for a packet of the mapped stream; None if it is from before the mapping.

        `sequence` is extended, `timestamp` 32 bits. What overtook nothing becomes the newest. The
        packet is `length` steps of the RTP clock long, by default one for each byte.
        """
        if sequence < self._first_mapped:
            return None
        mine = sequence + self.sequence_offset
        # Keep our timestamp unwrapped: the nearest one to the newest that has these 32 bits.
        mapped = timestamp + self.timestamp_offset
        ticks = ((mapped - self.timestamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        stamped = self.timestamp + ticks
        if mine > self.sequence:
            self.sequence = mine
            # The packets of a telephone-event all have the time at which it began.
            if stamped > self.timestamp:
                self.timestamp = stamped
                self.sent_at = now
                frames = -(-(payload_bytes if length < 0 else length) // self.frame_ticks)
                self._span = self.frame_ticks * max(1, frames)
        self.packets_sent += 1
        self.bytes_sent += payload_bytes
        return mine, stamped

    def is_at(self, timestamp: int) -> bool:
        """Whether the newest timestamp is that of the mapped stream's `timestamp`."""
        return (timestamp + self.timestamp_offset - self.timestamp) & 0xFFFFFFFF == 0

    def skip(self, sequence: int) -> None:
        """Packet `sequence`, the mapped stream's newest, is not forwarded, and leaves no gap."""
        self.sequence_offset -= 1
        self._first_mapped = sequence + 1

    def advance(self, packets: int, now: float, *, failures: int = 0) -> None:
        """`packets` 20 ms packets of the mapped stream were forwarded in order, the last `now`.

        `failures` of them were refused by the kernel.
        """
        self.sequence += packets
        self.timestamp += packets * FRAME_SAMPLES
        self._span = FRAME_SAMPLES
        self.packets_sent += packets - failures
        self.bytes_sent += packets * FRAME_SAMPLES
        self.errors += failures
        self.sent_at = now

    def failed(self) -> None:
        """A packet that was counted as sent was refused by the kernel."""
        self.errors += 1
        self.packets_sent -= 1

    def repeat_timestamp(self, payload_bytes: int, passed: int = 0) -> None:
        """Step to a further packet of the frame begun last, as telephone-events have them.

        A long event goes on in a segment that begins when so many ticks have passed.
        """
        self.timestamp += passed
        self.sent_at += passed / self.clock_hz
        self.sequence += 1
        self.packets_sent += 1
        self.bytes_sent += payload_bytes
