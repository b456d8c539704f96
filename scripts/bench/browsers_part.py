"""What the sound of browsers costs: ICE, DTLS-SRTP and plain RTP in the WebRTC process.

Two such processes call each other, one as the engine's, the other as all the browsers. Plain RTP
goes in and comes out at both, so a packet passes two of them: the delay here is that of both.
"""

import asyncio
import select
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Final

from media.webrtc.messages import IceServers, StateChanged
from media.webrtc_client import WebRtcClient, is_installed

from .options import Options
from .processes import cpu_s
from .report import Report, figure

PART: Final = "browsers"
FRAME_S: Final = 0.02
SETUP_S: Final = 60.0
P99_TARGET_MS: Final = 8.0
_RTP: Final = struct.Struct("!BBHII")
_SENT_AT: Final = struct.Struct("!d")
_REST: Final = bytes(152)


class Side:
    """One WebRTC process, and the plain phones beside it."""

    def __init__(self) -> None:
        self._states: dict[str, asyncio.Event] = {}
        self.client = WebRtcClient(IceServers(), self._changed)
        self.phones: list[tuple[socket.socket, int]] = []

    def _changed(self, change: StateChanged) -> None:
        if change.state == "connected":
            self._states[change.session].set()

    def expect(self, session: str) -> None:
        """A session is about to be."""
        self._states[session] = asyncio.Event()

    async def connected(self, session: str) -> None:
        """Wait until the session is up. Raises TimeoutError."""
        async with asyncio.timeout(SETUP_S):
            await self._states[session].wait()

    def add_phone(self, session: str, port: int) -> None:
        """A plain phone that speaks with the session, whose plain port that is."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        own: int = sock.getsockname()[1]
        self.client.connect(session, "127.0.0.1", own, 9)
        self.phones.append((sock, port))

    @property
    def pid(self) -> int:
        """The process."""
        process = self.client._process
        assert process is not None
        return process.pid

    async def close(self) -> None:
        """End it."""
        for sock, _port in self.phones:
            sock.close()
        await self.client.close()


@dataclass(slots=True)
class Talk:
    """Every phone sends a packet each 20 ms, evenly spread, and takes what comes."""

    phones: list[tuple[socket.socket, int]]
    sent: int = 0
    delays_s: list[float] = field(default_factory=list)

    def run(self, duration_s: float) -> None:
        """Talk for so long."""
        epoll, by_fd = select.epoll(), {sock.fileno(): sock for sock, _ in self.phones}
        for fd in by_fd:
            epoll.register(fd, select.EPOLLIN)
        started = due = time.monotonic()
        while time.monotonic() - started < duration_s:
            while due <= time.monotonic():
                frame, place = divmod(self.sent, len(self.phones))
                sock, port = self.phones[place]
                head = _RTP.pack(0x80, 0, frame & 0xFFFF, frame * 160, place + 1)
                packet = head + _SENT_AT.pack(time.monotonic()) + _REST
                sock.sendto(packet, ("127.0.0.1", port))
                self.sent += 1
                due += FRAME_S / len(self.phones)
            for fd, _event in epoll.poll(max(0.0, min(0.001, due - time.monotonic()))):
                self._take(by_fd[fd])
        epoll.close()

    def _take(self, sock: socket.socket) -> None:
        try:
            while True:
                at = _SENT_AT.unpack_from(sock.recv(2048), _RTP.size)[0]
                self.delays_s.append(time.monotonic() - at)
        except BlockingIOError:
            pass


async def run(report: Report, options: Options) -> None:
    """Measure so many browsers' legs."""
    if not is_installed():
        report.notes.append(f"{PART}: skipped, aiortc is not installed")
        return
    ours, theirs = Side(), Side()
    try:
        for number in range(options.browsers):
            await _call(f"call-{number}", ours, theirs)
        talk = Talk(ours.phones + theirs.phones)
        before, began = cpu_s(ours.pid), time.monotonic()
        await asyncio.to_thread(talk.run, options.browsers_s)
        used_s, elapsed_s = cpu_s(ours.pid) - before, time.monotonic() - began
    finally:
        await ours.close()
        await theirs.close()
    delays_ms = sorted(1e3 * one for one in talk.delays_s)
    part, taken = f"{PART} {options.browsers} legs", len(delays_ms)
    p99_ms = delays_ms[taken * 99 // 100] if taken else float("inf")
    share = 100 * used_s / elapsed_s
    report.figures += [
        figure(part, "CPU per packet", "µs", [1e6 * used_s / max(1, taken)]),
        figure(part, "of a core", "%", [share]),
        figure(part, "packets that came", "%", [100 * taken / talk.sent]),
        figure(part, "delay p99 through two processes", "ms", [p99_ms], target=P99_TARGET_MS),
    ]


async def _call(session: str, ours: Side, theirs: Side) -> None:
    """One call between the two: ours offers."""
    ours.expect(session)
    theirs.expect(session)
    offered = await ours.client.describe(session, None)
    answered = await theirs.client.describe(session, offered.local)
    ours.client.answered(session, answered.local)
    await asyncio.gather(ours.connected(session), theirs.connected(session))
    ours.add_phone(session, offered.port)
    theirs.add_phone(session, answered.port)
