"""What goes to a leg's peer: one stream of packets on a socket, plain or protected."""

import socket
from collections.abc import Callable

from ..rtp.outgoing_stream import OutgoingStream
from ..rtp.rtp import CLOCK_HZ, HEADER, MARKER_BIT, VERSION_BITS
from ..rtp.srtp import SrtpSender
from ..rtp.telephone_event import DigitWriter
from .recording.recorder import Tap


class PeerSender:
    """Sends the packets of one stream. Times are seconds of one monotonic clock."""

    __slots__ = (
        "_digits",
        "_may_send",
        "_send",
        "event_clock_hz",
        "event_payload_type",
        "payload_type",
        "sender",
        "socket_fd",
        "stream",
        "tap",
    )

    def __init__(self, stream: OutgoingStream) -> None:
        self.stream = stream
        self._send: Callable[[bytes], int] = len  # until there is a socket
        self.socket_fd = -1
        self.sender: SrtpSender | None = None
        self.payload_type = 0
        self.event_payload_type: int | None = None
        self.event_clock_hz = CLOCK_HZ
        self.tap: Tap | None = None
        """Where what the peer hears is recorded; None where it is not."""
        self._may_send = False
        self._digits: DigitWriter | None = None  # from the first digit to be sent on

    @property
    def may_send(self) -> bool:
        """Whether anything may be sent to the peer."""
        return self._may_send

    @property
    def dialling(self) -> bool:
        """Whether digits are being sent."""
        return bool(self._digits)

    def use(self, connected: socket.socket | None, sender: SrtpSender | None = None) -> None:
        """Send on a socket that is connected to the peer; with None what is sent is lost.

        With `sender`, SRTP is sent.
        """
        self._send = len if connected is None else connected.send
        self.sender = sender
        if connected is not None and sender is not None:
            self._send = _protected(sender.protect, connected.send)
        self.socket_fd = -1 if connected is None else connected.fileno()

    def send_digit_frame(self, now: float) -> bool:
        """The next frame of the digits under way; False in a pause between two."""
        digits = self._digits
        if digits is None:
            return False
        frame = digits.next_frame()
        if frame is None or self.event_payload_type is None or not self._may_send:
            return False
        stream = self.stream
        placed = digits.place(frame, stream, self.event_clock_hz, now)
        payload_type, sequence = self.event_payload_type, stream.sequence
        self._transmit(payload_type, sequence, placed, frame.begins, frame.payload)
        return True

    def _record(self, payload: bytes, form: str, now: float) -> None:
        """Let a frame be recorded that is heard from `now` on; its packet may still be filled."""
        if self.tap is not None:
            clock_hz = self.stream.clock_hz
            ticks = self.stream.timestamp + round((now - self.stream.sent_at) * clock_hz)
            self.tap.write(None, ticks * CLOCK_HZ // clock_hz & 0xFFFFFFFF, payload, form, now)

    def _send_packet(self, payload_type: int, marker: bool, payload: bytes) -> None:
        """Send a packet for which the stream has its numbers."""
        stream = self.stream
        self._transmit(payload_type, stream.sequence, stream.timestamp, marker, payload)

    def _transmit(
        self, payload_type: int, sequence: int, timestamp: int, marker: bool, payload: bytes
    ) -> None:
        first = VERSION_BITS | payload_type | (MARKER_BIT if marker else 0)
        stream = self.stream
        header = HEADER.pack(first, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, stream.ssrc)
        try:
            self._send(header + payload)
        except OSError:  # the peer's port is closed, or the kernel's buffer is full
            stream.failed()


def _protected(
    protect: Callable[[bytes], bytes], send: Callable[[bytes], int]
) -> Callable[[bytes], int]:
    return lambda packet: send(protect(packet))
