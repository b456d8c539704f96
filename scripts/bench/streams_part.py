"""Streams to bots: the sound of legs goes to the echo bot and comes back, as it would for a caller.

The legs are sockets of this process, and stand for phones. Between them and the stream host is a
media worker, as in a call: phone, worker, stream host, WebSocket, bot, and back. What goes through
it as it is has a number in each frame, so that one that is lost, doubled, damaged or out of order
is seen. What is coded anew is a tone now and then.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import structs

from media.codec.formats import unavailable
from media.protocol.messages import Codec, Connect
from media.settings import MediaSettings
from media.streams.host_client import HostClient
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
from media.worker_client import WorkerClient

from .echo_bot import echo_bot
from .options import Options
from .processes import cpu_s
from .report import Report, figure, percentile
from .stream_legs import FRAME_S, NumberedLeg, StreamedLeg, ToneLeg

PART = "streams"
HOST: Final = "127.0.0.1"
PORTS: Final = (30_000, 49_999)  # those that are free of them
STREAMS = 50
MOUTH_TO_EAR_MS = 80.0
READY_S = 60.0
SOON_S = 1.0
LATEST_S, LOOK_S, CLOSED_S = 20.0, 0.1, 0.5  # what is longer under way is lost
SETTLE_FRAMES = 50  # silence, until everybody hears each other
RATE_HZ: Final[RateHz] = 8000
WIDE_HZ: Final[RateHz] = 16000


@dataclass(frozen=True, slots=True)
class Shares:
    """Of a core: what the stream host used, and the media worker."""

    host: float
    worker: float


async def run(report: Report, options: Options) -> None:
    """A phone by itself, of PCMU, of Opus, and without a worker; then so many for ten minutes."""
    async with echo_bot() as url:
        phones: list[tuple[str, StreamedLeg, RateHz, bool]] = [
            ("PCMU", NumberedLeg(), RATE_HZ, True),
            ("PCMU, without a media worker", NumberedLeg(), RATE_HZ, False),
        ]
        lacking = unavailable().get("opus")
        if lacking is None:
            phones.insert(1, ("Opus", ToneLeg(), WIDE_HZ, True))
        else:
            report.notes.append(f"{PART}: Opus: not measured: {lacking}")
        for name, leg, rate_hz, has_worker in phones:
            await measured(url, [leg], options.stream_s, rate_hz, has_worker=has_worker)
            _add_delays(report, f"mouth to bot to ear, {name}", [leg])
            _add_faults(report, f"faults, {name}", [leg])
        many: Sequence[StreamedLeg] = [NumberedLeg() for _ in range(STREAMS)]
        shares = await measured(url, many, options.streams_s, RATE_HZ, has_worker=True)
        name = f"{STREAMS} streams for {options.streams_s:g} s"
        _add_delays(report, f"mouth to bot to ear, {name}", many)
        _add_faults(report, f"faults, {name}", many)
        _add_share(report, f"{STREAMS} streams at {RATE_HZ} Hz", shares, many)
        wide = [NumberedLeg("L16/16000") for _ in range(STREAMS)]
        seconds = min(options.streams_s, 20.0)
        shares = await measured(url, wide, seconds, WIDE_HZ, has_worker=False)
        _add_share(report, f"{STREAMS} streams at {WIDE_HZ} Hz", shares, wide)


def _add_delays(report: Report, name: str, legs: Sequence[StreamedLeg]) -> None:
    delays = [delay for leg in legs for delay in leg.delays_ms()]
    late = sum(delay > MOUTH_TO_EAR_MS for delay in delays)
    counted = legs[0].counted
    for percent in (50, 99):
        note = f"of {len(delays)} {counted}; {late} later than {MOUTH_TO_EAR_MS:g} ms"
        value = percentile(delays, percent)
        label = f"{name}, p{percent}"
        item = figure(PART, label, "ms", [value], target=MOUTH_TO_EAR_MS, note=note)
        report.figures.append(item)


def _add_faults(report: Report, name: str, legs: Sequence[StreamedLeg]) -> None:
    """What was lost, doubled, damaged or out of order; None of it may be."""
    counts: dict[str, int] = {}
    for leg in legs:
        for kind, count in leg.faults().items():
            counts[kind] = counts.get(kind, 0) + count
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    said = sum(len(leg.sent_at) for leg in legs)
    note = f"of {said} {legs[0].counted}{f': {kinds}' if kinds else ''}"
    unread_ms = sum(leg.unread_ms for leg in legs)
    if unread_ms:
        note += f"; the bot has not read {unread_ms} ms in time"
    total = float(sum(abs(count) for count in counts.values()))
    report.figures.append(figure(PART, name, "", [total], target=0.0, note=note))


def _add_share(report: Report, name: str, shares: Shares, legs: Sequence[StreamedLeg]) -> None:
    soon = sum(delay <= SOON_S * 1e3 for leg in legs for delay in leg.delays_ms())
    heard = soon / sum(len(leg.sent_at) for leg in legs)
    note = f"{heard:.1%} of the frames were back within {SOON_S:g} s"
    label = f"{name}, stream host, of a core"
    report.figures.append(figure(PART, label, "x", [shares.host], target=1.0, note=note))
    if shares.worker:
        label = f"{name}, media worker, of a core"
        report.figures.append(figure(PART, label, "x", [shares.worker]))


async def measured(
    url: str,
    legs: Sequence[StreamedLeg],
    seconds: float,
    rate_hz: RateHz,
    *,
    has_worker: bool,
) -> Shares:
    """Let the legs speak with the bot for so long. Returns what that took."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Queue[Event] = asyncio.Queue()
    async with contextlib.AsyncExitStack() as stack:
        host = HostClient(ready.put_nowait)
        stack.push_async_callback(host.stop)
        for leg in legs:
            stack.enter_context(contextlib.closing(leg.socket))
        worker = await stack.enter_async_context(_media_worker()) if has_worker else None
        rtcp = stack.enter_context(contextlib.closing(_unread()))
        for number, leg in enumerate(legs):
            codec: Codec = leg.codec if leg.codec != "opus" else "L16/16000"
            bot, phone = f"bot-{number}", f"phone-{number}"
            host_name, port = leg.socket.getsockname()
            if worker is not None:
                opened = await worker.open(bot)
                host_name, port = opened.host, opened.port
            order = OpenStream(
                str(number), Service(url), b"{}", host_name, port, codec=codec, rate_hz=rate_hz
            )
            await host.open(order)
            async with asyncio.timeout(READY_S):
                event = await ready.get()
            if not isinstance(event, StreamReady):
                raise RuntimeError(f"no stream: {event}")
            heard_at = event.host, event.port
            if worker is not None:
                to_bot = _to(bot, heard_at, event.port, codec, PAYLOAD_TYPES[codec])
                worker.connect(structs.replace(to_bot, is_even=True))
                opened = await worker.open(phone)
                heard_at = opened.host, opened.port
                reports = rtcp.getsockname()[1]
                where = leg.socket.getsockname()
                worker.connect(_to(phone, where, reports, leg.codec, leg.payload_type))
                worker.bridge(phone, bot)
            leg.socket.connect(heard_at)
            loop.add_reader(leg.socket.fileno(), leg.listen)
            stack.callback(loop.remove_reader, leg.socket.fileno())
        shares = await _spoken(legs, seconds, host.pid, None if worker is None else worker.pid)
        await _all_back(legs, LATEST_S)
        for number in range(len(legs)):
            host.close(str(number), "measured")
        await asyncio.sleep(CLOSED_S)
    events = [ready.get_nowait() for _ in range(ready.qsize())]
    lost = [event for event in events if isinstance(event, StreamEnded) and event.failure]
    if lost:
        raise RuntimeError(f"a stream has failed: {lost[0].cause}")
    for event in events:
        if isinstance(event, StreamClosed):
            legs[int(event.stream)].unread_ms = event.figures.lost_ms
    return shares


