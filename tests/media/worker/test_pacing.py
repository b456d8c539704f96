"""Draining at every packet with few calls, at fixed times with many."""

import asyncio
import os
from collections.abc import Callable
from typing import cast

from media.worker.pacing import POLL_OFTEN_S, POLL_S, RelayPacing
from tests.support.waiting import until


class Traffic:
    """Stands in for the relay: a pipe that is readable, and packets to be had."""

    def __init__(self) -> None:
        self.reads, self.writes = os.pipe()
        self.drains = 0
        self.packets = 0

    def fileno(self) -> int:
        return self.reads

    def drain(self) -> int:
        self.drains += 1
        return self.packets


class TimersOnly:
    """Stands in for the loop: keeps the reader and the one timer for the test to fire."""

    def __init__(self) -> None:
        self.delay_s = 0.0

    def add_reader(self, _fd: int, callback: Callable[[], None]) -> None:
        self.readable = callback

    def remove_reader(self, _fd: int) -> None:
        """Nothing to do."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> object:
        self.delay_s, self._due = delay_s, callback
        return self

    def fire(self) -> float:
        """Let the time come; the delay it was set to."""
        delay_s = self.delay_s
        self._due()
        return delay_s


async def test_it_polls_under_load_and_stops_polling_after_it() -> None:
    traffic = Traffic()
    loop = asyncio.get_running_loop()
    pacing = RelayPacing(loop, traffic)
    os.write(traffic.writes, b"x")
    await until(lambda: traffic.drains >= 40)
    assert not pacing.polling
    pacing.frame()
    assert pacing.polling
    traffic.packets = 50
    before, started = traffic.drains, loop.time()
    await until(lambda: traffic.drains >= before + 10)
    assert loop.time() - started >= 9 * POLL_S
    pacing.frame()
    assert pacing.polling
    os.read(traffic.reads, 1)
    traffic.packets = 0
    pacing.frame()
    assert not pacing.polling
    quiet = traffic.drains
    os.write(traffic.writes, b"x")
    await until(lambda: traffic.drains > quiet)
    pacing.stop()
    os.close(traffic.reads)
    os.close(traffic.writes)


def test_very_many_packets_are_drained_more_often() -> None:
    loop = TimersOnly()
    traffic = Traffic()
    pacing = RelayPacing(cast(asyncio.AbstractEventLoop, loop), traffic)
    for _ in range(40):
        loop.readable()
    pacing.frame()
    assert loop.fire() == POLL_S
    for packets, delay_s in ((700, POLL_OFTEN_S), (100, POLL_S)):
        traffic.packets = packets
        loop.fire()
        pacing.frame()
        traffic.packets = 0
        loop.fire()
        assert loop.delay_s == delay_s
    os.close(traffic.reads)
    os.close(traffic.writes)
