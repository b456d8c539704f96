"""Streams to bots: the sound of legs goes to the echo bot and comes back, as it would for a caller.

The legs are sockets of this process. Each frame has its number in it, so that one that is lost,
doubled, damaged or out of order is seen, and one that is late is told from them. From mouth to ear
it takes the 20 ms of its packet besides.
"""

import asyncio
import contextlib
import socket
import struct
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Final

import psutil

from media.protocol.messages import Codec
from media.streams.host_client import HostClient
from media.streams.leg_codec import silence
from media.streams.messages import (
    PAYLOAD_TYPES,
    Event,
    OpenStream,
    RateHz,
    Service,
    StreamClosed,
    StreamEnded,
    StreamReady,
)

from .options import Options
from .report import Report, figure, percentile

PART = "streams"
STREAMS = 50
FRAME_S = 0.02
MOUTH_TO_EAR_MS = 80.0
READY_S = 60.0
SOON_S = 1.0
LATEST_S, LOOK_S, CLOSED_S = 20.0, 0.1, 0.5  # what is longer under way is lost
RATE_HZ: Final[RateHz] = 8000
WIDE_HZ: Final[RateHz] = 16000
SAID_FRAMES, PAUSE_FRAMES = 200, 25  # as people speak: 4 s, and a pause of half a second
DIGITS = 4  # of the number of a frame, each 5 ms of it
FRAME_TICKS: Final[dict[Codec, int]] = {"PCMU": 160, "L16/16000": 320}
VALUES = 100  # of a digit: PCMU, none of them silence
BOT = Path(__file__).parents[1] / "bots/echo_bot.py"


class _Leg:
    """One leg in `codec`: what it sent and when, and what it heard and when."""

    def __init__(self, codec: Codec) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.codec: Codec = codec
        self.sent_at: list[float] = []
        self.heard: list[tuple[int, float]] = []
        self.damaged = 0
        self.unread_ms = 0
        """What the bot was not sent: it lagged by more than the host keeps for it."""
        self._packets = 0

    def speak(self) -> None:
        """Send the next frame, or one of a pause."""
        is_pause = self._packets % (SAID_FRAMES + PAUSE_FRAMES) >= SAID_FRAMES
        payload = silence(self.codec) if is_pause else _frame(len(self.sent_at), self.codec)
        sequence, timestamp = self._packets, self._packets * FRAME_TICKS[self.codec]
        self._packets += 1
        kind = PAYLOAD_TYPES[self.codec]
        header = struct.pack("!BBHII", 0x80, kind, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 7)
        if not is_pause:
            self.sent_at.append(time.perf_counter())
        self.socket.send(header + payload)

    def listen(self) -> None:
        """Note what has come."""
        with contextlib.suppress(BlockingIOError):
            while True:
                payload = self.socket.recv(2048)[12:]
                if payload == silence(self.codec):
                    continue
                number = _number(payload, self.codec)
                if number is None:
                    self.damaged += 1
                else:
                    self.heard.append((number, time.perf_counter()))

    def delays_ms(self) -> list[float]:
        """From mouth to ear, of each frame that was heard."""
        return [(at - self.sent_at[one] + FRAME_S) * 1e3 for one, at in self.heard]

    def faults(self) -> dict[str, int]:
        """How many frames were lost, doubled, damaged or out of order."""
        numbers = [number for number, _at in self.heard]
        return {
            "lost": len(self.sent_at) - len(set(numbers)) - self.damaged,
            "doubled": len(numbers) - len(set(numbers)),
            "damaged": self.damaged,
            "out of order": sum(later < earlier for earlier, later in pairwise(numbers)),
        }


