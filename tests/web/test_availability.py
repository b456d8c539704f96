"""Slots within opening hours, and how often the engine is asked."""

from typing import Any, cast

from tests.support.sites import site
from web.availability import HOLDS_S, MOST_SLOTS, Availabilities, slots
from web.callback_service import CallbackService

HOUR = 3600.0


def test_slots_are_whole_and_within_the_hours() -> None:
    hours = [{"opens": 10 * HOUR, "closes": 12 * HOUR}, {"opens": 13 * HOUR, "closes": 13.4 * HOUR}]
    assert slots(hours, 60, 0.0) == [
        {"from": 10 * HOUR, "to": 11 * HOUR},
        {"from": 11 * HOUR, "to": 12 * HOUR},
    ]
    assert slots(hours, 60, 10.1 * HOUR) == [{"from": 11 * HOUR, "to": 12 * HOUR}]
    assert slots(None, 60, 0.0) == []
    assert len(slots([{"opens": 0.0, "closes": 1e9}], 5, 0.0)) == MOST_SLOTS


class Engine:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def availability(self, _queue: str, _days: int) -> dict[str, Any]:
        self.asked += 1
        return {
            "open": False, "agents_free": 0, "expected_wait_s": None, "opens_at": HOUR,
            "hours": [{"opens": HOUR, "closes": 2 * HOUR}],
        }  # fmt: skip


async def test_the_engine_is_asked_once_in_a_while() -> None:
    engine, now = Engine(), [0.0]
    found = Availabilities(cast(CallbackService, engine), lambda: now[0], lambda: 0.0)
    first = await found.of(site(slot_min=60))
    assert first["slots"] == [{"from": HOUR, "to": 2 * HOUR}]
    assert (first["open"], first["opens_at"]) == (False, HOUR)
    assert await found.of(site()) is first
    assert engine.asked == 1
    now[0] += HOLDS_S + 0.1
    await found.of(site())
    assert engine.asked == 2


async def test_the_calls_of_one_agent_are_always_taken() -> None:
    engine = Engine()
    found = await Availabilities(cast(CallbackService, engine)).of(site(queue="", agent="alice"))
    assert found["open"] and engine.asked == 0
