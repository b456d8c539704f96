"""The switch of the media worker on real sockets, with its clock in the test's hands."""

import random
import time
from types import SimpleNamespace
from unittest.mock import patch

from media.protocol import messages as m
from media.relay.implementation import Implementation
from media.rtp.outgoing_stream import FRAME_S
from media.rtp.telephone_event import PAYLOAD
from media.settings import MediaSettings
from media.worker.relay import Relay
from media.worker.switch import Switch
from tests.support.phones.wire.frames import FramePhone
from tests.support.ports import free_udp_range

HOST = "127.0.0.1"


class SwitchBench:
    """A switch, its phones and its reports. Nothing is read or sent but in `drain` and `tick`."""

    START_S = 1000.0

    def __init__(
        self,
        *,
        pairs: int = 6,
        timeout_s: float = 2.0,
        silence_s: float = 1.0,
        sleep_s: float = 0.0,
        implementation: Implementation | None = None,
    ) -> None:
        self.now = self.START_S
        clock = SimpleNamespace(monotonic=lambda: self.now, time=time.time)
        self._clocks = [
            patch("media.worker.switch.time", clock),
            patch("media.worker.announcing.clip_loading.time", clock),
            patch("media.worker.relay.monotonic", clock.monotonic),
            patch("media.worker.ports.listeners.monotonic", clock.monotonic),
            patch("media.worker.recording.recordings.monotonic", clock.monotonic),
        ]
        for one in self._clocks:
            one.start()
        first = free_udp_range(2 * pairs)[0]
        self.reports: list[m.Answer | m.Event] = []
        self.switch = Switch(
            MediaSettings(
                HOST, (first, first + 2 * pairs - 1), timeout_s, silence_s, 1.0, sleep_s=sleep_s
            ),
            self.reports.append,
            rng=random.Random(4),
            relay=Relay(implementation),
            wake=self.wake,
        )
        self.phones: list[FramePhone] = []
        self.addresses: dict[str, tuple[str, int]] = {}

    def open(self, leg: str) -> tuple[str, int]:
        """A leg without a phone. Returns its address."""
        self.switch.execute(m.Open(1, leg))
        opened = self.reports.pop()
        assert isinstance(opened, m.Opened)
        self.addresses[leg] = (opened.host, opened.port)
        return self.addresses[leg]

    def phone(self, leg: str, fill: int, **options: object) -> FramePhone:
        """A phone connected to a new leg."""
        phone = FramePhone(fill, **options)  # type: ignore[arg-type]
        self.phones.append(phone)
        self.open(leg)
        self.switch.execute(phone.describe(leg))
        return phone

    def wake(self) -> None:
        """A resting clock is to tick within a frame; here the test ticks."""

    def drain(self) -> None:
        """Read what has come."""
        while self.switch.relay.drain():
            pass
        for _ in range(20):
            self.switch.listeners.drain()

    def tick(self, frames: int = 1) -> None:
        """Let the time of this many frames pass."""
        for _ in range(frames):
            self.now += FRAME_S
            self.switch.tick(self.now)

    def stats(self, leg: str) -> m.LegStats:
        """The figures of a leg."""
        self.switch.execute(m.GetStats(1, leg))
        answer = self.reports.pop()
        assert isinstance(answer, m.Stats)
        assert answer.stats is not None
        return answer.stats

    def events(self, *kinds: type) -> list[object]:
        """The reports of these kinds so far."""
        return [report for report in self.reports if isinstance(report, kinds)]

    def close(self) -> None:
        """Close the sockets, and give the clocks back."""
        for one in self._clocks:
            one.stop()
        self.switch.close()
        for phone in self.phones:
            phone.close()


def converse(desk: SwitchBench, a: FramePhone, b: FramePhone, rounds: int) -> None:
    """The phones of the legs `a` and `b` send this many packets each, in turn."""
    for _ in range(rounds):
        a.talk(desk.addresses["a"])
        b.talk(desk.addresses["b"])
        desk.drain()


def key(code: int, packets: int = 4) -> list[bytes]:
    """The payloads of one key press, its end three times."""
    held = [PAYLOAD.pack(code, 10, 160 * (n + 1)) for n in range(packets)]
    return held + [PAYLOAD.pack(code, 0x8A, 160 * packets)] * 3
