"""An asyncio loop whose clock jumps to the next deadline, so that tests never wait.

`run(coroutine)` drives a coroutine to its end in virtual time. A loop that has nothing ready and
no deadline would wait for ever; that raises `Deadlock` instead. What is given to a thread is done
at once instead, so that no outcome depends on threads.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

MOST_TURNS = 1000


class Deadlock(Exception):
    """Nothing is ready, no timer is set: the coroutine under test would wait for ever."""


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self, on_jump: Callable[[float], None] | None) -> None:
        super().__init__()
        self.clock_s = 0.0
        self._on_jump = on_jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise Deadlock("nothing is ready and no timer is set")
        if timeout > 0:
            if self._on_jump is not None:
                self._on_jump(timeout)
            self.clock_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector loop on virtual time: starts at 0.0 and jumps from deadline to deadline.

    `on_jump` is called whenever nothing is left to do at one moment, with the seconds to the next.
    """

    def __init__(self, on_jump: Callable[[float], None] | None = None) -> None:
        self._jumping = _JumpingSelector(on_jump)
        super().__init__(self._jumping)

    def time(self) -> float:
        """The virtual time in seconds since the loop was made."""
        return self._jumping.clock_s

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """Do it at once."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - the awaiter gets it, as of a thread
            done.set_exception(error)
        return done


def run(main: Coroutine[Any, Any, T], on_jump: Callable[[float], None] | None = None) -> T:
    """Run `main` to its end on a fresh VirtualLoop."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(on_jump)) as runner:
        return runner.run(main)


async def turns_until(condition: Callable[[], object]) -> None:
    """Give the loop turns until `condition` holds; it must come to that at this moment."""
    for _ in range(MOST_TURNS):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError(f"it does not come to that in {MOST_TURNS} turns")
