"""How much a recogniser may say, and how much of it may be nonsense."""

from typing import Final

from .result import RecogniserFailed

MOST_FAULTS: Final = 20
_PER_S: Final = 50.0
_BURST: Final = 500.0


class FloodGuard:
    """Counts what one recogniser says; `now` is on the monotonic clock. Raises RecogniserFailed."""

    def __init__(self, now: float) -> None:
        self._left = _BURST
        self._at = now
        self._faults = 0

    def said(self, now: float) -> None:
        """It has said something."""
        self._left = min(_BURST, self._left + (now - self._at) * _PER_S) - 1
        self._at = now
        if self._left < 0:
            raise RecogniserFailed("the recogniser says too much")

    def not_understood(self, reason: str) -> None:
        """What it has said is nonsense: that may be a few times."""
        self._faults += 1
        if self._faults > MOST_FAULTS:
            raise RecogniserFailed(f"the recogniser says what is not understood: {reason}")
