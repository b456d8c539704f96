"""What is told of the availability, and how often the engine is asked."""

import asyncio
from typing import Any, cast

import pytest

from config.sites import Site
from tests.support.sites import site
from web.availability import HOLDS_S, Availabilities
from web.callback_service import CallbackService
from web.errors import Refusal

HOUR, DAY = 3600.0, 86400.0


class Engine:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.uncalled: list[float] = []

    def due_uncalled(self, _site: Site) -> list[float]:
        return self.uncalled

    async def availability(self, _site: Site) -> dict[str, Any]:
        self.asked += 1
        return {
            "open": False, "agents_free": 0, "expected_wait_s": None, "opens_at": HOUR,
            "slots": [{"start": HOUR, "end": 2 * HOUR, "left": 1}],
        }  # fmt: skip


async def test_the_engine_is_asked_once_in_a_while() -> None:
    engine, now = Engine(), [0.0]
    found = Availabilities(cast(CallbackService, engine), lambda: now[0])
    first = await found.of(site(slot_min=60))
    assert first["slots"] == [{"from": HOUR, "to": 2 * HOUR}]
    assert (first["open"], first["opens_at"]) == (False, HOUR)
    assert await found.of(site()) is first
    assert engine.asked == 1
    now[0] += HOLDS_S + 0.1
    await found.of(site())
    assert engine.asked == 2
    found.forget(site())  # a slot was taken
    await found.of(site())
    assert engine.asked == 3


class SlowEngine(Engine):
    """Answers what `answers` says, once `may_answer` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()
        self.refusal: Refusal | None = None

    async def availability(self, site: Site) -> dict[str, Any]:
        found = await super().availability(site)
        found["agents_free"] = self.asked
        await self.may_answer.wait()
        if self.refusal is not None:
            raise self.refusal
        return found


async def asked_by_five(found: Availabilities) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(found.of(site())) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_pages_that_ask_at_once_are_one_question_to_the_engine() -> None:
    engine = SlowEngine()
    found = Availabilities(cast(CallbackService, engine), lambda: 0.0)
    tasks = await asked_by_five(found)
    tasks[0].cancel()  # the first has gone, and the others wait on
    engine.may_answer.set()
    answers = await asyncio.gather(*tasks[1:])
    assert (engine.asked, len(answers)) == (1, 4)
    assert all(one is answers[0] for one in answers)


async def test_an_answer_from_before_a_slot_was_taken_is_not_kept() -> None:
    engine = SlowEngine()
    found = Availabilities(cast(CallbackService, engine), lambda: 0.0)
    early = await asked_by_five(found)
    found.forget(site())
    late = await asked_by_five(found)
    engine.may_answer.set()
    await asyncio.gather(*early, *late)
    assert [one.result()["agents_free"] for one in (early[0], late[0])] == [1, 2]
    assert (await found.of(site()))["agents_free"] == 2


async def test_an_engine_that_is_gone_is_asked_again_by_the_next() -> None:
    engine = SlowEngine()
    engine.refusal = Refusal(503, "engine")
    engine.may_answer.set()
    found = Availabilities(cast(CallbackService, engine), lambda: 0.0)
    told = await asyncio.gather(*await asked_by_five(found), return_exceptions=True)
    assert (engine.asked, {str(one) for one in told}) == (1, {"engine"})
    with pytest.raises(Refusal):
        await found.of(site())
    assert engine.asked == 2


class Agent(Engine):
    """Says what the engine does of an agent."""

    async def availability(self, site: Site) -> dict[str, Any]:
        shared = await super().availability(site)
        return {"open": True, "free": True, "opens_at": None, "slots": shared["slots"]}


async def test_the_slots_of_one_agent_are_theirs() -> None:
    engine = Agent()
    found = await Availabilities(cast(CallbackService, engine)).of(site(queue="", agent="alice"))
    assert found == {
        "open": True, "agents_free": 1, "expected_wait_s": None, "opens_at": None,
        "refusal": None, "slots": [{"from": HOUR, "to": 2 * HOUR}],
    }  # fmt: skip


async def test_requests_that_are_not_called_have_their_places_in_slots() -> None:
    engine = Engine()
    engine.uncalled = [HOUR - 1, 2 * HOUR]
    assert len((await Availabilities(cast(CallbackService, engine)).of(site()))["slots"]) == 1
    engine.uncalled = [HOUR]
    assert (await Availabilities(cast(CallbackService, engine)).of(site()))["slots"] == []


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"open": True, "opens_at": None, "hours": None}, None),
        ({"open": False, "opens_at": HOUR, "hours": [{"opens": HOUR, "closes": DAY}]}, "closed"),
        ({"open": False, "opens_at": None, "hours": []}, "closed_now"),
        ({"open": False, "opens_at": None, "hours": None}, "busy"),
        ({"open": False, "opens_at": None, "hours": [{"opens": 0.0, "closes": DAY}]}, "busy"),
    ],
)
async def test_why_a_callback_for_now_may_be_refused(
    said: dict[str, Any], refusal: str | None
) -> None:
    class Says(Engine):
        async def availability(self, site: Site) -> dict[str, Any]:
            return await super().availability(site) | said

    found = await Availabilities(cast(CallbackService, Says())).of(site())
    assert found["refusal"] == refusal
