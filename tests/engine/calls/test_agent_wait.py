"""The wait for an operator by itself: how long, what ends it, and what the queue is told."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from engine.acd.queues import Queues
from engine.acd.waiting import Leave, Offer
from engine.calls.agent_ringer import AgentRinger, AgentsMissed
from engine.calls.agent_wait import AgentWait
from engine.calls.call_result import TurnedAway
from engine.calls.hangup_cause import HangupCause
from engine.calls.leg import Leg
from engine.calls.waiting_room import WaitingRoom
from engine.routing.dialplan import Destination
from tests.engine.calls.test_queue_place import Queue
from tests.engine.calls.test_waiting_room import answered
from tests.support.switchboard import Phone, scene
from tests.support.virtual_loop import run


@dataclass
class Rung:
    """Stands in for the operators of an offer: what comes of them is the test's to say."""

    leg: Leg
    answers: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    is_over: bool = False

    def ports(self) -> list[Any]:
        return []

    async def reach(self) -> Leg:
        if not await self.answers:
            raise AgentsMissed(self.leg, HangupCause("no_answer", "no answer"))
        return self.leg

    def over(self) -> None:
        self.is_over = True


class NoWish:
    def may_be_taken(self) -> bool:
        return False

    async def take(self) -> bool:
        return False


@dataclass
class Stage:
    wait: AgentWait
    queue: Queue
    rung: list[Rung]
    asked: list[Offer | Destination]
    told: list[str]
    caller: Phone

    async def offered(self, agent: str = "alice", *, answers: bool) -> None:
        """Somebody is offered, and answers or not after a second."""
        self.queue.offers(agent)
        await asyncio.sleep(1)
        self.rung[-1].answers.set_result(answers)
        await asyncio.sleep(0.01)


def play(tmp_path: Path, script: Callable[[Stage], Any], **options: Any) -> None:
    async def main() -> None:
        scenery = scene(tmp_path)
        queue, told, rung = Queue(), [], []
        asked: list[Offer | Destination] = []
        scenery.services.queues = cast(Queues, queue)
        leg, phone = await answered(scenery)
        assert scenery.services.rooms is not None
        room: WaitingRoom = scenery.services.rooms.of("sales")

        def ask(whom: Offer | Destination) -> AgentRinger:
            asked.append(whom)
            rung.append(Rung(leg))
            return cast(AgentRinger, rung[-1])

        wait = AgentWait(
            scenery.services, leg, room=room, who={"id": "call-1", "kind": "call", "queue": "sales",
            "joined_at": 5.0}, limit_s=60.0, ask=ask, wish=NoWish(),
            ringing=lambda: told.append("ringing"), waiting=lambda: told.append("waiting"),
            leaving=lambda: "abandoned", **options,
        )  # fmt: skip
        await script(Stage(wait, queue, rung, asked, told, phone))
        await leg.release()

    run(main())


def test_it_lasts_until_one_answers(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        waiting = asyncio.create_task(stage.wait.operator())
        await asyncio.sleep(10)
        await stage.offered(answers=False)
        await stage.offered("bert", answers=True)
        assert (await waiting) is stage.wait.answered_by
        assert stage.told == ["ringing", "waiting", "ringing"]
        assert stage.queue.told == ["join", "unanswered"]
        stage.wait.release_operators()
        assert stage.rung[-1].is_over

    play(tmp_path, script)


def test_its_limit_holds_over_several_operators(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        first = asyncio.create_task(stage.wait.operator())
        await asyncio.sleep(40)
        await stage.offered(answers=True)
        await first
        # He was lost before they were joined.
        began = asyncio.get_running_loop().time()
        with pytest.raises(TurnedAway) as turned_away:
            await stage.wait.operator()
        assert turned_away.value.result.word == "timeout"
        assert asyncio.get_running_loop().time() - began < 20
        assert stage.queue.waiting is not None and stage.queue.waiting.is_back
        assert stage.queue.told == ["join", "join", "leave: timeout"]

    play(tmp_path, script)


def test_cut_short_it_tells_the_queue_why(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        waiting = asyncio.create_task(stage.wait.operator())
        await asyncio.sleep(10)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert stage.queue.told == ["join", "leave: abandoned"]
        assert stage.wait.standing is None

    play(tmp_path, script)


def test_a_number_outside_may_take_it_or_not(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        for answers in (True, False):
            waiting = asyncio.create_task(stage.wait.operator())
            await asyncio.sleep(1)
            assert stage.queue.waiting is not None
            stage.queue.waiting.on_leave(Leave(reason="overflow", target="+442079460999"))
            await asyncio.sleep(1)
            stage.rung[-1].answers.set_result(answers)
            await asyncio.wait([waiting], timeout=1)
            if answers:
                assert waiting.result() is stage.wait.answered_by
            else:
                assert stage.queue.waiting.is_back, "in his old place"
                assert "+442079460999" in stage.queue.waiting.outside_tried
                assert stage.told[-1] == "waiting"
                waiting.cancel()
                await asyncio.wait([waiting])
        assert all(isinstance(whom, Destination) for whom in stage.asked)

    play(tmp_path, script)


def test_a_full_queue_is_a_farewell(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.queue.full = True
        with pytest.raises(TurnedAway):
            await stage.wait.operator()

    play(tmp_path, script)
