"""An asyncio loop whose clock jumps to the next deadline, so that tests never wait.

`run(coroutine)` drives a coroutine to its end in virtual time. A loop that has nothing ready and
no deadline would wait for ever; that raises `Deadlock` instead.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Deadlock(Exception):
    """Nothing is ready, no timer is set: the coroutine under test would wait for ever."""


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.clock_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise Deadlock("nothing is ready and no timer is set")
        if timeout > 0:
            self.clock_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector loop on virtual time: starts at 0.0 and jumps from deadline to deadline."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """The virtual time in seconds since the loop was made."""
        return self._jumping.clock_s


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end on a fresh VirtualLoop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
