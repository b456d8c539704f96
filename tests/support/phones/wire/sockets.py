"""The RTP and RTCP sockets of one end of a stream. Its datagrams have the kernel's times."""

import random
import socket
import struct
import time
from dataclasses import dataclass

PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8}
FRAME_SAMPLES = 160
_SO_TIMESTAMPNS = 35  # Linux; the value is the same for the option and for the control message


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet received; `time` is Unix time, taken by the kernel on arrival."""

    time: float
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    source: tuple[str, int]


class RtpSockets:
    """Sends numbered packets, and reads those that came. Nothing happens by itself."""

    def __init__(self, codec: str, host: str, ports: tuple[int, int] = (0, 0)) -> None:
        self.codec = codec
        self.payload_type = PAYLOAD_TYPES[codec]
        self.rtp_socket = open_timed(host, ports[0])
        self.rtcp_socket = open_timed(host, ports[1])
        self.sequence = random.getrandbits(16)
        self.timestamp = random.getrandbits(32)
        self.ssrc = random.getrandbits(32)

    def send_packet(
        self,
        payload: bytes,
        to: tuple[str, int],
        *,
        payload_type: int,
        marker: bool = False,
        timestamp: int | None = None,
    ) -> None:
        """Send the next packet. `timestamp` is that of the stream unless it is given."""
        header = struct.pack(
            "!BBHII",
            0x80,
            payload_type | (0x80 if marker else 0),
            self.sequence,
            self.timestamp if timestamp is None else timestamp,
            self.ssrc,
        )
        self.sequence = (self.sequence + 1) % 65536
        self.rtp_socket.sendto(header + payload, to)

    def advance(self, frames: int = 1) -> None:
        """Let the time of the stream pass."""
        self.timestamp = (self.timestamp + FRAME_SAMPLES * frames) % 2**32

    def receive(self) -> list[Packet]:
        """The RTP packets that have come since the last time."""
        packets = []
        for arrived, data, source in _receive_all(self.rtp_socket):
            if len(data) < 12 or data[0] >> 6 != 2:
                continue
            _, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
            payload = data[12 + 4 * (data[0] & 0x0F) :]
            packets.append(
                Packet(
                    arrived,
                    second & 0x7F,
                    bool(second & 0x80),
                    sequence,
                    timestamp,
                    ssrc,
                    payload,
                    source,
                )
            )
        return packets

    def receive_rtcp(self) -> list[bytes]:
        """The RTCP packets that have come since the last time."""
        return [data for _, data, _ in _receive_all(self.rtcp_socket)]

    def rebind(self) -> None:
        """Go on from another port, as a NAT does that has forgotten the old one."""
        host = self.rtp_socket.getsockname()[0]
        self.rtp_socket.close()
        self.rtp_socket = open_timed(host, 0)

    def close(self) -> None:
        """Close both."""
        self.rtp_socket.close()
        self.rtcp_socket.close()


def open_timed(host: str, port: int) -> socket.socket:
    """A non-blocking UDP socket whose datagrams the kernel stamps, for `receive_timed`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    opened.setblocking(False)
    opened.bind((host, port))
    return opened


def receive_timed(receiver: socket.socket) -> tuple[float, bytes, tuple[str, int]]:
    """A datagram, and the Unix time at which the kernel got it. Raises BlockingIOError."""
    data, control, _, source = receiver.recvmsg(65536, 64)
    arrived = time.time()
    for level, kind, value in control:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("@qq", value[:16])
            arrived = seconds + nanoseconds / 1e9
    return arrived, data, source


def _receive_all(receiver: socket.socket) -> list[tuple[float, bytes, tuple[str, int]]]:
    received = []
    while True:
        try:
            received.append(receive_timed(receiver))
        except (BlockingIOError, ConnectionRefusedError):
            return received
