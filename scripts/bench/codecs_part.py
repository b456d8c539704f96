"""How much of a processor core a media worker needs for a call whose legs differ in their codecs.

The worker's legs are in this process, on real sockets and in real time. What is counted is the
time of its thread on a processor: it receives, decodes, conceals, encodes and sends, both ways.
"""

import asyncio
import socket
import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from media.codec.formats import Format, encoder_of, unavailable
from media.protocol import messages as m
from media.rtp.rtp import build
from media.settings import MediaSettings
from media.worker.switch import Switch

from .options import Options
from .report import Report, figure

PART = "codecs"
HOST = "127.0.0.1"
FRAME_S = 0.02
SSRC = 7
SETTLE_FRAMES = 50
PORTS: Final = (30_000, 49_999)  # those that are free of them
PAYLOAD_TYPES: Final[dict[m.Codec, int]] = {"PCMU": 0, "PCMA": 8, "G722": 9, "opus": 111}
# The codecs of both legs, and the most that a call may need: per cent of a core. The first passes
# packets on as they are, for comparison.
PAIRS: Final[tuple[tuple[m.Codec, m.Codec, float | None], ...]] = (
    ("PCMU", "PCMU", None),
    ("PCMU", "PCMA", 0.1),
    ("PCMU", "G722", 0.6),
    ("PCMU", "opus", 1.5),
)


@dataclass
class Phone:
    """One that says the same second of a voice over and over, in packets made beforehand."""

    leg: str
    codec: m.Codec
    sock: socket.socket
    payloads: list[bytes]
    worker: tuple[str, int]
    sequence: int = 0

    def say(self) -> None:
        """Send the next 20 ms, and take what has come."""
        ticks = Format(self.codec).clock_hz // 50
        payload = self.payloads[self.sequence % len(self.payloads)]
        packet = build(
            PAYLOAD_TYPES[self.codec], self.sequence, self.sequence * ticks, SSRC, payload
        )
        self.sequence += 1
        self.sock.sendto(packet, self.worker)
        while True:
            try:
                self.sock.recv(4096)
            except BlockingIOError:
                return


async def run(report: Report, options: Options) -> None:
    """Each pair of codecs in turn."""
    for one, other, target in PAIRS:
        name = f"{one}, {other}: of a core for each call"
        lacking = unavailable().get(one) or unavailable().get(other)
        if lacking:
            report.notes.append(f"{PART}: {name}: not measured: {lacking}")
            continue
        runs = [
            await percent_of_a_core(one, other, options.codec_calls, options.codec_s)
            for _ in range(options.codec_runs)
        ]
        report.figures.append(figure(PART, name, "%", runs, target=target))


async def percent_of_a_core(one: m.Codec, other: m.Codec, calls: int, seconds: float) -> float:
    """The share that each of so many calls takes, measured for so many seconds."""
    reports: list[m.Answer | m.Event] = []
    switch = Switch(MediaSettings(HOST, PORTS), reports.append)
    phones: list[Phone] = []
    try:
        for number in range(calls):
            legs = f"a{number}", f"b{number}"
            for leg, codec in zip(legs, (one, other), strict=True):
                phones.append(_phone(switch, reports, leg, codec))
            switch.execute(m.Bridge(*legs))
        return await _measured(switch, phones, int(seconds / FRAME_S)) / calls
    finally:
        switch.close()
        for phone in phones:
            phone.sock.close()


def _phone(switch: Switch, reports: list[m.Answer | m.Event], leg: str, codec: m.Codec) -> Phone:
    switch.execute(m.Open(1, leg))
    opened = next(one for one in reversed(reports) if isinstance(one, m.Opened))
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, 0))
    sock.setblocking(False)
    _host, port = sock.getsockname()
    number = PAYLOAD_TYPES[codec]
    switch.execute(m.Connect(leg, HOST, port, port + 1, codec, number, 101, "sendrecv"))
    return Phone(leg, codec, sock, _payloads(codec), (opened.host, opened.port))


def _payloads(codec: m.Codec) -> list[bytes]:
    """A second of something like a voice."""
    rate = Format(codec).rate_hz
    time_s = np.arange(rate) / rate
    phase = np.cumsum(2 * np.pi * (120 + 15 * np.sin(3 * time_s)) / rate)
    voice = sum(np.sin(k * phase) / k for k in range(1, 9)) * (0.6 + 0.4 * np.sin(8 * time_s))
    samples = (3000 * voice).astype(np.int16)
    encoder, size = encoder_of(Format(codec), rate), rate // 50
    return [encoder.encode(samples[at : at + size]) for at in range(0, rate, size)]


async def _measured(switch: Switch, phones: list[Phone], frames: int) -> float:
    """Per cent of a core, after the calls have settled."""
    spent = 0.0
    due = time.monotonic()
    began = due
    for frame in range(SETTLE_FRAMES + frames):
        for phone in phones:
            phone.say()
        before = time.thread_time()
        switch.relay.drain()
        switch.listeners.drain()
        switch.tick(due)
        if frame >= SETTLE_FRAMES:
            spent += time.thread_time() - before
        elif frame == SETTLE_FRAMES - 1:
            began = time.monotonic()
        due += FRAME_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    return 100 * spent / (time.monotonic() - began)
