"""Keys that a phone reports by SIP INFO, on their way to the other party."""

import asyncio
from collections.abc import Callable
from typing import Final

_OTHER_REPORT_S: Final = 0.3  # from the end of a key to where the worker has told of it

PassOn = Callable[[str, int], None]


class InfoKeys:
    """Passes them on, but for those that the phone reports as telephone-event or sound as well.

    The worker passes these on by itself. Whether a phone reports its keys both ways shows with the
    first, which is held back for as long as the other report may take.
    """

    __slots__ = ("_is_only_way", "_pass_on", "_waiting")

    def __init__(self, pass_on: PassOn) -> None:
        self._pass_on = pass_on
        self._is_only_way: bool | None = None  # None: not known
        self._waiting: list[tuple[str, int]] = []

    def reported(self, digit: str, duration_ms: int) -> None:
        """INFO has reported a key, and nothing else has so far."""
        if self._is_only_way:
            self._pass_on(digit, duration_ms)
            return
        key = digit, duration_ms
        self._waiting.append(key)
        wait_s = duration_ms / 1000 + _OTHER_REPORT_S
        asyncio.get_running_loop().call_later(wait_s, self._is_over, key)

    def reported_both_ways(self, digit: str) -> None:
        """The phone has reported a press both ways."""
        self._is_only_way = False
        for key in self._waiting:
            if key[0] == digit:
                self._waiting.remove(key)
                return

    def _is_over(self, key: tuple[str, int]) -> None:
        """No other report has come of a key, if it still waits."""
        if not any(one is key for one in self._waiting):
            return
        over = [key]
        if self._is_only_way is None:
            self._is_only_way, over = True, self._waiting.copy()
        self._waiting = [one for one in self._waiting if not any(one is each for each in over)]
        for one in over:
            self._pass_on(*one)
