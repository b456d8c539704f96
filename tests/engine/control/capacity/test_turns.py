"""Whose line is read next, and when what is costly is done. The loop's time is virtual."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import Context
from itertools import pairwise
from typing import TypeVarTuple

import pytest

from engine.control.capacity.budgets import BURST_S, SHARE
from engine.control.capacity.turns import (
    BESIDE_S,
    COSTLY_SHARE,
    LONGEST_PAUSE_S,
    SHORTEST_PAUSE_S,
    TURN_S,
    Turns,
)
from tests.support.virtual_loop import VirtualLoop, run

Ts = TypeVarTuple("Ts")


class Clock:
    """The loop's time, and what the work took."""

    def __init__(self) -> None:
        self.worked_s = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.worked_s


class Connection:
    """Has lines that take `line_s` each; says in `log` whose line was read."""

    def __init__(
        self,
        name: str,
        lines: int,
        clock: Clock,
        log: list[str],
        *,
        line_s: float = 0.0,
        has_budget: bool = False,
    ) -> None:
        self.principal_name = name
        self.has_budget = has_budget
        self.lines = lines
        self._clock, self._log, self._line_s = clock, log, line_s

    def read_line(self) -> bool:
        if not self.lines:
            return False
        self.lines -= 1
        self._clock.worked_s += self._line_s
        self._log.append(self.principal_name)
        return True


