"""Media workers that outlive their engine, as the next one finds them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import pytest

from media.orphan_worker import WorkerMark, end, mark_of
from media.settings import MediaSettings
from media.sources import Hold
from media.worker_client import WorkerClient
from tests.support.phones.wire.frames import FramePhone
from tests.support.ports import free_udp_range
from tests.support.waiting import until

HOST = "127.0.0.1"
SPOKEN_FRAMES = 10


class Orphan:
    """A worker with a leg that talks, whose engine goes without a word."""

    def __init__(self, orphan_s: float) -> None:
        first = free_udp_range(8)[0]
        settings = MediaSettings(HOST, (first, first + 7), orphan_s=orphan_s)
        self.client = WorkerClient(settings, on_event=lambda _event: None, on_died=self._died)
        self.phone = FramePhone(0x11)

    def _died(self, reason: str) -> None:
        """The connection is lost."""

    async def begin(self) -> WorkerMark:
        """Start it; its mark."""
        await self.client.start()
        await self.client.open("a")
        self.client.connect(self.phone.describe("a"))
        self.client.hear("a", Hold())
        await until(self.phone.listen)
        assert self.client.pid is not None
        mark = mark_of(self.client.pid)
        assert mark is not None
        return mark

    def heard(self) -> int:
        """How many packets the phone has got."""
        self.phone.listen()
        return len(self.phone.heard)

    def lose_the_engine(self) -> None:
        """As the kernel does it: the socket is closed, and nothing was said."""
        assert self.client._connection is not None
        self.client._stopping = True
        transport = self.client._connection._transport
        assert transport is not None
        transport.abort()


@pytest.fixture
async def orphans() -> AsyncIterator[list[Orphan]]:
    made: list[Orphan] = []
    yield made
    for orphan in made:
        if orphan.client.pid is not None:
            process = orphan.client._process.popen
            assert process is not None
            process.kill()
            process.wait()
        orphan.phone.close()


async def test_it_carries_its_legs_on_and_ends_by_itself(orphans: list[Orphan]) -> None:
    orphan = Orphan(orphan_s=0.6)
    orphans.append(orphan)
    mark = await orphan.begin()
    began = time.monotonic()
    orphan.lose_the_engine()
    heard = orphan.heard()
    await until(lambda: orphan.heard() > heard + SPOKEN_FRAMES)
    process = orphan.client._process.popen
    assert process is not None
    await asyncio.to_thread(process.wait, 10)
    assert time.monotonic() - began >= 0.6
    assert mark_of(mark.pid) is None
    assert end(mark) is False


async def test_the_next_engine_ends_it(orphans: list[Orphan]) -> None:
    orphan = Orphan(orphan_s=600.0)
    orphans.append(orphan)
    mark = await orphan.begin()
    orphan.lose_the_engine()
    process = orphan.client._process.popen
    assert process is not None
    ending = asyncio.to_thread(end, mark)
    assert await ending is True
    assert process.wait(40) == 0


async def test_without_legs_it_ends_with_its_engine(orphans: list[Orphan]) -> None:
    orphan = Orphan(orphan_s=600.0)
    orphans.append(orphan)
    await orphan.client.start()
    orphan.lose_the_engine()
    process = orphan.client._process.popen
    assert process is not None
    assert await asyncio.to_thread(process.wait, 10) == 0


async def test_a_stop_ends_it_at_once(orphans: list[Orphan]) -> None:
    orphan = Orphan(orphan_s=600.0)
    orphans.append(orphan)
    mark = await orphan.begin()
    await orphan.client.stop()
    assert mark_of(mark.pid) is None


def test_other_processes_are_left_alone() -> None:
    assert mark_of(os.getpid()) is None
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        try:
            assert mark_of(other.pid) is None
            assert end(WorkerMark(other.pid, 1)) is False
            assert other.poll() is None
        finally:
            other.send_signal(signal.SIGKILL)
    assert mark_of(other.pid) is None
