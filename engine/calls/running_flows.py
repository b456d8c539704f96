"""The flows that are under way, each in a task of its own: begun, found and waited for."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any, Final, Generic, TypeVar

from ..clock import happens_within

STOP_LIMIT_S: Final = 5.0
"""How long flows that were cancelled may take to hang up."""

Flow = TypeVar("Flow")
Result = TypeVar("Result")


class RunningFlows(Generic[Flow, Result]):
    """Flows by the id of their call or job, at most one of each."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[Flow, asyncio.Task[Result]]] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._running)

    def __contains__(self, key: object) -> bool:
        return key in self._running

    def __iter__(self) -> Iterator[Flow]:
        return iter([flow for flow, _task in self._running.values()])

    def get(self, key: str) -> Flow | None:
        """The flow of this id, where it is under way."""
        running = self._running.get(key)
        return None if running is None else running[0]

    def under_way(self, key: str) -> tuple[Flow, asyncio.Task[Result]]:
        """The flow of this id, and its task. Raises KeyError where it is not under way."""
        return self._running[key]

    def begin(
        self,
        key: str,
        flow: Flow,
        run: Coroutine[Any, Any, Result],
        on_over: Callable[[Flow, asyncio.Task[Result]], None],
    ) -> None:
        """Run the flow. `on_over` is called once it is no longer under way, with its task."""
        task = asyncio.get_running_loop().create_task(run)
        self._running[key] = (flow, task)
        self._idle.clear()
        task.add_done_callback(partial(self._over, key, on_over))

    def _over(
        self,
        key: str,
        on_over: Callable[[Flow, asyncio.Task[Result]], None],
        task: asyncio.Task[Result],
    ) -> None:
        flow, _task = self._running.pop(key)
        if not self._running:
            self._idle.set()
        on_over(flow, task)

    async def idle(self, timeout_s: float | None) -> bool:
        """Wait until no flow is under way. True once none is, False when that takes too long."""
        return await happens_within(self._idle, timeout_s)

    async def wait_hung_up(self) -> None:
        """Wait until those that are under way now, and are being cancelled, have hung up."""
        tasks = [task for _flow, task in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_LIMIT_S)
