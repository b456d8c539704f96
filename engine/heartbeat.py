"""The heartbeat: while calls are up, the store knows to a few seconds until when the engine lived.

During a long talk nothing else is told. After a crash this is when what was up has ended.
"""

import asyncio
import time
from collections.abc import Callable

from .call import CallRegister
from .store import Store
from .stored_events import HEARTBEAT

PERIOD_S = 5.0


class Heartbeat:
    """Beats for as long as there are calls in `register`."""

    def __init__(
        self, store: Store, register: CallRegister, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._register = register
        self._clock = clock
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
        if self._register.calls:
            self._store.put(*HEARTBEAT, {"at": self._clock()})
        self.start()
