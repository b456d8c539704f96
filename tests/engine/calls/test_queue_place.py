"""A place in a queue: taken on entering, left on the way out whatever happens."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from engine.acd.agents import AgentRegistry
from engine.acd.queues import Queues
from engine.acd.waiting import Leave, Offer, Waiting
from engine.calls.queue_place import QueuePlace, SentAway
from engine.errors import EngineError
from tests.support.switchboard import Scene, scene
from tests.support.virtual_loop import run


class Queue:
    """Stands in for the queues: one who waits, and what was said of him."""

    def __init__(self, *, full: bool = False) -> None:
        self.full = full
        self.waiting: Waiting | None = None
        self.told: list[str] = []

    def join(self, waiting: Waiting) -> None:
        if self.full:
            raise EngineError("unavailable", "the queue is full")
        self.waiting = waiting
        self.told.append("join")

    def leave(self, _id: str, reason: str) -> None:
        self.told.append(f"leave: {reason}")

    def unanswered(self, _offer: Offer) -> None:
        self.told.append("unanswered")

    def offers(self, agent: str) -> Offer:
        """Let an agent be free."""
        assert self.waiting is not None
        offer = Offer(waiting=self.waiting, queue="sales", agents=(agent,), ring_s=20.0)
        self.waiting.on_offer(offer)
        return offer


def place(stage: Scene, queue: Queue) -> QueuePlace:
    stage.services.queues = cast(Queues, queue)
    return QueuePlace(stage.services, id="call-1", kind="call", queue="sales", joined_at=5.0)


def play(tmp_path: Path, script: Any, **options: Any) -> None:
    async def main() -> None:
        stage, queue = scene(tmp_path), Queue(**options)
        await script(place(stage, queue), queue)

    run(main())


def test_an_offer_ends_the_wait_and_a_won_place_is_not_left_again(tmp_path: Path) -> None:
    async def script(place: QueuePlace, queue: Queue) -> None:
        with place:
            asyncio.get_running_loop().call_later(3, queue.offers, "alice")
            offer = await place.offer()
            assert offer.agents == ("alice",)
            place.won()
        assert queue.told == ["join"]

    play(tmp_path, script)


def test_one_whom_nobody_answered_waits_on_in_his_place(tmp_path: Path) -> None:
    async def script(place: QueuePlace, queue: Queue) -> None:
        with place:
            queue.offers("alice")
            await place.offer()
            place.again()
            queue.offers("bert")
            assert (await place.offer()).agents == ("bert",)
            assert queue.waiting is not None
            assert queue.waiting.joined_at == 5.0
        assert queue.told == ["join", "unanswered", "leave: hung_up"]

    play(tmp_path, script)


def test_a_wait_that_was_cut_short_misses_no_offer(tmp_path: Path) -> None:
    async def script(place: QueuePlace, queue: Queue) -> None:
        with place:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3):
                    await place.offer()
            queue.offers("alice")
            assert (await place.offer()).agents == ("alice",)
            place.won()

    play(tmp_path, script)


def test_whoever_hangs_up_leaves(tmp_path: Path) -> None:
    async def script(place: QueuePlace, queue: Queue) -> None:
        async def waits() -> None:
            with place:
                await place.offer()

        waiting = asyncio.create_task(waits())
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert queue.told == ["join", "leave: hung_up"]
        # An offer that crossed it finds nobody; whoever leaves frees its operators.
        queue.offers("alice")

    play(tmp_path, script)


def test_the_queue_sends_away(tmp_path: Path) -> None:
    async def script(place: QueuePlace, queue: Queue) -> None:
        with pytest.raises(SentAway) as away, place:
            assert queue.waiting is not None
            queue.waiting.on_leave(Leave(reason="overflow", target="+442079460999"))
            await place.offer()
        assert away.value.leave.target == "+442079460999"
        assert queue.told == ["join"]

    play(tmp_path, script)


def test_a_queue_that_takes_nobody_is_not_left(tmp_path: Path) -> None:
    async def script(place: QueuePlace, queue: Queue) -> None:
        with pytest.raises(EngineError, match="full"), place:
            raise AssertionError("never inside")
        assert queue.told == []

    play(tmp_path, script, full=True)


class Pool:
    """Stands in for the agents: who was set free."""

    def __init__(self) -> None:
        self.released: list[tuple[str, str]] = []

    def release(self, name: str, work: str) -> None:
        self.released.append((name, work))


def test_whoever_leaves_with_an_offer_that_nobody_rang_frees_its_operators(tmp_path: Path) -> None:
    async def main() -> None:
        for is_taken in (False, True):
            stage, queue, pool = scene(tmp_path), Queue(), Pool()
            stage.services.agents = cast(AgentRegistry, pool)
            held = place(stage, queue)
            with held:
                held.reason = "abandoned"
                queue.offers("alice")
                if is_taken:
                    await held.offer()
            assert queue.told == ["join", "leave: abandoned"]
            assert pool.released == [("alice", "call-1")]

    run(main())