def _frame(number: int, codec: Codec) -> bytes:
    """20 ms of sound with this number in it."""
    digits = [number // VALUES**place % VALUES for place in range(DIGITS)]
    if codec == "PCMU":
        return b"".join(bytes([1 + digit]) * 40 for digit in digits)
    return b"".join(struct.pack("!h", 100 * (10 + digit)) * 80 for digit in digits)


def _number(payload: bytes, codec: Codec) -> int | None:
    """The number of a frame; None where it is not what was sent."""
    size = len(payload) // DIGITS
    if codec == "PCMU":
        digits = [payload[place * size] - 1 for place in range(DIGITS)]
    else:
        starts = (struct.unpack_from("!h", payload, place * size)[0] for place in range(DIGITS))
        digits = [start // 100 - 10 for start in starts]
    number = sum(digit * VALUES**place for place, digit in enumerate(digits))
    return number if number >= 0 and payload == _frame(number, codec) else None


async def run(report: Report, options: Options) -> None:
    """One stream by itself, and then so many that the host has to keep up with."""
    bot = await asyncio.create_subprocess_exec(
        sys.executable, str(BOT), "0", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert bot.stdout is not None
        url = (await bot.stdout.readline()).decode().strip()
        _share, legs = await _measured(url, 1, options.streams_s, RATE_HZ)
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
        faults = leg.faults()
        late = sum(delay > MOUTH_TO_EAR_MS for delay in delays)
        kinds = ", ".join(f"{count} {kind}" for kind, count in faults.items() if count)
        note = f"of {len(leg.sent_at)} frames{f': {kinds}' if kinds else ''}; {late} were late"
        if leg.unread_ms:
            note += f"; the bot has not read {leg.unread_ms} ms in time"
        label = "frames lost, doubled, damaged or out of order"
        total = float(sum(faults.values()))
        report.figures.append(figure(PART, label, "", [total], target=0.0, note=note))
        for rate_hz in (RATE_HZ, WIDE_HZ):
            share, legs = await _measured(url, STREAMS, min(options.streams_s, 20.0), rate_hz)
            label = f"{STREAMS} streams at {rate_hz} Hz, of a core"
            soon = sum(delay <= SOON_S * 1e3 for leg in legs for delay in leg.delays_ms())
            heard = soon / sum(len(leg.sent_at) for leg in legs)
            note = f"{heard:.1%} of the frames were back within {SOON_S:g} s"
            report.figures.append(figure(PART, label, "x", [share], target=1.0, note=note))
    finally:
        bot.kill()
        await bot.wait()


async def _measured(
    url: str, count: int, seconds: float, rate_hz: RateHz
) -> tuple[float, list[_Leg]]:
    """The share of a core that the host used for so many streams, and their legs."""
    codec: Codec = "L16/16000" if rate_hz == WIDE_HZ else "PCMU"
    loop = asyncio.get_running_loop()
    ready: asyncio.Queue[Event] = asyncio.Queue()
    host, legs = HostClient(ready.put_nowait), [_Leg(codec) for _ in range(count)]
    try:
        for number, leg in enumerate(legs):
            address, port = leg.socket.getsockname()
            await host.open(
                OpenStream(
                    str(number), Service(url), b"{}", address, port, codec=codec, rate_hz=rate_hz
                )
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
        await _all_back(legs, LATEST_S)
        for number in range(count):
            host.close(str(number), "measured")
        await asyncio.sleep(CLOSED_S)
    finally:
        for leg in legs:
            loop.remove_reader(leg.socket.fileno())
            leg.socket.close()
        await host.stop()
    events = _all(ready)
    lost = [event for event in events if isinstance(event, StreamEnded) and event.failure]
    if lost:
        raise RuntimeError(f"a stream has failed: {lost[0].cause}")
    for leg, event in zip(legs, events, strict=False):
        if isinstance(event, StreamClosed):
            leg.unread_ms = event.figures.lost_ms
    return share, legs


async def _all_back(legs: list[_Leg], limit_s: float) -> None:
    """Wait for frames that are late: they are not lost."""
    for _ in range(round(limit_s / LOOK_S)):
        if not any(leg.faults()["lost"] > 0 for leg in legs):
            return
        await asyncio.sleep(LOOK_S)


def _all(events: "asyncio.Queue[Event]") -> list[Event]:
    return [events.get_nowait() for _ in range(events.qsize())]


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