class Stage:
    """Turns, and connections that wait for them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.turns = Turns(self.clock)
        self.log: list[str] = []

    def connect(
        self, name: str, lines: int = 0, *, line_s: float = 0.0, has_budget: bool = False
    ) -> Connection:
        made = Connection(name, lines, self.clock, self.log, line_s=line_s, has_budget=has_budget)
        if lines:
            self.turns.read(made)
        return made

    def work(self, name: str, seconds: float) -> Callable[[], str]:
        def done() -> str:
            self.clock.worked_s += seconds
            self.log.append(name)
            return name

        return done


class WholeMilliseconds(VirtualLoop):
    """Its timers know whole milliseconds alone, as those of uvloop."""

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return super().call_later(round(delay, 3), callback, *args, context=context)


def play(story: Callable[[Stage], Awaitable[None]]) -> Stage:
    async def main() -> Stage:
        stage = Stage()
        await story(stage)
        return stage

    return run(main())


def test_principals_are_read_in_turn_and_of_each_its_connections() -> None:
    async def story(stage: Stage) -> None:
        for name in ("crm", "crm", "crm", "widget"):
            stage.connect(name, 3)
        await asyncio.sleep(0.1)
        assert stage.log[:6] == ["crm", "widget"] * 3
        assert stage.log.count("crm") == 9

    play(story)


def test_one_turn_of_the_loop_reads_no_longer_than_it_may() -> None:
    async def story(stage: Stage) -> None:
        stage.connect("crm", 100, line_s=TURN_S / 3.9)
        read = []
        while len(stage.log) < 100:
            await asyncio.sleep(0)
            read.append(len(stage.log))
        assert max(after - before for before, after in pairwise(read)) <= 4

    play(story)


def test_one_who_may_only_look_waits_once_the_budget_is_used_up() -> None:
    async def story(stage: Stage) -> None:
        reader = stage.connect("wallboard", 1000, line_s=0.01, has_budget=True)
        await asyncio.sleep(0.001)
        assert stage.log.count("wallboard") <= BURST_S / (1 - SHARE) / 0.01 + 1
        stage.connect("crm", 5)  # and the others do not wait
        await asyncio.sleep(0.001)
        assert stage.log.count("crm") == 5
        began = 1000 - reader.lines
        await asyncio.sleep(10)
        assert abs((1000 - reader.lines - began) * 0.01 - 10 * SHARE / (1 - SHARE)) < 0.1

    play(story)


def test_costly_requests_are_done_one_at_a_time_with_a_pause_after_each() -> None:
    async def story(stage: Stage) -> None:
        client = stage.connect("crm")
        loop = asyncio.get_running_loop()
        done_at = []

        async def ask() -> None:
            assert await stage.turns.costly(client, stage.work("costly", 0.003)) == "costly"
            done_at.append(loop.time())

        await asyncio.gather(*(ask() for _ in range(4)))
        pause_s = (0.003 + BESIDE_S) * (1 / COSTLY_SHARE - 1)
        assert [round(at / pause_s, 3) for at in done_at] == [0, 1, 2, 3]

    play(story)


def test_the_pause_has_an_end() -> None:
    async def story(stage: Stage) -> None:
        client = stage.connect("crm")
        await asyncio.gather(
            *(stage.turns.costly(client, stage.work("costly", 5.0)) for _ in range(3))
        )
        assert asyncio.get_running_loop().time() <= 2 * LONGEST_PAUSE_S + 0.01

    play(story)


@pytest.mark.parametrize("step_s", [0.0, SHORTEST_PAUSE_S / 5])
def test_rests_that_are_shorter_than_a_timer_knows_are_added_up(step_s: float) -> None:
    async def story() -> None:
        stage, begun = Stage(), Counter[float]()
        client, loop = stage.connect("crm"), asyncio.get_running_loop()

        def work() -> None:
            begun[loop.time()] += 1
            stage.clock.worked_s += step_s

        await asyncio.gather(*(stage.turns.costly(client, work) for _ in range(2000)))
        cost_s = 2000 * (step_s + BESIDE_S)
        assert 0.9 * COSTLY_SHARE < cost_s / (cost_s + loop.time()) < 1.02 * COSTLY_SHARE
        rest_s = (step_s + BESIDE_S) * (1 / COSTLY_SHARE - 1)
        assert max(begun.values()) * rest_s < 2 * SHORTEST_PAUSE_S

    with asyncio.Runner(loop_factory=WholeMilliseconds) as runner:
        runner.run(story())


def test_who_asks_for_much_does_not_keep_others_from_their_turn() -> None:
    async def story(stage: Stage) -> None:
        many, other = stage.connect("many"), stage.connect("other")
        asking = [
            asyncio.ensure_future(stage.turns.costly(many, stage.work("many", 0.002)))
            for _ in range(20)
        ]
        await asyncio.sleep(0)
        await stage.turns.costly(other, stage.work("other", 0.002))
        assert stage.log.index("other") <= 2
        await asyncio.gather(*asking)

    play(story)


def test_lines_are_read_between_what_is_costly() -> None:
    async def story(stage: Stage) -> None:
        many = stage.connect("many")
        asking = [
            asyncio.ensure_future(stage.turns.costly(many, stage.work("many", 0.01)))
            for _ in range(20)
        ]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        stage.connect("ping", 1)
        await asyncio.sleep(0.001)
        assert stage.log.index("ping") <= 2
        await asyncio.gather(*asking)

    play(story)


def test_each_step_of_costly_work_that_waits_has_a_turn_of_its_own() -> None:
    async def story(stage: Stage) -> None:
        client = stage.connect("crm")

        async def in_steps() -> str:
            for _ in range(3):
                stage.work("step", 0.002)()
                await asyncio.sleep(0)
            return "done"

        other = asyncio.ensure_future(stage.turns.costly(client, stage.work("other", 0.002)))
        assert await stage.turns.costly(client, in_steps) == "done"
        assert stage.log == ["other", "step", "step", "step"]
        assert asyncio.get_running_loop().time() > 3 * 0.002
        await other

    play(story)


def test_work_that_waits_for_long_keeps_no_turn() -> None:
    async def story(stage: Stage) -> None:
        client = stage.connect("crm")
        gate = asyncio.Event()
        waiting = asyncio.ensure_future(stage.turns.costly(client, gate.wait))
        await asyncio.sleep(0.01)
        assert await stage.turns.costly(client, stage.work("other", 0.002)) == "other"
        gate.set()
        assert await waiting is True

    play(story)


def test_what_fails_or_is_cancelled_ends_nobody_elses_turn() -> None:
    async def story(stage: Stage) -> None:
        client = stage.connect("crm")
        cleaned = []

        async def cleans_up() -> None:
            try:
                await asyncio.sleep(100)
            finally:
                cleaned.append(True)

        async def fails() -> None:
            await asyncio.sleep(0)
            raise KeyError("defect")

        with pytest.raises(KeyError):
            await stage.turns.costly(client, fails)
        cancelled = asyncio.ensure_future(stage.turns.costly(client, cleans_up))
        await asyncio.sleep(1)
        waiting = [
            asyncio.ensure_future(stage.turns.costly(client, stage.work("never", 0.01)))
            for _ in range(3)
        ]
        for task in (cancelled, *waiting):
            task.cancel()
        await asyncio.gather(cancelled, *waiting, return_exceptions=True)
        assert cleaned == [True]
        assert await stage.turns.costly(client, stage.work("last", 0.01)) == "last"
        granted = asyncio.ensure_future(stage.turns.costly(client, stage.work("never", 0.01)))
        await asyncio.sleep(0)
        stage.turns._grant_next()
        granted.cancel()  # in the moment in which it has its turn
        await asyncio.gather(granted, return_exceptions=True)
        assert await stage.turns.costly(client, stage.work("last", 0.01)) == "last"
        assert "never" not in stage.log

    play(story)


def test_what_is_not_costly_is_charged_as_well() -> None:
    async def story(stage: Stage) -> None:
        client = stage.connect("wallboard", has_budget=True)

        async def in_steps() -> str:
            for _ in range(3):
                stage.work("step", BURST_S / 2)()
                await asyncio.sleep(0)
            return "done"

        assert await stage.turns.charged(client, in_steps()) == "done"
        client.lines = 1
        stage.turns.read(client)
        await asyncio.sleep(0.01)
        assert stage.log == ["step"] * 3
        await asyncio.sleep(BURST_S / 2 / SHARE)
        assert stage.log[-1] == "wallboard"

    play(story)
