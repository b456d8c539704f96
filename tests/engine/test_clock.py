"""A timer on the wall clock: when it calls, and that a changed clock is noticed."""

import asyncio

from engine.clock import LONGEST_SLEEP_S, Timer
from tests.support.virtual_loop import run


def test_an_earlier_time_that_is_set_later_is_not_missed() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        times: list[float] = []
        timer = Timer(loop.time, lambda: times.append(loop.time()))
        timer.set(50.0)
        timer.set(10.0)
        await asyncio.sleep(20)
        assert times == [10.0]
        timer.set(50.0)
        timer.stop()
        await asyncio.sleep(100)
        assert times == [10.0]

    run(main())


def test_a_step_of_the_wall_clock_is_noticed_within_a_minute() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        step_s = 0.0
        due_at: float | None = 100_000.0
        times: list[float] = []

        def look() -> None:
            nonlocal due_at
            if due_at is not None and due_at <= loop.time() + step_s:
                times.append(loop.time())
                due_at = None
            timer.set(due_at)

        timer = Timer(lambda: loop.time() + step_s, look)
        timer.set(due_at)
        await asyncio.sleep(1)
        step_s = 200_000.0
        await asyncio.sleep(100)
        assert times == [LONGEST_SLEEP_S]

    run(main())


def test_a_time_that_is_over_is_called_for_at_once() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(100)
        times: list[float] = []
        timer = Timer(loop.time, lambda: times.append(loop.time()))
        timer.set(5.0)
        await asyncio.sleep(1)
        assert times == [100.0]

    run(main())


def test_nothing_is_called_without_a_time() -> None:
    async def main() -> None:
        times: list[float] = []
        timer = Timer(lambda: 0.0, lambda: times.append(0.0))
        timer.set(10.0)
        timer.set(None)
        await asyncio.sleep(100)
        assert times == []

    run(main())
