"""Courses go on by themselves: what is asked of the engine for it, and who is told."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from ringback_client import EngineError
from tests.support.virtual_loop import run
from web.errors import Refusal
from web.uncalled.course_player import HABITS_HOLD_S, CoursePlayer
from web.uncalled.courses import Plan
from web.uncalled.uncalled_requests import UncalledRequests, party_of

PLAN: Plan = {
    "would_be_due": None, "order": "agent_first", "whispers": False, "ring_s": 20.0, "attempts": 1,
    "spacing_s": [],
}  # fmt: skip
PARAMS = {"to": "020 7946 0123", "region": "GB", "deadline": 9e9, "context": {}}
SALES = {"queue": "sales"}
BUSY = {"agents_free": 0, "open": True, "waiting_since": None}


class Stage:
    """A player whose engine says what the test sets."""

    def __init__(self) -> None:
        self.says: Any = BUSY
        self.asked: list[str] = []
        self.pages: list[dict[str, Any]] = [{"jobs": [], "cursor": None}]
        self.cursors: list[str | None] = []
        self.told: list[str] = []
        self.uncalled = UncalledRequests()
        self.player = CoursePlayer(self.uncalled, self.call, self.told.append)

    async def call(self, method: str, **params: Any) -> Any:
        self.asked.append(method)
        if method == "callback.list":
            self.cursors.append(params["cursor"])
            return self.pages[min(len(self.cursors), len(self.pages)) - 1]
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def add(self, name: str, **party: Any) -> None:
        self.uncalled.add(name, PARAMS | party, PLAN)
        self.player.stir(party_of(party))

    def state(self, name: str) -> str:
        return str((self.uncalled.find(name) or {})["state"])


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(1_790_000_000.0, tick=False) as traveller:
        yield traveller


def test_a_course_begins_once_an_agent_is_free_and_each_step_is_told(
    clock: time_machine.Traveller,
) -> None:
    async def script() -> None:
        stage = Stage()
        playing = asyncio.create_task(stage.player.play())
        await asyncio.sleep(5)
        assert stage.asked == []  # nobody waits
        stage.add("a", **SALES)
        await asyncio.sleep(HABITS_HOLD_S - 1)
        assert stage.state("a") == "queued"
        assert stage.asked.count("callback.list") == 1
        assert stage.asked.count("queue.availability") == pytest.approx(HABITS_HOLD_S, abs=2)
        stage.says = BUSY | {"agents_free": 1}
        await asyncio.sleep(1.1)
        assert stage.state("a") == "dialing_agent"
        stage.told.clear()
        asked = len(stage.asked)
        await asyncio.sleep(40)
        assert stage.state("a") == "failed"
        assert len(stage.told) >= 2  # the phone, the end
        assert len(stage.asked) == asked
        playing.cancel()

    run(script(), clock.shift)


def test_a_request_is_looked_at_when_it_comes_and_when_one_is_over(
    clock: time_machine.Traveller,
) -> None:
    async def script() -> None:
        stage = Stage()
        stage.says = BUSY | {"agents_free": 1}
        playing = asyncio.create_task(stage.player.play())
        for name in ("a", "b"):
            stage.add(name, **SALES)
            await asyncio.sleep(0.05)
        assert [stage.state(name) for name in ("a", "b")] == ["dialing_agent", "queued"]
        stage.uncalled.cancel("a")
        stage.player.stir_all()
        await asyncio.sleep(1.5)
        assert [stage.state(name) for name in ("a", "b")] == ["cancelled", "dialing_agent"]
        playing.cancel()

    run(script(), clock.shift)


@pytest.mark.parametrize(
    ("says", "party", "state"),
    [
        (EngineError("not_found", "no", "agent", {}), {"agent": "sip:x"}, "dialing_agent"),
        ({"free": True, "open": True}, {"agent": "alice"}, "dialing_agent"),
        ({"free": True, "open": False}, {"agent": "alice"}, "queued"),
        (EngineError("not_found", "no", "queue", {}), SALES, "queued"),
        (Refusal(503, "engine"), SALES, "queued"),
    ],
)
def test_who_is_there_is_what_the_engine_says(
    clock: time_machine.Traveller, says: Any, party: dict[str, Any], state: str
) -> None:
    async def script() -> None:
        stage = Stage()
        stage.says = says
        playing = asyncio.create_task(stage.player.play())
        stage.add("a", **party)
        await asyncio.sleep(0.1)
        assert stage.state("a") == state
        assert time.time() > 0
        playing.cancel()

    run(script(), clock.shift)


def call_of(seconds: float) -> dict[str, Any]:
    """A callback whose customer did not answer for so long."""
    leg = {
        "role": "customer", "started": 10.0, "ringing": 11.0, "answered": None,
        "ended": 10.0 + seconds,
    }  # fmt: skip
    attempt = {"result": "no_answer", "legs": [leg]}
    return {"attempts": [attempt]}


@pytest.mark.parametrize(
    ("jobs", "cursors"),
    [
        ([[], [], [call_of(33.0)]], [None, "1", "2"]),  # those of other clients come first
        ([[call_of(33.0)] * 10, [call_of(44.0)]], [None]),
        ([[call_of(33.0)], [call_of(33.0)] * 9, [call_of(44.0)]], [None, "1"]),
        ([[]] * 9, [None, "1", "2", "3", "4"]),
    ],
)
def test_habits_are_those_of_the_latest_callbacks_of_the_gateway_itself(
    clock: time_machine.Traveller, jobs: list[list[dict[str, Any]]], cursors: list[str | None]
) -> None:
    async def script() -> None:
        stage = Stage()
        stage.pages = [{"jobs": one, "cursor": str(n + 1)} for n, one in enumerate(jobs)]
        stage.pages[-1]["cursor"] = None
        playing = asyncio.create_task(stage.player.play())
        stage.add("a", **SALES)
        await asyncio.sleep(0.1)
        assert stage.cursors == cursors
        (_since, habits) = stage.player._habits[party_of(SALES)]
        assert set(habits.unanswered_s) == ({33.0} if any(jobs) else set())
        playing.cancel()

    run(script(), clock.shift)
