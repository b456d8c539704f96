"""The queues as they are shown."""

from collections.abc import Callable

import pytest

from engine.errors import EngineError
from tests.support.floor import START, Floor, agent, queue, run_floor


def test_each_configured_queue_is_shown_with_its_agents() -> None:
    async def script(floor: Floor) -> None:
        await floor.join("guest", "service")
        shown = {one["queue"]: one for one in floor.queues.views.all()}
        assert list(shown) == ["sales", "service"]
        assert shown["sales"]["agents"] == {"logged_out": 1}
        assert (shown["service"]["waiting"], shown["service"]["agents"]) == (1, {})
        assert floor.queues.views.view("sales") == shown["sales"]
        assert floor.queues.views.status()["waiting"] == 1

    queues = [queue(), queue("service")]
    run_floor(script, queues, [agent("ann", queues=["sales"], login="manual")])


def test_entries_are_shown_in_their_order_page_by_page() -> None:
    async def script(floor: Floor) -> None:
        views = floor.queues.views
        for name, priority in (("second", 0), ("first", 1), ("third", 0)):
            await floor.join(name, priority=priority)
        first, second = views.entries("sales", None, 2)
        (third,) = views.entries("sales", second.key, 2)
        assert [one.id for one in (first, second, third)] == ["first", "second", "third"]
        shown = views.view_entry(second)
        assert (shown["place"], shown["joined_at"]) == (2, START)
        assert shown == views.entry_view("second")
        explained = views.explained("sales")
        assert explained["entry"] == views.entry_view("first") and explained["waiting"] == 3

    run_floor(script, [queue()])


def test_what_is_not_there_is_said() -> None:
    async def script(floor: Floor) -> None:
        views = floor.queues.views
        assert views.explained("sales")["entry"] is None
        asked: tuple[Callable[[], object], ...] = (
            lambda: views.view("service"),
            lambda: views.availability("service", 1),
            lambda: views.agent_availability("ann", 1),
            lambda: views.entry_view("guest"),
        )
        for ask in asked:
            with pytest.raises(EngineError) as refusal:
                ask()
            assert refusal.value.kind == "not_found"

    run_floor(script, [queue()])
