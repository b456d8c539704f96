"""Several workers, and one of them dying."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from media.errors import UnknownLeg, WorkerFailed
from media.settings import MediaSettings
from media.sources import Hold, Ringing, Silence, Source, Tone
from media.watchdog import PERIOD_S
from media.worker_client import WorkerClient
from media.worker_pool import WorkerPool
from tests.support.media.worker import HOST
from tests.support.ports import free_udp_range
from tests.support.waiting import until


class Owner:
    """A pool of two and what it reported."""

    def __init__(self, *, watch_period_s: float = PERIOD_S) -> None:
        first = free_udp_range(16)[0]
        self.deaths: list[tuple[str, list[str]]] = []
        self.restarts = 0
        self.pool = WorkerPool(
            MediaSettings(HOST, (first, first + 15)),
            workers=2,
            on_event=lambda event: None,
            on_died=lambda reason, legs: self.deaths.append((reason, legs)),
            on_restarted=self.restarted,
            watch_period_s=watch_period_s,
        )

    def restarted(self) -> None:
        self.restarts += 1


@pytest.fixture
async def owner() -> AsyncIterator[Owner]:
    made = Owner()
    await made.pool.start()
    yield made
    await made.pool.stop()


async def test_calls_are_spread_and_kept_together(owner: Owner) -> None:
    pool = owner.pool
    for call in range(3):
        await pool.open(f"{call}a")
        await pool.open(f"{call}b", beside=f"{call}a")
    legs = sorted(counters.legs for counters in await pool.counters())
    assert legs == [2, 4]
    for call in range(3):
        assert await pool.close(f"{call}a") is not None
        assert await pool.close(f"{call}b") is not None
    assert await pool.close("0a") is None


async def test_workers_share_the_ports_without_overlap(owner: Owner) -> None:
    endpoints = [await owner.pool.open(str(number)) for number in range(8)]
    assert len({endpoint.port for endpoint in endpoints}) == 8


async def test_a_dead_worker_takes_its_legs_and_comes_back(owner: Owner) -> None:
    pool = owner.pool
    await pool.open("1a")
    await pool.open("1b", beside="1a")
    await pool.open("2a")
    victim = pool.pids[0]
    os.kill(victim, signal.SIGKILL)
    await until(lambda: owner.deaths)
    assert owner.deaths == [(f"media worker {victim}: killed by SIGKILL", ["1a", "1b"])]
    assert await pool.stats("1a") is None
    assert pool.hear("1a", Silence()) == 0
    with pytest.raises(UnknownLeg):
        await pool.record("1a", "1b", "/tmp/never.wav")
    assert await pool.stats("2a") is not None  # the other one is untouched
    await until(lambda: owner.restarts)
    assert len(pool.pids) == 2
    assert victim not in pool.pids
    await pool.open("3a")
    assert sorted(counters.legs for counters in await pool.counters()) == [1, 1]


async def test_a_hung_worker_is_killed_and_comes_back() -> None:
    owner = Owner(watch_period_s=0.2)
    pool = owner.pool
    await pool.start()
    try:
        await pool.open("1a")
        await pool.open("2a")
        victim = pool.pids[0]
        os.kill(victim, signal.SIGSTOP)
        pending = asyncio.ensure_future(pool.stats("1a"))
        await until(lambda: owner.deaths)
        reason = f"media worker {victim}: did not answer for 0.4 s and was killed"
        assert owner.deaths == [(reason, ["1a"])]
        assert await pending is None
        assert await pool.stats("2a") is not None  # idle as it was, the other one answered
        await until(lambda: owner.restarts)
        assert len(pool.pids) == 2
        assert victim not in pool.pids
    finally:
        await pool.stop()


async def test_stop_ends_all_and_restarts_none(owner: Owner) -> None:
    pids = owner.pool.pids
    os.kill(pids[0], signal.SIGKILL)
    await until(lambda: owner.deaths)
    await owner.pool.stop()
    assert owner.pool.pids == []
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    await asyncio.sleep(0)
    assert owner.restarts == 0


async def test_a_worker_that_is_started_again_has_the_same_sounds_ready(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Source, ...]] = []
    monkeypatch.setattr(WorkerClient, "keep_ready", lambda _client, sources: asked.append(sources))
    owner.pool.keep_ready([Hold(), Ringing("DE")])
    assert asked == [(Hold(), Ringing("DE"))] * 2
    os.kill(owner.pool.pids[0], signal.SIGKILL)
    await until(lambda: owner.restarts)
    assert asked == [(Hold(), Ringing("DE"))] * 3


async def test_start_fails_as_a_whole() -> None:
    pool = WorkerPool(
        MediaSettings("192.0.2.1", (4000, 4010)),
        workers=2,
        on_event=lambda event: None,
        on_died=lambda reason, legs: None,
    )
    with pytest.raises(WorkerFailed):
        await pool.start()
    assert pool.pids == []


async def test_a_leg_that_no_worker_has_hears_no_announcement(owner: Owner) -> None:
    assert owner.pool.announce("nobody", Silence()) == 0
    owner.pool.signal("nobody", Tone("620/60"))
