"""One wake-up of the event loop, for the next of many deadlines."""

import asyncio
import math
from collections.abc import Callable

from ..transaction.timers import TIMER_GRID_S


class Alarm:
    """Calls `on_due` at a deadline, on a grid that many deadlines share, and never too early.

    Waking up for a deadline that has been taken back does no harm.
    """

    def __init__(self, on_due: Callable[[], None]) -> None:
        self._on_due = on_due
        self._handle: asyncio.TimerHandle | None = None
        self._at = 0.0

    def set(self, deadline: float) -> None:
        """Wake up at `deadline`, by the clock of the running loop, unless it comes sooner."""
        deadline = math.ceil(deadline / TIMER_GRID_S) * TIMER_GRID_S
        if self._handle is not None:
            if self._at <= deadline:
                return
            self._handle.cancel()
        self._at = deadline
        self._handle = asyncio.get_running_loop().call_at(deadline, self._due)

    def _due(self) -> None:
        self._handle = None
        self._on_due()

    def cancel(self) -> None:
        """Do not wake up."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
