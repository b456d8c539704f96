"""Calls in tasks of their own: how they end, by themselves, by a stop, or by a defect."""

import asyncio

import structlog.testing

from engine.calls.call import Call
from engine.calls.running_calls import RunningCalls
from tests.support.virtual_loop import run


class Flow:
    """A call that lasts for `up_s`, and takes a second to be cleared."""

    def __init__(self, name: str, up_s: float, error: Exception | None = None) -> None:
        self.call = Call(name, None)
        self.is_over = False
        self.is_cleared = False
        self.cause = ""
        self._up_s, self._error = up_s, error

    async def run(self) -> None:
        try:
            await asyncio.sleep(self._up_s)
            if self._error is not None:
                raise self._error
        except asyncio.CancelledError:
            pass
        finally:
            self.is_over = True
            await asyncio.sleep(1)
            self.is_cleared = True

    def stopped_by(self, cause: str) -> None:
        self.cause = cause


def test_calls_end_by_themselves() -> None:
    async def script() -> None:
        calls: RunningCalls[Flow] = RunningCalls("died")
        assert await calls.idle(0)
        short, long = Flow("short", 10), Flow("long", 20)
        for flow in (short, long):
            calls.begin(flow)
        assert list(calls) == [short, long]
        await asyncio.sleep(15)
        assert list(calls) == [long] and not await calls.idle(1)
        assert await calls.idle(10) and len(calls) == 0

    run(script())


def test_a_stop_ends_what_is_up_and_lets_what_is_over_be_cleared() -> None:
    async def script() -> None:
        calls: RunningCalls[Flow] = RunningCalls("died")
        over, up = Flow("over", 10), Flow("up", 100)
        for flow in (over, up):
            calls.begin(flow)
        await asyncio.sleep(10.5)
        await calls.stop("engine stopped")
        assert (over.cause, up.cause) == ("", "engine stopped")
        assert over.is_cleared and up.is_cleared and await calls.idle(0)

    run(script())


def test_one_that_is_stopped_before_its_first_step_is_told() -> None:
    async def script() -> None:
        calls: RunningCalls[Flow] = RunningCalls("died")
        told: list[str] = []
        calls.begin(Flow("late", 10), on_not_begun=lambda: told.append("late"))
        await calls.stop("engine stopped")
        assert told == ["late"] and len(calls) == 0

    run(script())


def test_a_defect_ends_one_call_and_is_logged() -> None:
    async def script() -> None:
        calls: RunningCalls[Flow] = RunningCalls("inbound_call_died")
        calls.begin(Flow("broken", 1, ValueError("a defect")))
        calls.begin(Flow("sound", 5))
        await asyncio.sleep(3)
        assert [flow.call.id for flow in calls] == ["sound"]
        assert await calls.idle(10)

    with structlog.testing.capture_logs() as lines:
        run(script())
    assert [(line["event"], line["call"]) for line in lines] == [("inbound_call_died", "broken")]
