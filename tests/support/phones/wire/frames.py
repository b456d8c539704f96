"""A phone that sends numbered frames and keeps what it hears, each step in the test's hands.

It knows no SIP: a test of the media worker connects a leg to it by `describe`.
"""

import itertools
from collections.abc import Sequence

from media.protocol.messages import Codec, Connect, Direction

from .sockets import FRAME_SAMPLES, Packet, RtpSockets


class FramePhone(RtpSockets):
    """The fill byte of its frames, and its SSRC, distinguish it from other phones."""

    def __init__(
        self, fill: int, *, host: str = "127.0.0.1", codec: Codec = "PCMU", sequence: int = 100
    ) -> None:
        super().__init__(codec, host)
        self.fill = fill
        self.ssrc = 0x1000 + fill
        self.sequence = sequence
        self.timestamp = 7000
        self.heard: list[Packet] = []

    @property
    def port(self) -> int:
        """Where it sends from and hears."""
        return int(self.rtp_socket.getsockname()[1])

    @property
    def frame(self) -> bytes:
        """The payload it always sends."""
        return bytes([self.fill]) * FRAME_SAMPLES

    def describe(
        self, leg: str, *, direction: Direction = "sendrecv", events: int | None = 101
    ) -> Connect:
        """The command that connects `leg` to this phone."""
        codec: Codec = "PCMA" if self.codec == "PCMA" else "PCMU"
        return Connect(
            leg,
            self.rtp_socket.getsockname()[0],
            self.port,
            int(self.rtcp_socket.getsockname()[1]),
            codec,
            self.payload_type,
            events,
            direction,
        )

    def talk(self, to: tuple[str, int], packets: int = 1, *, lose: int = 0) -> None:
        """Send frames, after `lose` that are lost."""
        self.sequence = (self.sequence + lose) % 65536
        self.advance(lose)
        for _ in range(packets):
            self.send_packet(self.frame, to, payload_type=self.payload_type)
            self.advance()

    def press(self, to: tuple[str, int], payloads: list[bytes], payload_type: int = 101) -> None:
        """Send the packets of one telephone-event."""
        for index, payload in enumerate(payloads):
            self.send_packet(payload, to, payload_type=payload_type, marker=index == 0)
        self.advance(len(payloads))

    def listen(self) -> list[Packet]:
        """Take in what has come; returns what is new."""
        new = self.receive()
        self.heard += new
        return new


def assert_unbroken(heard: Sequence[Packet]) -> None:
    """One SSRC, each packet one sequence number and 20 ms further than the one before."""
    assert heard
    for before, after in itertools.pairwise(heard):
        assert after.ssrc == before.ssrc
        assert after.sequence == (before.sequence + 1) & 0xFFFF
        assert after.timestamp == (before.timestamp + FRAME_SAMPLES) & 0xFFFFFFFF
