"""Streams to bots: the sound of legs goes to the echo bot and comes back, as it would for a caller.

The legs are sockets of this process. Each frame has a value of its own, so that one that is lost,
doubled or out of place is seen. From mouth to ear it takes the 20 ms of its packet besides.
"""

import asyncio
import contextlib
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Final

import psutil

from media.streams.host_client import HostClient
from media.streams.messages import Event, OpenStream, Service, StreamEnded, StreamReady

from .options import Options
from .report import Report, figure, percentile

PART = "streams"
STREAMS = 50
FRAME_S = 0.02
MOUTH_TO_EAR_MS = 80.0
READY_S = 60.0
LAST_S = 1.0
RATE_HZ: Final = 8000
SILENCE = 0xFF
VALUES = 100  # of frames, one after the other: PCMU, none of them silence
BOT = Path(__file__).parents[1] / "bots/echo_bot.py"


class _Leg:
    """One leg: what it sent and when, and what it heard and when."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.sent_at: list[float] = []
        self.heard: list[tuple[int, float]] = []

    def speak(self) -> None:
        """Send the next frame."""
        number = len(self.sent_at)
        header = struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, 160 * number & 0xFFFFFFFF, 7)
        self.sent_at.append(time.perf_counter())
        self.socket.send(header + bytes([1 + number % VALUES]) * 160)

    def listen(self) -> None:
        """Note what has come."""
        with contextlib.suppress(BlockingIOError):
            while True:
                value = self.socket.recv(2048)[12 + 80]
                if value != SILENCE:
                    self.heard.append((value, time.perf_counter()))

    def delays_ms(self) -> list[float]:
        """From mouth to ear, of each frame that was heard in its place."""
        return [
            (at - sent) * 1e3 + FRAME_S * 1e3
            for sent, (_value, at) in zip(self.sent_at, self.heard, strict=False)
        ]

    def faults(self) -> int:
        """How many frames were lost, doubled or out of place."""
        wanted = [1 + number % VALUES for number in range(len(self.sent_at))]
        heard = [value for value, _at in self.heard]
        wrong = sum(one != other for one, other in zip(wanted, heard, strict=False))
        return wrong + abs(len(wanted) - len(heard))


async def run(report: Report, options: Options) -> None:
    """One stream by itself, and then so many that the host has to keep up with."""
    bot = await asyncio.create_subprocess_exec(
        sys.executable, str(BOT), "0", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert bot.stdout is not None
        url = (await bot.stdout.readline()).decode().strip()
        _share, legs = await _measured(url, 1, options.streams_s)
        (leg,) = legs
        delays = leg.delays_ms()
        for percent in (50, 99):
            report.figures.append(
                figure(
                    PART,
                    f"mouth to bot to ear, p{percent}",
                    "ms",
                    [percentile(delays, percent)],
                    target=MOUTH_TO_EAR_MS,
                )
            )
        faults = float(leg.faults())
        note = f"of {len(leg.sent_at)} frames"
        report.figures.append(
            figure(PART, "lost or doubled frames", "", [faults], target=0.0, note=note)
        )
        share, legs = await _measured(url, STREAMS, min(options.streams_s, 20.0))
        label = f"{STREAMS} streams at {RATE_HZ} Hz, of a core"
        heard = sum(len(leg.heard) for leg in legs) / sum(len(leg.sent_at) for leg in legs)
        note = f"{heard:.1%} of the frames were back within {LAST_S:g} s"
        report.figures.append(figure(PART, label, "x", [share], target=1.0, note=note))
    finally:
        bot.kill()
        await bot.wait()


async def _measured(url: str, count: int, seconds: float) -> tuple[float, list[_Leg]]:
    """The share of a core that the host used for so many streams, and their legs."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Queue[Event] = asyncio.Queue()
    host, legs = HostClient(ready.put_nowait), [_Leg() for _ in range(count)]
    try:
        for number, leg in enumerate(legs):
            address, port = leg.socket.getsockname()
            await host.open(
                OpenStream(str(number), Service(url), b"{}", address, port, rate_hz=RATE_HZ)
            )
            async with asyncio.timeout(READY_S):
                event = await ready.get()
            if not isinstance(event, StreamReady):
                raise RuntimeError(f"no stream: {event}")
            leg.socket.connect((event.host, event.port))
            loop.add_reader(leg.socket.fileno(), leg.listen)
        process = psutil.Process(host.pid)
        before, began = _cpu_s(process), time.perf_counter()
        for frame in range(int(seconds / FRAME_S)):
            await asyncio.sleep(max(0.0, began + frame * FRAME_S - time.perf_counter()))
            for leg in legs:
                leg.speak()
        share = (_cpu_s(process) - before) / (time.perf_counter() - began)
        await asyncio.sleep(LAST_S)
    finally:
        for leg in legs:
            loop.remove_reader(leg.socket.fileno())
            leg.socket.close()
        await host.stop()
    lost = [event for event in _all(ready) if isinstance(event, StreamEnded) and event.failure]
    if lost:
        raise RuntimeError(f"a stream has failed: {lost[0].cause}")
    return share, legs


def _all(events: "asyncio.Queue[Event]") -> list[Event]:
    return [events.get_nowait() for _ in range(events.qsize())]


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
