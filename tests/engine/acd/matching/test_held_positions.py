"""The place of a caller who will be called back stays taken until the callback joins."""

from config.queues import Queue
from tests.support.floor import Floor, agent, run_floor

ALONE = [Queue(name="sales")]


def test_nobody_behind_moves_until_the_job_joins() -> None:
    async def script(floor: Floor) -> None:
        for name in ("one", "two", "three"):
            await floor.join(name, number=f"+44{name}")
        joined_at = floor.queues.views.entry_view("two")["joined_at"]
        floor.queues.leave("two", "callback", held_for="two-callback")
        assert floor.seen("queue.left")[-1]["call"] == "two"
        assert floor.queues.place("three") == 3
        entries = floor.queues.views.entries("sales", None, 10)
        assert [(one.id, one.state) for one in entries] == [
            ("one", "waiting"), ("two-callback", "held"), ("three", "waiting")
        ]  # fmt: skip
        held = floor.queues.views.entry_view("two-callback")
        assert (held["place"], held["joined_at"], held["number"]) == (2, joined_at, "+44two")
        view = floor.queues.views.view("sales")
        assert (view["waiting"], view["offered"], view["talking"]) == (2, 0, 0)
        await floor.join("two-callback", kind="callback", ago_s=0, joined_at=joined_at)
        assert floor.queues.place("two-callback") == 2
        assert floor.queues.place("three") == 3
        assert floor.queues.views.view("sales")["waiting"] == 3

    run_floor(script, ALONE)


def test_a_place_that_is_given_up_lets_the_others_move() -> None:
    async def script(floor: Floor) -> None:
        for name in ("one", "two"):
            await floor.join(name)
        floor.queues.leave("one", "callback", held_for="job")
        assert floor.queues.place("two") == 2
        floor.queues.release_place("job")
        floor.queues.release_place("job")
        assert floor.queues.place("two") == 1
        assert [one.id for one in floor.queues.views.entries("sales", None, 10)] == ["two"]

    run_floor(script, ALONE)


def test_agents_take_the_next_one_meanwhile() -> None:
    async def script(floor: Floor) -> None:
        await floor.join("one")
        two = await floor.join("two")
        floor.queues.leave("one", "callback", held_for="job")
        floor.agents.login("ann")
        await floor.turn()
        assert two.rings == ("ann",)
        assert floor.queues.views.view("sales")["offered"] == 1

    run_floor(script, ALONE, [agent("ann", queues=["sales"], login="manual")])


def test_it_counts_for_the_length_and_moves_with_the_clock() -> None:
    async def script(floor: Floor) -> None:
        await floor.join("one")
        await floor.join("two")
        floor.queues.leave("one", "callback", held_for="job")
        floor.queues.matcher.shift(-100.0, floor.clock() - 100.0)
        assert floor.queues.place("two") == 2
        joined_at = floor.queues.views.entry_view("job")["joined_at"]
        await floor.join("job", kind="callback", joined_at=joined_at, has_place=True)
        assert floor.queues.place("job") == 1

    run_floor(script, [Queue(name="sales", max_length=2)])
