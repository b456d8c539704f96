"""What relayed packets cost of legs that send their keys as sound, beside legs with events.

Legs of both kinds are relayed in this process by turns, and their phones say the same.
"""

import socket
import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from media.protocol import messages as m
from media.rtp.rtp import FRAME_SAMPLES, build
from media.settings import MediaSettings
from media.sound.g711 import encode
from media.worker.switch import Switch

HOST: Final = "127.0.0.1"
PORTS: Final = (20000, 31999)
PAIRS: Final = 20
_WARM_UP_FRAMES: Final = 50


class Legs:
    """Pairs of legs that hear each other; with `are_tones` they have no telephone-events."""

    def __init__(self, *, are_tones: bool) -> None:
        self._opened: list[m.Opened] = []
        self._switch = Switch(MediaSettings(HOST, PORTS, 0.0, 0.0, 1.0), self._report)
        self._phones = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2 * PAIRS)]
        for number, phone in enumerate(self._phones):
            phone.bind((HOST, 0))
            phone.setblocking(False)
            port, events = phone.getsockname()[1], None if are_tones else 101
            self._switch.execute(m.Open(1, str(number)))
            self._switch.execute(
                m.Connect(
                    str(number), HOST, port, port + 1, "PCMU", 0, events, "sendrecv",
                    keys_as_sound=are_tones,
                )
            )  # fmt: skip
        for number in range(0, 2 * PAIRS, 2):
            self._switch.execute(m.Bridge(str(number), str(number + 1)))

    def _report(self, report: m.Answer | m.Event) -> None:
        if isinstance(report, m.Opened):
            self._opened.append(report)

    def say(self, number: int, payloads: list[bytes]) -> float:
        """Each phone sends its payload in its packet of this number. What that cost, in seconds."""
        for nth, (phone, payload) in enumerate(zip(self._phones, payloads, strict=True)):
            packet = build(0, number & 0xFFFF, number * FRAME_SAMPLES, 0x10000 + nth, payload)
            phone.sendto(packet, (HOST, self._opened[nth].port))
        began = time.thread_time()
        while self._switch.relay.drain():
            pass
        spent_s = time.thread_time() - began
        for phone in self._phones:
            phone.recv(2048)
        return spent_s

    def close(self) -> None:
        """Close the sockets."""
        self._switch.close()
        for phone in self._phones:
            phone.close()


def packet_costs_us(sound: NDArray[np.int16]) -> tuple[float, float]:
    """Of a packet of legs with keys as sound, and with telephone-events, whose phones say this."""
    coded = encode(sound, "PCMU")
    frames = [
        coded[at : at + FRAME_SAMPLES]
        for at in range(0, len(coded) - FRAME_SAMPLES + 1, FRAME_SAMPLES)
    ]
    spent_s = [0.0, 0.0]
    kinds = (Legs(are_tones=True), Legs(are_tones=False))
    try:
        for number in range(_WARM_UP_FRAMES + len(frames)):
            said = [frames[(number + 7 * nth) % len(frames)] for nth in range(2 * PAIRS)]
            for kind, legs in enumerate(kinds):
                cost_s = legs.say(number, said)
                spent_s[kind] += cost_s if number >= _WARM_UP_FRAMES else 0.0
    finally:
        for legs in kinds:
            legs.close()
    of_tones, of_events = (1e6 * spent / (2 * PAIRS * len(frames)) for spent in spent_s)
    return of_tones, of_events
