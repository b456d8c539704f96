"""CPU for each packet that is relayed between a leg with SRTP and a plain one, beside the C relay.

The media worker carries pairs of legs, one with SRTP and one without; the C relay carries the same
streams, plain. Both are fed from here by turns. SRTP is made before the turn, so that its price is
not the sender's.
"""

import asyncio
import secrets
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from media.protocol.messages import Connect, SrtpKeys
from media.rtp.rtp import build
from media.rtp.srtp import SrtpSender
from media.settings import MediaSettings
from media.worker_pool import WorkerPool

from .c_program import NoCompiler
from .c_relay import Address, CRelay
from .options import Options
from .processes import cpu_s
from .report import Report, figure

PART = "srtp"
SUITE = "AES_CM_128_HMAC_SHA1_80"
KEY_BYTES = 30
RATIO_TARGET = 2.5
PORTS = (20000, 31999)
FRAME_S = 0.02
SLOTS = 10
WARM_UP_FRAMES = 25


@dataclass(slots=True)
class Phone:
    """One end of a call: its socket, and the packets that it sends in turn."""

    sock: socket.socket
    ssrc: int
    to: Address = ("", 0)
    packets: list[bytes] = field(default_factory=list)

    @classmethod
    def bind(cls, number: int) -> "Phone":
        """A phone at a free port."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        return cls(sock, 0x10000 + number)

    @property
    def address(self) -> Address:
        """Where it hears."""
        host, port = self.sock.getsockname()
        return host, port

    def prepare(self, frames: int, protect: Callable[[bytes], bytes] | None) -> None:
        """Make what it says for so many frames."""
        made = (
            build(0, number, 160 * number, self.ssrc, bytes([number & 0x7F]) * 160)
            for number in range(frames)
        )
        self.packets = [packet if protect is None else protect(packet) for packet in made]


@dataclass(slots=True)
class Exchange:
    """All phones, and one epoll that takes what they hear."""

    phones: list[Phone]
    heard: int = 0
    _epoll: select.epoll = field(default_factory=select.epoll)

    def __post_init__(self) -> None:
        for phone in self.phones:
            self._epoll.register(phone.sock.fileno(), select.EPOLLIN)

    def run(self, frames: int) -> None:
        """Let every phone send so many of its packets, one each 20 ms, and take what comes."""
        due = time.monotonic()
        by_fd = {phone.sock.fileno(): phone.sock for phone in self.phones}
        for frame in range(frames):
            for slot in range(SLOTS):
                for phone in self.phones[slot::SLOTS]:
                    phone.sock.sendto(phone.packets[frame], phone.to)
                due += FRAME_S / SLOTS
                time.sleep(max(0.0, due - time.monotonic()))
                self._drain(by_fd)
        time.sleep(0.2)
        self._drain(by_fd)

    def _drain(self, by_fd: dict[int, socket.socket]) -> None:
        while ready := self._epoll.poll(0, 512):
            for fd, _event in ready:
                try:
                    while True:
                        by_fd[fd].recv(2048)
                        self.heard += 1
                except BlockingIOError:
                    continue

    def close(self) -> None:
        """Close the sockets."""
        self._epoll.close()
        for phone in self.phones:
            phone.sock.close()


async def run(report: Report, options: Options) -> None:
    """Measure at the smallest number of streams of the relay's part."""
    streams = options.relay_streams[0]
    pool = WorkerPool(
        MediaSettings("127.0.0.1", PORTS, 30.0, 30.0, 5.0),
        on_event=lambda _event: None,
        on_died=lambda reason, _legs: report.notes.append(f"{PART}: {reason}"),
    )
    await pool.start()
    ours: list[float] = []
    theirs: list[float] = []
    lost: list[float] = []
    try:
        for _ in range(options.relay_runs):
            used_us, missing = await _of_worker(pool, streams, options.relay_s)
            ours.append(used_us)
            lost.append(missing)
            try:
                theirs.append(await asyncio.to_thread(_of_c_relay, streams, options.relay_s))
            except NoCompiler as reason:
                report.notes.append(f"{PART}: C relay skipped: {reason}")
                break
    finally:
        await pool.stop()
    part = f"{PART} {streams} streams"
    report.figures.append(figure(part, "packets lost or not opened", "", lost, target=0))
    report.figures.append(figure(part, "CPU per packet, SRTP to RTP and back", "µs", ours))
    if len(theirs) == len(ours):
        pairs = zip(ours, theirs, strict=True)
        ratios = [our / their for our, their in pairs]
        report.figures.append(figure(part, "CPU per packet, C relay without SRTP", "µs", theirs))
        report.figures.append(
            figure(part, "worker : C relay", "×", ratios, target=RATIO_TARGET, note="run by run")  # noqa: RUF001
        )


async def _of_worker(pool: WorkerPool, streams: int, duration_s: float) -> tuple[float, float]:
    exchange = Exchange([Phone.bind(number) for number in range(streams)])
    frames = round(duration_s / FRAME_S)
    names: list[str] = []
    protects: list[Callable[[bytes], bytes] | None] = []
    for number in range(0, streams, 2):
        first, second = exchange.phones[number], exchange.phones[number + 1]
        keys = SrtpKeys(SUITE, secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES))
        pair = [f"srtp-{secrets.token_hex(4)}" for _ in range(2)]
        for name, phone, srtp in ((pair[0], first, keys), (pair[1], second, None)):
            opened = await pool.open(name, beside=pair[0] if name == pair[1] else None)
            phone.to = (opened.host, opened.port)
            host, port = phone.address
            pool.connect(
                Connect(name, host, port, port + 1, "PCMU", 0, None, "sendrecv", srtp=srtp)
            )
        pool.bridge(*pair)
        names += pair
        protects += [SrtpSender(SUITE, keys.received).protect, None]
    try:
        for phone, protect in zip(exchange.phones, protects, strict=True):
            phone.prepare(WARM_UP_FRAMES + frames, protect)
        await asyncio.to_thread(exchange.run, WARM_UP_FRAMES)
        for phone in exchange.phones:
            del phone.packets[:WARM_UP_FRAMES]
        used_us = await asyncio.to_thread(_measured, exchange, pool.pids[0], frames)
        missing = 0
        for name in names:
            stats = await pool.stats(name)
            if stats is not None:
                missing += WARM_UP_FRAMES + frames - stats.packets_received + stats.send_errors
        return used_us, float(missing)
    finally:
        for name in names:
            await pool.close(name)
        exchange.close()


def _of_c_relay(streams: int, duration_s: float) -> float:
    exchange = Exchange([Phone.bind(number) for number in range(streams)])
    frames = round(duration_s / FRAME_S)
    relay = CRelay([phone.address for phone in exchange.phones])
    try:
        legs = [leg for pair in relay.legs for leg in pair]
        for phone, leg in zip(exchange.phones, legs, strict=True):
            phone.to = leg
            phone.prepare(frames, None)
        return _measured(exchange, relay.pid, frames)
    finally:
        relay.close()
        exchange.close()


def _measured(exchange: Exchange, pid: int, frames: int) -> float:
    """Microseconds of CPU that the process needs for each packet that is heard."""
    exchange.heard = 0
    used_s = cpu_s(pid)
    exchange.run(frames)
    return (cpu_s(pid) - used_s) / max(exchange.heard, 1) * 1e6
