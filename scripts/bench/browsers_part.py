"""What the sound of browsers costs: ICE, DTLS-SRTP and plain RTP in the WebRTC process.

Two such processes call each other, one as the engine's, the other as all the browsers. The phones
of the load peer speak plain RTP with both, so a packet passes two of them: the delay here is that
of both. The kernel says when a packet came, so that the load peer's own delay is not in it.
"""

import asyncio
import time
from typing import Any, Final

from media.webrtc.messages import IceServers, StateChanged
from media.webrtc_client import WebRtcClient, is_installed
from scripts.load.driver import LoadPeerProcess

from .options import Options
from .processes import cpu_s
from .report import Report, figure

PART: Final = "browsers"
SETUP_S: Final = 60.0
SETTLE_S: Final = 1.0
P99_TARGET_MS: Final = 8.0
DISCARD: Final = 9
"""The port to which RTCP goes, of which there is none here."""
Address = tuple[str, int]


class Side:
    """One WebRTC process."""

    def __init__(self) -> None:
        self._states: dict[str, asyncio.Event] = {}
        self.client = WebRtcClient(IceServers(), self._changed)

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

    @property
    def pid(self) -> int:
        """The process."""
        pid = self.client.pid
        assert pid is not None
        return pid


async def run(report: Report, options: Options) -> None:
    """Measure so many browsers' legs."""
    if not is_installed():
        report.notes.append(f"{PART}: skipped, aiortc is not installed")
        return
    ours, theirs = Side(), Side()
    try:
        with LoadPeerProcess() as peer:
            asked = peer.ask("phones", count=2 * options.browsers)
            phones = [(host, port) for host, port in asked]
            pairs = [
                await _call(f"call-{number}", (ours, phones[2 * number]),
                            (theirs, phones[2 * number + 1]))
                for number in range(options.browsers)
            ]  # fmt: skip
            peer.ask("feed", pairs=pairs)
            window, packet_us, share = await asyncio.to_thread(
                _measure, peer, ours.pid, options.browsers_s
            )
    finally:
        await ours.client.close()
        await theirs.client.close()
    part = f"{PART} {options.browsers} legs"
    add = report.figures.append
    add(figure(part, "CPU per packet", "µs", [packet_us]))
    add(figure(part, "of a core", "%", [share], target=100.0))
    add_heard(report, part, " through two processes", window)


def add_heard(report: Report, part: str, way: str, window: dict[str, Any]) -> None:
    """How much of what was said in a window came, and how late."""
    add = report.figures.append
    came = 100 * window["heard"] / max(1, window["sent"])
    add(figure(part, "packets that came", "%", [came]))
    for name, target in (("p50", None), ("p99", P99_TARGET_MS), ("max", None)):
        value = [window[f"delay_{name}_ms"]]
        add(figure(part, f"delay {name}{way}", "ms", value, target=target))


def _measure(peer: LoadPeerProcess, pid: int, duration_s: float) -> tuple[Any, float, float]:
    """What the load peer heard; our CPU time for a packet in µs; our share of a core in percent."""
    time.sleep(SETTLE_S)
    heard, began = peer.ask("stats")["heard_from_partner"], time.monotonic()
    used_s = cpu_s(pid)
    window = peer.ask("window", s=duration_s)
    used_s, elapsed_s = cpu_s(pid) - used_s, time.monotonic() - began
    heard = peer.ask("stats")["heard_from_partner"] - heard
    return window, 1e6 * used_s / max(1, heard), 100 * used_s / elapsed_s


async def _call(
    session: str, ours: tuple[Side, Address], theirs: tuple[Side, Address]
) -> tuple[Address, Address]:
    """One call between the two, and a phone at each: ours offers. Where the phones send to."""
    sides = ours[0], theirs[0]
    for side in sides:
        side.expect(session)
    offered = await sides[0].client.describe(session, None)
    answered = await sides[1].client.describe(session, offered.local)
    sides[0].client.answered(session, answered.local)
    await asyncio.gather(*(side.connected(session) for side in sides))
    for side, (host, port) in (ours, theirs):
        side.client.connect(session, host, port, DISCARD)
    return ("127.0.0.1", offered.port), ("127.0.0.1", answered.port)
