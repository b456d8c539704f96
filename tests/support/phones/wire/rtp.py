"""RTP at the wire: sends a tone, and keeps every packet that comes, as the kernel timed it."""

import asyncio
import itertools
import struct

import numpy as np

from tests.support.ports import free_udp_range
from tests.support.recording import Recording

from . import g711_reference
from .sockets import FRAME_SAMPLES, Packet, RtpSockets

DEFAULT_TELEPHONE_EVENT = 101
CLOCK_HZ = 8000


class WireRtp(RtpSockets):
    """One end of a stream that goes on by itself, on the event loop of the test."""

    def __init__(self, codec: str = "PCMU", host: str = "127.0.0.1") -> None:
        self.port = free_udp_range(2, host)[0]
        super().__init__(codec, host, (self.port, self.port + 1))
        self.packets: list[Packet] = []
        self.rtcp: list[bytes] = []
        self.remote: tuple[str, int] | None = None
        self.lose_every = 0  # of the tone's packets; 0: lose none
        self.telephone_event = DEFAULT_TELEPHONE_EVENT
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.rtp_socket, self._on_rtp)
        self._loop.add_reader(self.rtcp_socket, self._on_rtcp)
        self.longest_send_gap_s = 0.0
        """The longest time between two packets of the tone that this process managed to send."""
        self._sender: asyncio.Task[None] | None = None
        self._hz = 0.0

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
        """Send a telephone-event (RFC 4733): begin, and the end three times.

        The next one has another timestamp, by which the two are told apart.
        """
        started = self.timestamp
        self.advance()
        for index, ended in enumerate((False, True, True, True)):
            duration = duration_ms * 8 if ended else FRAME_SAMPLES
            body = struct.pack("!BBH", event, (0x80 if ended else 0) | 10, duration)
            self._send(body, self.telephone_event, marker=index == 0, timestamp=started)

    def send_raw(self, data: bytes, to: tuple[str, int] | None = None) -> None:
        """Send a datagram as it is."""
        target = to or self.remote
        assert target is not None
        self.rtp_socket.sendto(data, target)

    def rebind(self) -> None:
        """See RtpSockets."""
        self._loop.remove_reader(self.rtp_socket)
        super().rebind()
        self._loop.add_reader(self.rtp_socket, self._on_rtp)

    def close(self) -> None:
        """Stop sending and close the sockets, unless they are closed."""
        if self.rtp_socket.fileno() < 0:
            return
        self.fall_silent()
        for each in (self.rtp_socket, self.rtcp_socket):
            self._loop.remove_reader(each)
        super().close()

    def audio(self, since: float = 0.0, until: float = float("inf")) -> list[Packet]:
        """Audio packets that came in this span of Unix time."""
        return [
            packet
            for packet in self.packets
            if packet.payload_type == self.payload_type and since <= packet.time <= until
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

    def longest_pause_s(self, since: float = 0.0, until: float = float("inf")) -> float:
        """The longest time between two audio packets of that span, by their RTP timestamps."""
        stamps = [packet.timestamp for packet in self.audio(since, until)]
        steps = ((after - before) % 2**32 for before, after in itertools.pairwise(stamps))
        return max(steps, default=0) / CLOCK_HZ

    def missing(self) -> int:
        """How many sequence numbers are missing between the packets that came."""
        numbers = [packet.sequence for packet in self.packets]
        steps = ((after - before) % 65536 for before, after in itertools.pairwise(numbers))
        return sum(step - 1 for step in steps)

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
        sent_at = due = self._loop.time()
        while True:
            now = self._loop.time()
            self.longest_send_gap_s = max(self.longest_send_gap_s, now - sent_at)
            sent_at = now
            times = (np.arange(FRAME_SAMPLES) + phase) / 8000
            phase += FRAME_SAMPLES
            samples = (0.3 * 32767 * np.sin(2 * np.pi * self._hz * times)).astype(np.int16)
            payload = g711_reference.encode(self.codec, samples)
            if self.lose_every and self.sequence % self.lose_every == 0:
                self.sequence = (self.sequence + 1) % 65536
            else:
                self._send(payload, self.payload_type)
            self.advance()
            due += 0.02
            await asyncio.sleep(max(0.0, due - self._loop.time()))

    def _send(
        self,
        payload: bytes,
        payload_type: int,
        *,
        marker: bool = False,
        timestamp: int | None = None,
    ) -> None:
        if self.remote is not None:
            self.send_packet(
                payload,
                self.remote,
                payload_type=payload_type,
                marker=marker,
                timestamp=timestamp,
            )

    def _on_rtp(self) -> None:
        self.packets += self.receive()

    def _on_rtcp(self) -> None:
        self.rtcp += self.receive_rtcp()
