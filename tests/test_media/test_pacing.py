"""Draining at every packet with few calls, every millisecond with many."""

import asyncio
import os

from media.pacing import POLL_S, RelayPacing

from .waiting import until


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
