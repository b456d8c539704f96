"""The clock runs evenly and notices steps of the wall clock; a timer on it calls in time."""

import asyncio

import pytest

from engine.clock import LONGEST_SLEEP_S, STEP_S, WATCH_S, Clock, Timer, happens_within, shifted
from tests.support.virtual_loop import run


class Machine:
    """A machine whose wall clock can be set."""

    def __init__(self) -> None:
        self.wall_s = 1_790_000_000.0
        self.up_s = 77.0
        self.clock = Clock(lambda: self.wall_s, lambda: self.up_s)

    def run_for(self, seconds: float) -> None:
        """Time passes."""
        self.wall_s += seconds
        self.up_s += seconds


def started(machine: Machine) -> list[float]:
    """Start the machine's clock, and return the steps that it notices from now on."""
    steps: list[float] = []
    machine.clock.start(steps.append)
    return steps


def test_before_it_is_started_it_is_the_wall_clock() -> None:
    machine = Machine()
    assert machine.clock.now() == machine.wall_s
    machine.wall_s += 3600.0
    machine.clock.check()
    assert (machine.clock.now(), machine.clock.steps) == (machine.wall_s, 0)


@pytest.mark.parametrize("step_s", [-86400.0, -60.0, -STEP_S, STEP_S, 60.0, 86400.0])
def test_a_step_moves_what_is_remembered_once_it_is_noticed(step_s: float) -> None:
    async def main() -> None:
        machine = Machine()
        steps = started(machine)
        began = [machine.clock.now()]
        machine.clock.subscribe(lambda by_s: began.append(began[-1] + by_s))
        machine.run_for(10.0)
        machine.wall_s += step_s
        assert machine.clock.now() == pytest.approx(began[0] + 10.0)
        machine.clock.check()
        assert machine.clock.now() == pytest.approx(machine.wall_s)
        assert machine.clock.now() - began[-1] == pytest.approx(10.0)
        assert steps == [pytest.approx(step_s)]
        machine.clock.check()
        assert machine.clock.steps == 1
        machine.clock.stop()

    run(main())


def test_the_wall_clock_may_be_off_a_little_but_not_more_and_more() -> None:
    async def main() -> None:
        machine = Machine()
        steps = started(machine)
        for _ in range(10):
            machine.run_for(1.0)
            machine.wall_s += 0.2
            machine.clock.check()
            assert abs(machine.clock.now() - machine.wall_s) < STEP_S
        assert sum(steps) == pytest.approx(1.8)
        machine.clock.stop()

    run(main())


def test_every_part_has_moved_its_times_before_the_step_is_published() -> None:
    async def main() -> None:
        machine, order = Machine(), []
        machine.clock.start(lambda _by_s: order.append("published"))
        machine.clock.subscribe(lambda _by_s: order.append("agents"))
        ended = machine.clock.subscribe(lambda _by_s: order.append("gone"))
        ended()
        with machine.clock.shifting(lambda _by_s: order.append("call")):
            machine.wall_s += 5.0
            machine.clock.check()
        machine.wall_s += 5.0
        machine.clock.check()
        assert order == ["agents", "call", "published", "agents", "published"]
        machine.clock.stop()

    run(main())


def test_a_step_is_noticed_without_being_asked() -> None:
    async def main() -> None:
        loop, step_s = asyncio.get_running_loop(), 0.0
        steps: list[float] = []
        clock = Clock(lambda: loop.time() + step_s, loop.time)
        clock.start(steps.append)
        await asyncio.sleep(100)
        step_s = -3600.0
        await asyncio.sleep(WATCH_S)
        assert steps == [-3600.0]
        clock.stop()
        step_s = 0.0
        await asyncio.sleep(10)
        assert steps == [-3600.0]

    run(main())


def test_a_clock_that_was_set_back_while_no_engine_ran() -> None:
    machine = Machine()
    assert machine.clock.set_back_since(machine.wall_s + 3600.0) == -3600.0
    assert machine.clock.set_back_since(machine.wall_s + STEP_S / 2) == 0.0
    assert machine.clock.set_back_since(machine.wall_s - 3600.0) == 0.0


def test_no_time_stays_none() -> None:
    assert shifted(None, 5.0) is None
    assert shifted(7.0, 5.0) == 12.0


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


def test_a_timer_looks_at_the_clock_at_least_once_a_minute() -> None:
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


def test_a_date_is_waited_for_again_after_a_step() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        step_s = 0.0
        times: list[float] = []
        timer = Timer(lambda: loop.time() + step_s, lambda: times.append(loop.time()))
        timer.set(50.0)
        await asyncio.sleep(10)
        step_s = 35.0
        timer.reset(50.0)
        await asyncio.sleep(100)
        assert times == [15.0]

    run(main())


def test_waiting_for_an_event_has_an_end() -> None:
    async def script() -> None:
        event = asyncio.Event()
        assert not await happens_within(event, 5.0)
        asyncio.get_running_loop().call_later(3.0, event.set)
        assert await happens_within(event, None)

    run(script())
