"""How long a media worker's thread needs for 20 ms of mixing, with every packet taken and sent.

Each stream is a leg: a packet comes, is decoded, added up for those who hear it, and a packet is
sent by a real socket. In talks of three, and in conferences of fifty.
"""

import asyncio
import socket
import time
from typing import Final

import numpy as np

from media.protocol.messages import Connect
from media.rtp.outgoing_stream import FRAME_S, OutgoingStream
from media.rtp.rtp import build
from media.sound import g711
from media.sound.frames import SpeakingSources
from media.worker.mixing.mixer import Mixer
from media.worker.peer_stream import PeerStream
from media.worker.playout import Playout
from media.worker.protection import Protection
from media.worker.recording.recorder import Tap

from .options import Options
from .report import Report, figure, percentile

PART = "mixing"
TARGET_MS: Final = 20.0
_SETTLING_FRAMES: Final = 10


class _Leg:
    """What a stream needs of its leg."""

    def __init__(self) -> None:
        self.dropped_garbage = self.dropped_stranger = 0
        self.protection = Protection()
        self.tap: Tap | None = None

    def multiplexed_rtcp(self, packet: bytearray, size: int, now: float) -> bool:
        """RTCP has a port of its own."""
        return False

    def fail(self, part: object = None) -> None:
        """As MediaLeg."""
        raise AssertionError("a defect of ours")

    def peer_heard(self, now: float) -> None:
        """Nobody is told."""

    def heard_level(self, is_audible: bool, now: float) -> None:
        """Nobody is told."""

    def event_received(self, payload: bytes, timestamp: int, now: float, *, late: bool) -> None:
        """No keys are pressed."""


def _failed(_playout: object) -> None:
    raise AssertionError("a frame of a sum was not sent")


class Streams:
    """`count` legs in conferences of `size`, all of whose members speak."""

    def __init__(self, count: int, size: int) -> None:
        self._sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sink.bind(("127.0.0.1", 0))
        self._line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._line.connect(self._sink.getsockname())
        speaking: SpeakingSources[Playout] = SpeakingSources()
        port = self._sink.getsockname()[1]
        self._streams, self._playouts = [], []
        for number in range(count):
            stream = PeerStream(_Leg())
            stream.audio = {0: "PCMU"}
            self._streams.append(stream)
            playout = Playout(OutgoingStream(number, 0, 0), speaking, lambda _play: None)
            playout.use(self._line)
            described = Connect("", "127.0.0.1", port, port, "PCMU", 0, None, "sendrecv")
            playout.agree(described, may_send=True, now=0.0)
            self._playouts.append(playout)
        self._mixer = Mixer(_failed)
        for begin in range(0, count, size):
            room = self._streams[begin : begin + size]
            for own, playout in zip(room, self._playouts[begin:], strict=False):
                self._mixer.hear(playout, own, [one for one in room if one is not own], 0.0)
        noise = np.random.default_rng(1).normal(0, 3000, (count, g711.FRAME_SAMPLES))
        self._payloads = [g711.encode(one.astype(np.int16), "PCMU") for one in noise]
        self._frame = 0

    def frame(self) -> float:
        """Take a packet of each, and send one to each. Milliseconds of this thread."""
        number, now = self._frame, self._frame * FRAME_S
        self._frame += 1
        stamp = number * g711.FRAME_SAMPLES
        packets = [
            bytearray(build(0, number & 0xFFFF, stamp, 1, payload)) for payload in self._payloads
        ]
        begin = time.thread_time()
        for stream, packet in zip(self._streams, packets, strict=True):
            stream.receive_packet(packet, len(packet), now)
        self._mixer.tick(now)
        return (time.thread_time() - begin) * 1e3

    @property
    def sent(self) -> int:
        """How many packets were sent."""
        return sum(playout.stream.packets_sent for playout in self._playouts)

    def close(self) -> None:
        """Close the sockets."""
        self._line.close()
        self._sink.close()


async def run(report: Report, options: Options) -> None:
    """Each size takes turns, so that what the machine does besides falls on all alike."""
    count = options.mixed_streams
    for size, label in ((3, "talks of three"), (50, "conferences of 50")):
        medians, slow = [], []
        for _ in range(options.mixing_runs):
            streams = Streams(count, size)
            try:
                for _ in range(_SETTLING_FRAMES):
                    streams.frame()
                times = [streams.frame() for _ in range(options.mixing_frames)]
            finally:
                streams.close()
            medians.append(percentile(times, 50))
            slow.append(percentile(times, 99))
            await asyncio.sleep(0)
        name = f"{count} streams in {label}, of each 20 ms"
        report.figures.append(figure(PART, name, "ms", medians, target=TARGET_MS))
        report.figures.append(figure(PART, f"{name}, p99", "ms", slow))
