"""Notices that a process which should answer does not any more."""

import asyncio
from collections.abc import Callable
from typing import Final

PERIOD_S: Final = 2.5
UNANSWERED_PERIODS: Final = 2


class Watchdog:
    """Calls `ask` when nothing was heard for a period, and `hung` when nothing follows it.

    Whatever is heard counts, so that a busy process is hardly ever asked. Periods are counted,
    not measured: while this process itself is held up, the other is not blamed for it.
    """

    __slots__ = ("_ask", "_heard", "_hung", "_period_s", "_quiet_periods", "_timer")

    def __init__(
        self,
        ask: Callable[[], None],
        hung: Callable[[], None],
        *,
        period_s: float = PERIOD_S,
    ) -> None:
        self._ask = ask
        self._hung = hung
        self._period_s = period_s
        self._heard = True
        self._quiet_periods = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def deadline_s(self) -> float:
        """How long after it was asked the process must have said something."""
        return UNANSWERED_PERIODS * self._period_s

    def start(self) -> None:
        """Watch from now on, on the running loop."""
        self.stop()
        self._heard = True
        self._quiet_periods = 0
        self._schedule()

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def heard(self) -> None:
        """Something came from the process."""
        self._heard = True

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._period_s, self._period_over)

    def _period_over(self) -> None:
        self._timer = None
        if self._heard:
            self._heard = False
            self._quiet_periods = 0
        else:
            self._quiet_periods += 1
            if self._quiet_periods > UNANSWERED_PERIODS:
                self._hung()
                return
            if self._quiet_periods == 1:
                self._ask()
        self._schedule()
