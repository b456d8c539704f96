"""The wait for an agent by itself: how long, what ends it, and what the queue learns."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import pytest

from engine.acd.agents import AgentRegistry
from engine.acd.queues import Queues
from engine.acd.waiting import Leave, Offer, Waiting
from engine.calls import agent_wait
from engine.calls.agent_ringer import AgentsMissed
from engine.calls.agent_wait import AgentWait, QueueMembership, SentAway, WaitPlan
from engine.calls.call_result import TurnedAway
from engine.calls.hangup_cause import HangupCause
from engine.calls.leg import Leg
from engine.errors import EngineError
from engine.routing.targets.destination import Destination
from tests.support.legs import dial, leg_to
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene, run_scene, scene
from tests.support.scripted_flow import ScriptedFlow
from tests.support.virtual_loop import run


class Queue:
    """Stands in for the queues: one party that waits, and what the queue learned of it."""

    def __init__(self, *, full: bool = False) -> None:
        self.full = full
        self.waiting: Waiting | None = None
        self.seen: list[str] = []

    def join(self, waiting: Waiting) -> None:
        if self.full:
            raise EngineError("unavailable", "the queue is full")
        self.waiting = waiting
        self.seen.append("join")

    def leave(self, _id: str, reason: str, *, held_for: str | None = None) -> None:
        self.seen.append(f"leave: {reason}")

    def unanswered(self, _offer: Offer) -> None:
        self.seen.append("unanswered")

    def offers(self, agent: str) -> Offer:
        """Let an agent be free."""
        assert self.waiting is not None
        offer = Offer(waiting=self.waiting, queue="sales", agents=(agent,), ring_s=20.0)
        self.waiting.on_offer(offer)
        return offer


@dataclass
class Rung:
    """Stands in for the agents of an offer: the test says whether they answer."""

    leg: Leg
    answers: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    is_over: bool = False

    def ports(self) -> list[Any]:
        return []

    async def ring(self) -> Leg:
        if not await self.answers:
            raise AgentsMissed(self.leg, HangupCause("no_answer", "no answer"))
        return self.leg

    def release_agents(self) -> None:
        self.is_over = True


class NoCallback:
    def can_call_back(self) -> bool:
        return False

    async def request_callback(self) -> bool:
        return False

    @property
    def waits_as(self) -> str | None:
        return None


@dataclass
class Stage:
    wait: AgentWait
    queue: Queue
    rung: list[Rung]
    asked: list[Offer | Destination]
    seen: list[str]
    caller: ScriptedPhone

    async def offered(self, agent: str = "alice", *, answers: bool) -> None:
        """Somebody is offered, and answers or not after a second."""
        self.queue.offers(agent)
        await asyncio.sleep(1)
        self.rung[-1].answers.set_result(answers)
        await asyncio.sleep(0.01)


def run_wait(tmp_path: Path, script: Callable[[Stage], Any], **options: Any) -> None:
    """Run a script with the wait of a caller in queue sales, who has answered."""

    async def with_wait(scenery: Scene) -> None:
        queue, rung = Queue(), []
        asked: list[Offer | Destination] = []
        scenery.services.queues = cast(Queues, queue)
        leg = leg_to(scenery)
        phone = await dial(scenery, leg)
        flow = ScriptedFlow(scenery)

        class Ringer:
            @staticmethod
            def of(
                _services: object, _flow: object, whom: Offer | Destination, beside: Leg
            ) -> Rung:
                assert beside is leg
                asked.append(whom)
                rung.append(Rung(leg))
                return rung[-1]

        waiting = {"id": "call-1", "kind": "call", "queue": "sales", "joined_at": 5.0}
        wait = AgentWait(
            scenery.services,
            flow,
            leg,
            room=scenery.services.rooms.of("sales"),
            plan=WaitPlan(waiting=waiting, limit_s=60.0, **options),
            callback=NoCallback(),
            observer=flow,
        )
        with patch.object(agent_wait, "AgentRinger", Ringer):
            await script(Stage(wait, queue, rung, asked, flow.seen, phone))
        await leg.release()
        scenery.services.registry.legs.clear()

    run_scene(tmp_path, with_wait)


def test_the_wait_lasts_until_an_agent_answers(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        waiting = asyncio.create_task(stage.wait.answering_agent())
        await asyncio.sleep(10)
        await stage.offered(answers=False)
        await stage.offered("bert", answers=True)
        assert (await waiting) is stage.wait.answered_by
        assert stage.seen == ["ringing", "waiting", "ringing"]
        assert stage.queue.seen == ["join", "unanswered"]
        stage.wait.release_agents()
        assert stage.rung[-1].is_over

    run_wait(tmp_path, script)


def test_the_limit_holds_over_several_agents(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        first = asyncio.create_task(stage.wait.answering_agent())
        await asyncio.sleep(40)
        await stage.offered(answers=True)
        await first
        # The agent was lost before the two were joined.
        began = asyncio.get_running_loop().time()
        with pytest.raises(TurnedAway) as turned_away:
            await stage.wait.answering_agent()
        assert turned_away.value.result.word == "timeout"
        assert asyncio.get_running_loop().time() - began < 20
        assert stage.queue.waiting is not None and stage.queue.waiting.is_back
        assert stage.queue.seen == ["join", "join", "leave: timeout"]

    run_wait(tmp_path, script)


def test_a_cancelled_wait_leaves_the_queue_with_its_reason(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        waiting = asyncio.create_task(stage.wait.answering_agent())
        await asyncio.sleep(10)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert stage.queue.seen == ["join", "leave: abandoned"]
        assert stage.wait.position is None

    run_wait(tmp_path, script)


def test_an_outside_number_may_answer_or_not(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        for answers in (True, False):
            waiting = asyncio.create_task(stage.wait.answering_agent())
            await asyncio.sleep(1)
            assert stage.queue.waiting is not None
            stage.queue.waiting.on_leave(Leave(reason="overflow", target="+442079460999"))
            await asyncio.sleep(1)
            stage.rung[-1].answers.set_result(answers)
            await asyncio.wait([waiting], timeout=1)
            if answers:
                assert waiting.result() is stage.wait.answered_by
            else:
                assert stage.queue.waiting.is_back, "in its old position"
                assert "+442079460999" in stage.queue.waiting.outside_tried
                assert stage.seen[-1] == "waiting"
                waiting.cancel()
                await asyncio.wait([waiting])
        assert all(isinstance(whom, Destination) for whom in stage.asked)

    run_wait(tmp_path, script)


def test_a_full_queue_turns_the_party_away(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.queue.full = True
        with pytest.raises(TurnedAway):
            await stage.wait.answering_agent()

    run_wait(tmp_path, script)


# -- the queue membership of the party -----------------------------------------------------------


def member(stage: Scene, queue: Queue) -> QueueMembership:
    stage.services.queues = cast(Queues, queue)
    return QueueMembership(stage.services, id="call-1", kind="call", queue="sales", joined_at=5.0)


def play_membership(tmp_path: Path, script: Any, **options: Any) -> None:
    async def main() -> None:
        stage, queue = scene(tmp_path), Queue(**options)
        await script(member(stage, queue), queue)

    run(main())


def test_an_answered_offer_ends_the_membership(tmp_path: Path) -> None:
    async def script(membership: QueueMembership, queue: Queue) -> None:
        with membership:
            asyncio.get_running_loop().call_later(3, queue.offers, "alice")
            offer = await membership.next_offer()
            assert offer.agents == ("alice",)
            membership.offer_answered()
        assert queue.seen == ["join"]

    play_membership(tmp_path, script)


def test_a_missed_offer_keeps_the_position(tmp_path: Path) -> None:
    async def script(membership: QueueMembership, queue: Queue) -> None:
        with membership:
            queue.offers("alice")
            await membership.next_offer()
            membership.offer_missed()
            queue.offers("bert")
            assert (await membership.next_offer()).agents == ("bert",)
            assert queue.waiting is not None
            assert queue.waiting.joined_at == 5.0
        assert queue.seen == ["join", "unanswered", "leave: hung_up"]

    play_membership(tmp_path, script)


def test_a_cancelled_wait_misses_no_offer(tmp_path: Path) -> None:
    async def script(membership: QueueMembership, queue: Queue) -> None:
        with membership:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3):
                    await membership.next_offer()
            queue.offers("alice")
            assert (await membership.next_offer()).agents == ("alice",)
            membership.offer_answered()

    play_membership(tmp_path, script)


def test_a_party_that_hangs_up_leaves_the_queue(tmp_path: Path) -> None:
    async def script(membership: QueueMembership, queue: Queue) -> None:
        async def waits() -> None:
            with membership:
                await membership.next_offer()

        waiting = asyncio.create_task(waits())
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert queue.seen == ["join", "leave: hung_up"]
        # An offer that crossed it finds no party; leaving the queue frees its agents.
        queue.offers("alice")

    play_membership(tmp_path, script)


def test_the_queue_sends_the_party_away(tmp_path: Path) -> None:
    async def script(membership: QueueMembership, queue: Queue) -> None:
        with pytest.raises(SentAway) as away, membership:
            assert queue.waiting is not None
            queue.waiting.on_leave(Leave(reason="overflow", target="+442079460999"))
            await membership.next_offer()
        assert away.value.leave.target == "+442079460999"
        assert queue.seen == ["join"]

    play_membership(tmp_path, script)


def test_a_queue_that_does_not_admit_the_party_is_not_left(tmp_path: Path) -> None:
    async def script(membership: QueueMembership, queue: Queue) -> None:
        with pytest.raises(EngineError, match="full"), membership:
            raise AssertionError("never inside")
        assert queue.seen == []

    play_membership(tmp_path, script, full=True)


class Pool:
    """Stands in for the agents: which were freed."""

    def __init__(self) -> None:
        self.released: list[tuple[str, str]] = []

    def release(self, name: str, work: str) -> None:
        self.released.append((name, work))


def test_leaving_with_an_offer_that_was_not_rung_frees_its_agents(tmp_path: Path) -> None:
    async def main() -> None:
        for is_taken in (False, True):
            stage, queue, pool = scene(tmp_path), Queue(), Pool()
            stage.services.agents = cast(AgentRegistry, pool)
            held = member(stage, queue)
            with held:
                held.reason = "abandoned"
                queue.offers("alice")
                if is_taken:
                    await held.next_offer()
            assert queue.seen == ["join", "leave: abandoned"]
            assert pool.released == [("alice", "call-1")]

    run(main())
