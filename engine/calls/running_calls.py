"""Calls that are up, each in a task of its own: begun, waited for, and stopped together."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

import structlog

from .call import Call
from .running_flows import RunningFlows

log = structlog.get_logger()


class RunningCall(Protocol):
    """A call flow that no job has."""

    @property
    def call(self) -> Call:
        """What views show of it."""

    @property
    def is_over(self) -> bool:
        """Whether it is being cleared: nothing can change its end."""

    async def run(self) -> None:
        """Carry the call, and hang everything up in the end."""

    def stopped_by(self, cause: str) -> None:
        """Say why the task is about to be cancelled."""


AnyCall = TypeVar("AnyCall", bound=RunningCall)


class RunningCalls(Generic[AnyCall]):
    """The calls of one kind. `died` is what the log says of one that ends by a defect."""

    def __init__(self, died: str) -> None:
        self._died = died
        self._running: RunningFlows[AnyCall, None] = RunningFlows()

    def __len__(self) -> int:
        return len(self._running)

    def __iter__(self) -> Iterator[AnyCall]:
        return iter(self._running)

    def begin(self, call: AnyCall, on_not_begun: Callable[[], None] = lambda: None) -> None:
        """Run a call. `on_not_begun` is called where it is stopped before its first step."""

        def over(call: AnyCall, task: "asyncio.Task[None]") -> None:
            if task.cancelled():
                on_not_begun()
            elif (error := task.exception()) is not None:
                # A defect ends this one call, and is logged.
                log.error(self._died, call=call.call.id, exc_info=error)

        self._running.begin(call.call.id, call, call.run(), over)

    async def idle(self, timeout_s: float | None) -> bool:
        """Wait until no call is up. True once none is, False when that takes too long."""
        return await self._running.idle(timeout_s)

    async def stop(self, cause: str) -> None:
        """Hang up every call and wait until each is."""
        for call in self._running:
            if not call.is_over:  # a cancellation would cut the hanging up short
                call.stopped_by(cause)
                self._running.under_way(call.call.id)[1].cancel()
        await self._running.wait_hung_up()
