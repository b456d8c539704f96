"""A media worker without a process, for engines whose test is about anything but sound.

It takes the place of WorkerClient: it gives out ports, accepts every command and counts its legs.
No packet is sent or received.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from media.errors import UnknownLeg
from media.protocol.messages import Connect, LegStats, Recorded, RecordingAt, WorkerCounters
from media.settings import MediaSettings
from media.sources import Source
from media.worker_client import Endpoint, Load


class QuietWorker:
    """One such worker; it answers at once and never dies."""

    def __init__(self, settings: MediaSettings, **_more: Any) -> None:
        first, last = settings.ports
        self._address = settings.address
        self._ports = itertools.cycle(range(first, last, 2))
        self._free = (last - first + 1) // 2
        self._legs: set[str] = set()
        self._plays = itertools.count(1)
        self.alive = False
        self.load = Load()

    @property
    def pid(self) -> int | None:
        """The process id of the engine, in which it lives."""
        return os.getpid() if self.alive else None

    async def start(self) -> None:
        self.alive = True

    async def stop(self) -> None:
        self.alive = False
        self._legs.clear()

    async def open(
        self, leg: str, *, beside: str | None = None, ports: tuple[int, int] | None = None
    ) -> Endpoint:
        self._legs.add(leg)
        return Endpoint(self._address, next(self._ports))

    def connect(self, peer: Connect) -> None: ...

    def hear(self, leg: str, source: Source) -> int:
        return next(self._plays)

    def announce(self, leg: str, source: Source, **_more: Any) -> int:
        return next(self._plays)

    def stop_announcement(self, leg: str, play: int) -> None: ...

    def signal(self, leg: str, source: object) -> None: ...

    def keep_ready(self, sources: object) -> None: ...

    def block_keys(self, leg: str, *, is_blocked: bool) -> None: ...
    def detect(self, leg: str, limits: object, phrases: object = None) -> None: ...
    def hear_words(self, leg: str, text: str | None, *, is_final: bool = True) -> None: ...
    def stop_detecting(self, leg: str) -> None: ...

    def bridge(self, a: str, b: str) -> None: ...

    def send_digits(self, leg: str, digits: str, **_more: Any) -> None: ...

    async def record(self, a: str, b: str, path: str, **_more: Any) -> None:
        self._known(a)

    async def stop_recording(self, a: str) -> Recorded:
        self._known(a)
        return Recorded(0, 0.0, 0)

    async def pause_recording(self, a: str, *, pauses: bool) -> RecordingAt:
        self._known(a)
        return RecordingAt(0, 0.0)

    async def close(self, leg: str) -> LegStats | None:
        if leg not in self._legs:
            return None
        self._legs.discard(leg)
        return LegStats()

    def discard(self, leg: str) -> None:
        self._legs.discard(leg)

    async def stats(self, leg: str) -> LegStats | None:
        return LegStats() if leg in self._legs else None

    async def counters(self) -> WorkerCounters:
        return WorkerCounters(legs=len(self._legs), ports_free=self._free - len(self._legs))

    def _known(self, leg: str) -> None:
        if leg not in self._legs:
            raise UnknownLeg(leg)


@contextmanager
def quiet_workers() -> Iterator[None]:
    """Engines made meanwhile have quiet workers in their pool."""
    with patch("media.worker_pool.WorkerClient", QuietWorker):
        yield
