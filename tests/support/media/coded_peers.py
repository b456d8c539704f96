"""Two peers and a playout between them, whose packets can be looked at, without a socket."""

import socket
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media.codec.formats import Format, decoder_of, encoder_of
from media.protocol.messages import Codec, Connect
from media.rtp.outgoing_stream import FRAME_S, OutgoingStream
from media.rtp.rtp import HEADER, build
from media.sound.frames import SpeakingSources
from media.worker.clocked_playouts import ClockedPlayouts
from media.worker.peer_stream import PeerStream
from media.worker.playout import Playout
from media.worker.protection import Protection
from media.worker.recording.recorder import Tap

PAYLOAD_TYPES: dict[Codec, int] = {
    "PCMU": 0, "PCMA": 8, "G722": 9, "opus": 111, "L16/16000": 112, "L16/8000": 113,
}  # fmt: skip


def described(codec: Codec, **fields: object) -> Connect:
    """A peer that speaks a codec, as the engine describes it."""
    return Connect(
        "a", "192.0.2.1", 4000, 4001, codec, PAYLOAD_TYPES[codec], 101, "sendrecv",
        **fields,  # type: ignore[arg-type]
    )  # fmt: skip


class Leg:
    """The leg whose peer speaks."""

    def __init__(self) -> None:
        self.dropped_garbage = self.dropped_stranger = 0
        self.protection = Protection()
        self.tap: Tap | None = None
        self.levels: list[bool] = []
        self.keys: list[bytes] = []

    def fail(self, part: object = None) -> None:
        """As MediaLeg."""
        raise AssertionError("a defect of ours")

    def peer_heard(self, now: float) -> None:
        """As MediaLeg."""

    def multiplexed_rtcp(self, packet: bytearray, size: int, now: float) -> bool:
        """As MediaLeg."""
        return False

    def heard_level(self, loud: bool, now: float) -> None:
        """As MediaLeg."""
        self.levels.append(loud)

    def event_received(self, payload: bytes, timestamp: int, now: float, *, late: bool) -> None:
        """As MediaLeg."""
        self.keys.append(payload)


@dataclass(frozen=True)
class Heard:
    """A packet that came to the peer who hears."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    payload: bytes


class Talker:
    """A peer that speaks one codec in packets of one length."""

    def __init__(self, codec: Codec, *, ptime_ms: int = 20, **fields: object) -> None:
        self.leg = Leg()
        self.stream = PeerStream(self.leg)
        self.stream.expect(described(codec, **fields))
        self.form = Format(codec)
        self.rate_hz = self.form.rate_hz
        self.encoder = encoder_of(self.form, self.rate_hz)
        self.ptime_ms = ptime_ms
        self.payload_type = PAYLOAD_TYPES[codec]
        self.sequence, self.timestamp = 500, 7000
        self.said = 0

    def say(self, sound: NDArray[np.int16], now: float) -> None:
        """Send the next packet of a sound at `rate_hz`, round and round."""
        size = self.rate_hz * self.ptime_ms // 1000
        samples = np.take(sound, np.arange(self.said, self.said + size), mode="wrap")
        self.said += size
        self.send(self.payload_type, self.encoder.encode(samples), now)
        self.timestamp += self.form.clock_hz * self.ptime_ms // 1000

    def send(self, payload_type: int, payload: bytes, now: float, *, marker: bool = False) -> None:
        """Send a packet of any kind, which takes no time of the stream."""
        packet = build(payload_type, self.sequence, self.timestamp, 77, payload, marker=marker)
        self.sequence += 1
        self.stream.receive_packet(bytearray(packet), len(packet), now)


class Hearer:
    """A playout of a peer that wants one codec, on a clock of its own."""

    def __init__(self, codec: Codec, **fields: object) -> None:
        self.speaking: SpeakingSources[Playout] = SpeakingSources()
        self.clocked: ClockedPlayouts[Playout] = ClockedPlayouts()
        self.ended: list[int] = []
        self.stream = OutgoingStream(7, 100, 0)
        self.playout = Playout(self.stream, self.speaking, self.ended.append, self.clocked)
        self._line, self._peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._peer.setblocking(False)
        self.playout.use(self._line)
        self.now = 10.0
        self.form = Format(codec)
        self.decoder = decoder_of(self.form, self.form.rate_hz)
        self.agree(codec, **fields)

    def agree(self, codec: Codec, **fields: object) -> None:
        """Describe the peer, again or for the first time."""
        self.playout.agree(described(codec, **fields), may_send=True, now=self.now)

    def tick(self) -> None:
        """Let 20 ms pass."""
        self.now = round(self.now + FRAME_S, 6)
        for playout in self.clocked:
            playout.send_due(self.now)
        made = self.speaking.tick()
        for playout, before in made.before.items():
            playout.rise_from(before)
        for playout, payload in zip(made.keys, made.payloads, strict=True):
            playout.send_frame(payload, self.now)
        for playout in made.ended:
            playout.clip_ended()

    def listen(self, talker: Talker, sound: NDArray[np.int16], seconds: float) -> None:
        """Let the talker speak, and time pass."""
        for number in range(int(seconds / FRAME_S)):
            due = int((number + 1) * 20 / talker.ptime_ms) - int(number * 20 / talker.ptime_ms)
            for _ in range(due):
                talker.say(sound, self.now + 0.003)
            self.tick()

    def packets(self) -> list[Heard]:
        """What has come since the last look."""
        found: list[Heard] = []
        while True:
            try:
                data = self._peer.recv(4096)
            except BlockingIOError:
                return found
            first, sequence, timestamp, _ssrc = HEADER.unpack_from(data)
            found.append(Heard(first & 0x7F, bool(first & 0x80), sequence, timestamp, data[12:]))

    def heard(self, packets: list[Heard]) -> NDArray[np.int16]:
        """The sound of packets, at the rate of the codec."""
        return np.concatenate([self.decoder.decode(packet.payload) for packet in packets])

    def close(self) -> None:
        """Close the sockets."""
        self._line.close()
        self._peer.close()
