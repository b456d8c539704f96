"""Flows in tasks of their own: found by their id, waited for, and given up when they hang."""

import asyncio

import pytest

from engine.calls.running_flows import STOP_LIMIT_S, RunningFlows
from tests.support.virtual_loop import run

Over = list[tuple[str, int]]


async def lasts(seconds: float, result: int = 0) -> int:
    await asyncio.sleep(seconds)
    return result


def test_a_flow_is_found_until_it_is_over() -> None:
    async def script() -> None:
        flows: RunningFlows[str, int] = RunningFlows()
        over: Over = []
        flows.begin(
            "a", "first", lasts(10, 7), lambda flow, task: over.append((flow, task.result()))
        )
        assert "a" in flows and "b" not in flows and len(flows) == 1
        assert flows.get("a") == "first" and flows.get("b") is None
        assert list(flows) == ["first"] and flows.under_way("a")[0] == "first"
        assert not await flows.idle(5) and over == []
        assert await flows.idle(10) and over == [("first", 7)]
        with pytest.raises(KeyError):
            flows.under_way("a")

    run(script())


def test_who_is_told_that_one_is_over_may_begin_the_next() -> None:
    async def script() -> None:
        flows: RunningFlows[str, int] = RunningFlows()

        def over(flow: str, _task: asyncio.Task[int]) -> None:
            if flow == "first":
                flows.begin("a", "second", lasts(10), over)

        flows.begin("a", "first", lasts(10), over)
        await asyncio.sleep(15)
        assert list(flows) == ["second"]
        assert await flows.idle(20)

    run(script())


def test_flows_that_do_not_hang_up_are_not_waited_for_without_end() -> None:
    async def script() -> None:
        flows: RunningFlows[str, int] = RunningFlows()
        await flows.wait_hung_up()
        now = asyncio.get_running_loop().time
        flows.begin("a", "hangs", lasts(100), lambda _flow, _task: None)
        begun = now()
        await flows.wait_hung_up()
        assert now() - begun == pytest.approx(STOP_LIMIT_S)
        assert await flows.idle(100)

    run(script())
