"""A telephone made of two sockets, for tests: sends numbered frames, keeps what it hears."""

import itertools
import socket
from dataclasses import dataclass

from media.messages import Codec, Connect, Direction
from media.rtp.rtp import HEADER, STATIC_PAYLOAD_TYPES, build


@dataclass(frozen=True, slots=True)
class Heard:
    """A packet a phone received."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


class FramePhone:
    """Sends from `sock`; `ssrc` and the fill byte of its frames tell phones apart."""

    def __init__(
        self, fill: int, *, host: str = "127.0.0.1", codec: Codec = "PCMU", sequence: int = 100
    ) -> None:
        self.fill = fill
        self.codec: Codec = codec
        self.payload_type = STATIC_PAYLOAD_TYPES[codec]
        self.ssrc = 0x1000 + fill
        self.sequence = sequence
        self.timestamp = 7000
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        self.sock.setblocking(False)
        self.rtcp = socket.socket(family, socket.SOCK_DGRAM)
        self.rtcp.bind((host, 0))
        self.rtcp.setblocking(False)
        self.heard: list[Heard] = []

    @property
    def port(self) -> int:
        return int(self.sock.getsockname()[1])

    @property
    def frame(self) -> bytes:
        """The payload it always sends."""
        return bytes([self.fill]) * 160

    def describe(
        self, leg: str, *, direction: Direction = "sendrecv", events: int | None = 101
    ) -> Connect:
        """The command that connects `leg` to this phone."""
        return Connect(
            leg,
            self.sock.getsockname()[0],
            self.port,
            int(self.rtcp.getsockname()[1]),
            self.codec,
            self.payload_type,
            events,
            direction,
        )

    def move(self) -> None:
        """Go on from another port, as behind a NAT that forgot."""
        host = self.sock.getsockname()[0]
        self.sock.close()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        self.sock.setblocking(False)

    def talk(self, to: tuple[str, int], packets: int = 1, *, lose: int = 0) -> None:
        """Send frames, after `lose` that are lost."""
        self.sequence += lose
        self.timestamp += 160 * lose
        for _ in range(packets):
            self.sock.sendto(
                build(self.payload_type, self.sequence, self.timestamp, self.ssrc, self.frame), to
            )
            self.sequence += 1
            self.timestamp += 160

    def press(self, to: tuple[str, int], payloads: list[bytes], payload_type: int = 101) -> None:
        """Send the packets of one telephone-event."""
        for index, payload in enumerate(payloads):
            self.sock.sendto(
                build(
                    payload_type,
                    self.sequence,
                    self.timestamp,
                    self.ssrc,
                    payload,
                    marker=index == 0,
                ),
                to,
            )
            self.sequence += 1
        self.timestamp += 160 * len(payloads)

    def listen(self) -> list[Heard]:
        """Take in what has come; returns what is new."""
        new = []
        while True:
            try:
                packet = self.sock.recv(2048)
            except (BlockingIOError, ConnectionRefusedError):
                break
            first, sequence, timestamp, ssrc = HEADER.unpack_from(packet)
            new.append(
                Heard(first & 0x7F, bool(first & 0x80), sequence, timestamp, ssrc, packet[12:])
            )
        self.heard += new
        return new

    def reports(self) -> list[bytes]:
        """RTCP packets that have come."""
        packets = []
        while True:
            try:
                packets.append(self.rtcp.recv(2048))
            except (BlockingIOError, ConnectionRefusedError):
                return packets

    def close(self) -> None:
        self.sock.close()
        self.rtcp.close()


def assert_unbroken(heard: list[Heard]) -> None:
    """One SSRC, each packet one sequence number and 20 ms further than the one before."""
    assert heard
    for before, after in itertools.pairwise(heard):
        assert after.ssrc == before.ssrc
        assert after.sequence == (before.sequence + 1) & 0xFFFF
        assert after.timestamp == (before.timestamp + 160) & 0xFFFFFFFF
