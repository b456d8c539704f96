"""RTP at the wire: sends a tone, and keeps every packet that comes, as the kernel timed it."""

import asyncio
import itertools
import random
import socket
import struct
import time
from dataclasses import dataclass

import numpy as np

from tests.support.phones.wire import g711_reference
from tests.support.ports import free_udp_range
from tests.support.recording import Recording

PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8}
DEFAULT_TELEPHONE_EVENT = 101
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


class WireRtp:
    """A pair of UDP sockets, RTP and RTCP, as one end of a stream."""

    def __init__(self, codec: str = "PCMU", host: str = "127.0.0.1") -> None:
        self.codec = codec
        self.packets: list[Packet] = []
        self.rtcp: list[bytes] = []
        self.remote: tuple[str, int] | None = None
        self.lose_every = 0  # of the tone's packets; 0: lose none
        self.telephone_event = DEFAULT_TELEPHONE_EVENT
        self.port = free_udp_range(2, host)[0]
        self._rtp = open_timed(host, self.port)
        self._rtcp = open_timed(host, self.port + 1)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._rtp, self._on_rtp)
        self._loop.add_reader(self._rtcp, self._on_rtcp)
        self._sender: asyncio.Task[None] | None = None
        self._hz = 0.0
        self._sequence = random.getrandbits(16)
        self._timestamp = random.getrandbits(32)
        self._ssrc = random.getrandbits(32)

    def send_tone(self, hz: float) -> None:
        """From now on send a tone, a packet every 20 ms, to `remote`."""
        self._hz = hz
        if self._sender is None:
            self._sender = self._loop.create_task(self._send_on_and_on())

    def fall_silent(self) -> None:
        """Send nothing any more."""
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None

    def send_digit(self, event: int, duration_ms: int = 100) -> None:
        """Send a telephone-event (RFC 4733): begin, and the end three times."""
        started = self._timestamp
        for index, ended in enumerate((False, True, True, True)):
            duration = duration_ms * 8 if ended else FRAME_SAMPLES
            body = struct.pack("!BBH", event, (0x80 if ended else 0) | 10, duration)
            self._send(body, self.telephone_event, marker=index == 0, timestamp=started)

    def send_raw(self, data: bytes, to: tuple[str, int] | None = None) -> None:
        """Send a datagram as it is."""
        target = to or self.remote
        assert target is not None
        self._rtp.sendto(data, target)

    def rebind(self) -> None:
        """Go on from another port, as a NAT does that has forgotten the old one."""
        host = self._rtp.getsockname()[0]
        self._loop.remove_reader(self._rtp)
        self._rtp.close()
        self._rtp = open_timed(host, 0)
        self._loop.add_reader(self._rtp, self._on_rtp)

    def close(self) -> None:
        """Stop sending and close the sockets."""
        self.fall_silent()
        for each in (self._rtp, self._rtcp):
            self._loop.remove_reader(each)
            each.close()

    def audio(self, since: float = 0.0, until: float = float("inf")) -> list[Packet]:
        """Audio packets that came in this span of Unix time."""
        payload_type = PAYLOAD_TYPES[self.codec]
        return [
            packet
            for packet in self.packets
            if packet.payload_type == payload_type and since <= packet.time <= until
        ]

    def heard(self, since: float = 0.0, until: float = float("inf")) -> Recording:
        """The sound of those packets, laid out by their RTP timestamps."""
        packets = self.audio(since, until)
        if not packets:
            return Recording(np.zeros(0, np.int16), started=since)
        first = packets[0]
        places = [
            (p, (p.timestamp - first.timestamp + 2**31) % 2**32 - 2**31)
            for p in packets
            if p.ssrc == first.ssrc
        ]
        places = [(p, place) for p, place in places if 0 <= place < 8000 * 600]
        samples = np.zeros(max(place for _, place in places) + FRAME_SAMPLES, np.int16)
        for packet, place in places:
            sound = g711_reference.decode(self.codec, packet.payload)[:FRAME_SAMPLES]
            samples[place : place + len(sound)] = sound
        return Recording(samples, started=first.time)

    def longest_gap_s(self, since: float = 0.0, until: float = float("inf")) -> float:
        """The longest time between two audio packets of that span."""
        times = [packet.time for packet in self.audio(since, until)]
        return max((b - a for a, b in itertools.pairwise(times)), default=0.0)

    def flaws(self) -> list[str]:
        """Where the received stream is not one unbroken stream: SSRC, sequence, timestamp."""
        found = []
        for before, after in itertools.pairwise(self.packets):
            step = (after.sequence - before.sequence) % 65536
            ticks = (after.timestamp - before.timestamp + 2**31) % 2**32 - 2**31
            if after.ssrc != before.ssrc:
                found.append(f"SSRC changes at sequence {after.sequence}")
            elif step != 1:
                found.append(f"sequence {before.sequence} is followed by {after.sequence}")
            elif ticks < 0 or (ticks > FRAME_SAMPLES * 3 and not after.marker):
                found.append(f"timestamp steps by {ticks} at sequence {after.sequence}")
        return found

    async def _send_on_and_on(self) -> None:
        phase = 0
        due = self._loop.time()
        while True:
            times = (np.arange(FRAME_SAMPLES) + phase) / 8000
            phase += FRAME_SAMPLES
            samples = (0.3 * 32767 * np.sin(2 * np.pi * self._hz * times)).astype(np.int16)
            payload = g711_reference.encode(self.codec, samples)
            if self.lose_every and self._sequence % self.lose_every == 0:
                self._sequence = (self._sequence + 1) % 65536
            else:
                self._send(payload, PAYLOAD_TYPES[self.codec])
            self._timestamp = (self._timestamp + FRAME_SAMPLES) % 2**32
            due += 0.02
            await asyncio.sleep(max(0.0, due - self._loop.time()))

    def _send(
        self, payload: bytes, payload_type: int, *, marker: bool = False, timestamp: int = -1
    ) -> None:
        if self.remote is None:
            return
        header = struct.pack(
            "!BBHII",
            0x80,
            payload_type | (0x80 if marker else 0),
            self._sequence,
            self._timestamp if timestamp < 0 else timestamp,
            self._ssrc,
        )
        self._sequence = (self._sequence + 1) % 65536
        self.send_raw(header + payload)

    def _on_rtp(self) -> None:
        for arrived, data, source in _receive_all(self._rtp):
            if len(data) < 12 or data[0] >> 6 != 2:
                continue
            _, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
            self.packets.append(
                Packet(
                    arrived,
                    second & 0x7F,
                    bool(second & 0x80),
                    sequence,
                    timestamp,
                    ssrc,
                    data[12 + 4 * (data[0] & 0x0F) :],
                    source,
                )
            )

    def _on_rtcp(self) -> None:
        self.rtcp += [data for _, data, _ in _receive_all(self._rtcp)]


def open_timed(host: str, port: int) -> socket.socket:
    """A non-blocking UDP socket whose datagrams the kernel stamps, for `receive_timed`."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
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
