"""How often a bot may ask the engine for something: keys, handovers, the end of the call."""

from typing import Final

from .bot_connection import BotFault

_PER_S: Final = 10.0
_BURST: Final = 100.0


class AskedBudget:
    """Counts what one bot asks for; `now` is on the monotonic clock. Raises BotFault."""

    def __init__(self) -> None:
        self._left = _BURST
        self._at: float | None = None

    def asked(self, now: float) -> None:
        """It has asked for something."""
        if self._at is not None:
            self._left = min(_BURST, self._left + (now - self._at) * _PER_S)
        self._at = now
        self._left -= 1
        if self._left < 0:
            raise BotFault("the bot asks for too much", may_change=False)
