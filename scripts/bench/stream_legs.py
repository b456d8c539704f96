"""Legs whose sound goes to the echo bot and comes back: what each has said, and heard of it.

They are sockets of this process. From mouth to ear it takes the 20 ms of a packet besides.
"""

import contextlib
import socket
import struct
import time
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_right
from itertools import pairwise
from typing import Final

import numpy as np

from media.codec.formats import Format, decoder_of, encoder_of
from media.protocol.messages import Codec
from media.streams.leg_codec import silence
from media.streams.messages import PAYLOAD_TYPES

FRAME_S: Final = 0.02
SAID_FRAMES, PAUSE_FRAMES = 200, 25  # as people speak: 4 s, and a pause of half a second
DIGITS: Final = 4  # of the number of a frame, each 5 ms of it
TICKS: Final[dict[Codec, int]] = {"PCMU": 160, "L16/16000": 320, "opus": 960}
VALUES: Final = 100  # of a digit: PCMU, none of them silence
OPUS_TYPE: Final = 111
HEADER_BYTES: Final = 12
RATE_HZ: Final = 16000
BURST_EVERY, BURST_FRAMES = 25, 2  # frames: 40 ms of tone every half a second
BURST_HZ, BURST_LEVEL, HEARD_LEVEL = 1000, 9000, 3000
QUIET_S: Final = 0.2  # between two bursts, at least


