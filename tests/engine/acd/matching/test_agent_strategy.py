"""Each strategy, on a floor with its real agents: who is offered, and in which order."""

from collections import Counter
from typing import Any

from config.queues import Queue, StrategyName
from tests.support.floor import Floor, Guest, agent, run_floor

NAMES = ("ann", "bob", "cat")


def run_strategy(
    script: Any,
    strategy: StrategyName,
    skills: dict[str, dict[str, int]] | None = None,
    **queue: Any,
) -> None:
    """Run a script with a queue of this strategy, whose agents have these skills."""
    run_floor(
        script,
        [Queue(name="sales", strategy=strategy, agents=list(NAMES), **queue)],
        [agent(name, skills=(skills or {}).get(name, {})) for name in NAMES],
    )


async def serve(floor: Floor, number: int, talk_s: float = 1.0) -> str:
    """One guest comes, is taken, and talks; gives by whom."""
    guest = await floor.join(f"guest{number}")
    (name,) = guest.rings
    guest.is_taken()
    await floor.after(talk_s)
    guest.is_done()
    return name


def test_longest_idle() -> None:
    async def script(floor: Floor) -> None:
        await floor.after(10)
        floor.agents.pause("ann")
        floor.agents.ready("ann")
        assert [await serve(floor, n) for n in range(6)] == ["bob", "cat", "ann"] * 2

    run_strategy(script, "longest_idle")


def test_round_robin_goes_round_in_the_order_of_the_queue_also_after_a_reload() -> None:
    async def script(floor: Floor) -> None:
        assert [await serve(floor, n) for n in range(4)] == ["ann", "bob", "cat", "ann"]
        floor.agents.pause("bob")
        assert await serve(floor, 4) == "cat"
        floor.agents.ready("bob")
        floor.queues.configure([Queue(name="sales", strategy="round_robin", agents=list(NAMES))])
        assert [await serve(floor, n) for n in range(5, 8)] == ["ann", "bob", "cat"]

    run_strategy(script, "round_robin")


def test_fewest_calls() -> None:
    async def script(floor: Floor) -> None:
        floor.agents.pause("cat")
        assert Counter([await serve(floor, n) for n in range(4)]) == {"ann": 2, "bob": 2}
        floor.agents.ready("cat")
        assert [await serve(floor, n) for n in range(4, 6)] == ["cat", "cat"]

    run_strategy(script, "fewest_calls")


def test_least_talk_time() -> None:
    async def script(floor: Floor) -> None:
        assert [await serve(floor, 0, 100), await serve(floor, 1, 30)] == ["ann", "bob"]
        assert await serve(floor, 2, 50) == "cat"
        assert await serve(floor, 3, 10) == "bob"
        assert await serve(floor, 4, 20) == "bob"
        assert await serve(floor, 5, 1) == "cat"

    run_strategy(script, "least_talk_time")


def test_ordered_asks_the_first_who_is_free() -> None:
    async def script(floor: Floor) -> None:
        assert [await serve(floor, n) for n in range(3)] == ["ann"] * 3
        floor.agents.pause("ann")
        assert await serve(floor, 3) == "bob"

    run_strategy(script, "ordered")


def test_random_is_even() -> None:
    async def script(floor: Floor) -> None:
        served = Counter([await serve(floor, n) for n in range(300)])
        assert all(60 < served[name] < 140 for name in NAMES), served

    run_strategy(script, "random")


def test_best_skill() -> None:
    async def script(floor: Floor) -> None:
        async def offered(**skills: int) -> tuple[str, ...]:
            guest = await floor.join("guest", skills=skills)
            rings = guest.rings
            guest.hangs_up()
            return rings

        assert await offered(german=1) == ("bob",)
        assert await offered(german=4) == ("bob",)
        assert await offered(german=3, french=5) == ("ann",), "the sum of what is needed"
        assert await offered(french=6) == ("cat",)
        await floor.after(1)
        assert await serve(floor, 1) == "ann", "nothing is needed: the longest idle"

    skills = {"ann": {"german": 3, "french": 5}, "bob": {"german": 9}, "cat": {"french": 8}}
    run_strategy(script, "best_skill", skills)


def test_ring_several_rings_the_longest_idle_at_once_and_frees_the_losers() -> None:
    async def script(floor: Floor) -> None:
        guest = await floor.join("first")
        assert guest.rings == ("ann", "bob")
        assert [floor.state(name) for name in NAMES] == ["reserved", "reserved", "available"]
        second = await floor.join("second")
        assert second.rings == ("cat",), "fewer than two are left"
        third = await floor.join("third")
        assert not third.rings
        guest.is_taken("bob")
        await floor.turn()
        assert floor.state("bob") == "talking"
        assert third.rings == ("ann",), "the loser is free for the next"

    run_strategy(script, "ring_several", ring_at_once=2)


def test_ring_several_when_nobody_answers() -> None:
    async def script(floor: Floor) -> None:
        guest: Guest = await floor.join("first")
        guest.is_missed()
        await floor.turn()
        assert guest.rings == ("cat",), "those who missed it are not asked again so soon"
        guest.is_missed()
        await floor.after(9.9)
        assert not guest.rings
        await floor.after(0.1)
        assert set(guest.rings) <= {"ann", "bob", "cat"} and guest.rings

    run_strategy(script, "ring_several", ring_at_once=2)