def _to(leg: str, where: tuple[str, int], rtcp_port: int, codec: Codec, kind: int) -> Connect:
    host, port = where
    return Connect(leg, host, port, rtcp_port, codec, kind, None, "sendrecv", rtp="strict")


async def _spoken(
    legs: Sequence[StreamedLeg], seconds: float, host: int | None, worker: int | None
) -> Shares:
    """Let each leg say a frame every 20 ms, after a second of silence."""
    pids = host, worker
    used, began = [0.0, 0.0], time.perf_counter()
    first = began
    for frame in range(SETTLE_FRAMES + int(seconds / FRAME_S)):
        await asyncio.sleep(max(0.0, first + frame * FRAME_S - time.perf_counter()))
        if frame == SETTLE_FRAMES:
            used, began = [_used_s(pid) for pid in pids], time.perf_counter()
        for leg in legs:
            if frame < SETTLE_FRAMES:
                leg.hush()
            else:
                leg.speak()
    passed = time.perf_counter() - began
    now = [_used_s(pid) for pid in pids]
    return Shares(*((after - before) / passed for before, after in zip(used, now, strict=True)))


def _used_s(pid: int | None) -> float:
    return 0.0 if pid is None else cpu_s(pid)


async def _all_back(legs: Sequence[StreamedLeg], limit_s: float) -> None:
    """Wait for frames that are late: they are not lost."""
    for _ in range(round(limit_s / LOOK_S)):
        if not any(leg.faults()["lost"] > 0 for leg in legs):
            return
        await asyncio.sleep(LOOK_S)


@contextlib.asynccontextmanager
async def _media_worker() -> AsyncIterator[WorkerClient]:
    died: list[str] = []
    worker = WorkerClient(
        MediaSettings(HOST, PORTS), on_event=lambda _event: None, on_died=died.append
    )
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop()
    if died:
        raise RuntimeError(f"the media worker has died: {died[0]}")


def _unread() -> socket.socket:
    """Where reports of RTCP go that nobody reads."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, 0))
    return sock
