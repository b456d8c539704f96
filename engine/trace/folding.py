"""When messages of calls that are up are compressed: some time after the last of them, by turns."""

import asyncio
from typing import Final, Protocol

PERIOD_S: Final = 1.0
# Each takes some 60 µs, and nobody is to wait for it.
AT_ONCE: Final = 8
PAUSE_S: Final = 0.02


class Foldable(Protocol):
    """Holds what may be compressed."""

    def fold_quiet(self, most: int) -> bool:
        """Compress what has been quiet, `most` at most. Returns whether that is all of it."""

    @property
    def has_unfolded(self) -> bool:
        """Whether anything is left that may be compressed, now or later."""


class Folding:
    """Looks at a trace from `soon` on, for as long as there is something to be compressed."""

    def __init__(self, trace: Foldable) -> None:
        self._trace = trace
        self._timer: asyncio.TimerHandle | None = None

    def soon(self) -> None:
        """There may be something to be compressed in a while."""
        if self._timer is None:
            self._wait(PERIOD_S)

    def stop(self) -> None:
        """Compress nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, for_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(for_s, self._fold)

    def _fold(self) -> None:
        self._timer = None
        is_all = self._trace.fold_quiet(AT_ONCE)
        if self._trace.has_unfolded:
            self._wait(PERIOD_S if is_all else PAUSE_S)
