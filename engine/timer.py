"""A timer on the wall clock, for times that are given in Unix seconds.

The event loop counts on a clock of its own, which does not follow a change of the wall clock. So
the timer never sleeps for long.
"""

import asyncio
from collections.abc import Callable

# A change of the wall clock is noticed after this time at most.
LONGEST_SLEEP_S = 60.0


class WallClockTimer:
    """Calls `on_time` once after each `set`: at the time that was set, or sooner.

    It calls sooner where that time is more than LONGEST_SLEEP_S away. `on_time` then finds nothing
    to do and calls `set` again.
    """

    def __init__(self, clock: Callable[[], float], on_time: Callable[[], None]) -> None:
        self._clock = clock
        self._on_time = on_time
        self._handle: asyncio.TimerHandle | None = None
        self._at = 0.0

    def set(self, at: float | None) -> None:
        """Wait for `at` (Unix seconds) instead of any time before; None: for nothing."""
        if self._handle is not None:
            if self._at == at:
                return
            self.stop()
        if at is not None:
            self._at = at
            sleep_s = min(max(at - self._clock(), 0.0), LONGEST_SLEEP_S)
            self._handle = asyncio.get_running_loop().call_later(sleep_s, self._wake)

    def stop(self) -> None:
        """Do not call `on_time` any more, until the next `set`."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _wake(self) -> None:
        self._handle = None
        self._on_time()
