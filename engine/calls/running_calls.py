"""Calls that are up, each in a task of its own: begun, waited for, and stopped together."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final, Generic, Protocol, TypeVar

import structlog

from ..clock import happens_within
from .call import Call

log = structlog.get_logger()

STOP_LIMIT_S: Final = 5.0


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
        self._running: dict[str, tuple[AnyCall, asyncio.Task[None]]] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._running)

    def __iter__(self) -> Iterator[AnyCall]:
        return iter([call for call, _task in self._running.values()])

    def begin(self, call: AnyCall, on_not_begun: Callable[[], None] = lambda: None) -> None:
        """Run a call. `on_not_begun` is called where it is stopped before its first step."""
        task = asyncio.get_running_loop().create_task(call.run())
        self._running[call.call.id] = (call, task)
        self._idle.clear()

        def over(task: "asyncio.Task[None]") -> None:
            del self._running[call.call.id]
            if not self._running:
                self._idle.set()
            if task.cancelled():
                on_not_begun()
            elif (error := task.exception()) is not None:
                # A defect ends this one call, and is logged.
                log.error(self._died, call=call.call.id, exc_info=error)

        task.add_done_callback(over)

    async def idle(self, timeout_s: float | None) -> bool:
        """Wait until no call is up. True once none is, False when that takes too long."""
        return await happens_within(self._idle, timeout_s)

    async def stop(self, cause: str) -> None:
        """Hang up every call and wait until each is."""
        running = tuple(self._running.values())
        for call, task in running:
            if not call.is_over:  # a cancellation would cut the hanging up short
                call.stopped_by(cause)
                task.cancel()
        if running:
            await asyncio.wait([task for _call, task in running], timeout=STOP_LIMIT_S)
