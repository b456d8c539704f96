"""The heartbeat: the store knows until when the engine lived, though nothing was published.

After a crash this is when what was up has ended: known to a few seconds while calls are up, to a
minute for what only waits.
"""

import asyncio
import time
from collections.abc import Callable

from .event_table import ALIVE
from .store import Store

PERIOD_S = 5.0
QUIET_PERIOD_S = 60.0


class Heartbeat:
    """Beats every PERIOD_S while `is_busy`, every QUIET_PERIOD_S otherwise."""

    def __init__(
        self, store: Store, is_busy: Callable[[], bool], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._is_busy = is_busy
        self._clock = clock
        self._quiet_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._timer = asyncio.get_running_loop().call_later(PERIOD_S, self._beat)

    def stop(self) -> None:
        """Beat no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        self._quiet_s += PERIOD_S
        if self._is_busy() or self._quiet_s >= QUIET_PERIOD_S:
            self._quiet_s = 0.0
            self._store.insert("meta", {"key": ALIVE, "value": str(self._clock())})
        self.start()