class StreamedLeg(ABC):
    """One leg: it says a frame each 20 ms, and notes what comes back and when."""

    codec: Codec
    counted = "frames"
    """What it notes the delays and the loss of."""
    unread_ms = 0
    """What the bot was not sent: it lagged by more than the host keeps for it."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.sent_at = array("d")
        """When each frame, or tone, was said that is counted."""
        self._packets = 0

    @property
    def payload_type(self) -> int:
        """That of its packets."""
        return OPUS_TYPE if self.codec == "opus" else PAYLOAD_TYPES[self.codec]

    def hush(self) -> None:
        """Say 20 ms of nothing, which does not count."""
        self._send(self._silence())

    @abstractmethod
    def speak(self) -> None:
        """Say the next 20 ms."""

    def listen(self) -> None:
        """Note what has come."""
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = self.socket.recv(2048)
                self.hear(packet[HEADER_BYTES:], time.perf_counter())

    @abstractmethod
    def hear(self, payload: bytes, now: float) -> None:
        """A packet has come."""

    @abstractmethod
    def delays_ms(self) -> list[float]:
        """From mouth to ear, of all that was heard."""

    @abstractmethod
    def faults(self) -> dict[str, int]:
        """How much was lost, doubled, damaged or out of order."""

    @abstractmethod
    def _silence(self) -> bytes: ...

    def _send(self, payload: bytes) -> None:
        sequence, timestamp = self._packets, self._packets * TICKS[self.codec]
        self._packets += 1
        header = struct.pack(
            "!BBHII", 0x80, self.payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 7
        )
        self.socket.send(header + payload)


class NumberedLeg(StreamedLeg):
    """Each frame has its number in it, so that it is known again: nothing on its way codes it."""

    def __init__(self, codec: Codec = "PCMU") -> None:
        super().__init__()
        self.codec = codec
        self.numbers, self.heard_at = array("l"), array("d")
        self.damaged = 0
        self._said = 0

    def speak(self) -> None:
        """See StreamedLeg: a numbered frame, or one of a pause."""
        is_pause = self._said % (SAID_FRAMES + PAUSE_FRAMES) >= SAID_FRAMES
        self._said += 1
        if is_pause:
            self.hush()
            return
        frame = frame_of(len(self.sent_at), self.codec)
        self.sent_at.append(time.perf_counter())
        self._send(frame)

    def hear(self, payload: bytes, now: float) -> None:
        """See StreamedLeg."""
        if payload == self._silence():
            return
        number = number_of(payload, self.codec)
        if number is None or number >= len(self.sent_at):
            self.damaged += 1
        else:
            self.numbers.append(number)
            self.heard_at.append(now)

    def delays_ms(self) -> list[float]:
        """See StreamedLeg."""
        heard = zip(self.numbers, self.heard_at, strict=True)
        return [(at - self.sent_at[one] + FRAME_S) * 1e3 for one, at in heard]

    def faults(self) -> dict[str, int]:
        """See StreamedLeg."""
        different = len(set(self.numbers))
        return {
            "lost": len(self.sent_at) - different - self.damaged,
            "doubled": len(self.numbers) - different,
            "damaged": self.damaged,
            "out of order": sum(later < earlier for earlier, later in pairwise(self.numbers)),
        }

    def _silence(self) -> bytes:
        return silence(self.codec)


class ToneLeg(StreamedLeg):
    """Says 40 ms of a tone every half a second, in Opus: what is coded anew keeps no numbers."""

    codec: Codec = "opus"
    counted = "tones"

    def __init__(self) -> None:
        super().__init__()
        form = Format("opus", has_copy=False)
        self._encoder, self._decoder = encoder_of(form, RATE_HZ), decoder_of(form, RATE_HZ)
        at = np.arange(BURST_FRAMES * RATE_HZ // 50) / RATE_HZ
        tone = np.rint(BURST_LEVEL * np.sin(2 * np.pi * BURST_HZ * at)).astype(np.int16)
        self._tone = np.split(tone, BURST_FRAMES)
        self._quiet = np.zeros(RATE_HZ // 50, np.int16)
        self.onsets = array("d")
        """When each tone was heard to begin."""
        self._said = 0
        self._loud_at = -1.0

    def speak(self) -> None:
        """See StreamedLeg."""
        place = self._said % BURST_EVERY
        self._said += 1
        if place >= BURST_FRAMES:
            self.hush()
            return
        payload = self._encoder.encode(self._tone[place])
        if not place:
            self.sent_at.append(time.perf_counter())
        self._send(payload)

    def hear(self, payload: bytes, now: float) -> None:
        """See StreamedLeg: a tone begins where it is loud after a while that was not."""
        (loud,) = np.nonzero(np.abs(self._decoder.decode(payload)) > HEARD_LEVEL)
        if not len(loud):
            return
        if now - self._loud_at > QUIET_S:
            self.onsets.append(now + loud[0] / RATE_HZ)
        self._loud_at = now

    def delays_ms(self) -> list[float]:
        """See StreamedLeg: of each tone, from that before it."""
        found = []
        for at in self.onsets:
            nth = bisect_right(self.sent_at, at) - 1
            if nth >= 0:
                found.append((at - self.sent_at[nth] + FRAME_S) * 1e3)
        return found

    def faults(self) -> dict[str, int]:
        """See StreamedLeg."""
        heard = [bisect_right(self.sent_at, at) for at in self.onsets]
        different = len(set(heard))
        return {"lost": len(self.sent_at) - different, "doubled": len(heard) - different}

    def _silence(self) -> bytes:
        return self._encoder.encode(self._quiet)


def frame_of(number: int, codec: Codec) -> bytes:
    """20 ms of sound with this number in it."""
    digits = [number // VALUES**place % VALUES for place in range(DIGITS)]
    if codec == "PCMU":
        return b"".join(bytes([1 + digit]) * 40 for digit in digits)
    return b"".join(struct.pack("!h", 100 * (10 + digit)) * 80 for digit in digits)


def number_of(payload: bytes, codec: Codec) -> int | None:
    """The number of a frame; None where it is not what was sent."""
    size = len(payload) // DIGITS
    if codec == "PCMU":
        digits = [payload[place * size] - 1 for place in range(DIGITS)]
    else:
        starts = (struct.unpack_from("!h", payload, place * size)[0] for place in range(DIGITS))
        digits = [start // 100 - 10 for start in starts]
    number = sum(digit * VALUES**place for place, digit in enumerate(digits))
    return number if number >= 0 and payload == frame_of(number, codec) else None
