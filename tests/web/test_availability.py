"""What is told of the availability, and how often the engine is asked."""

from typing import Any, cast

from config.sites import Site
from tests.support.sites import site
from web.availability import HOLDS_S, Availabilities
from web.callback_service import CallbackService

HOUR = 3600.0


class Engine:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

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
        "slots": [{"from": HOUR, "to": 2 * HOUR}],
    }  # fmt: skip
