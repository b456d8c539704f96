"""Keys that a phone reports by SIP INFO, on their way to the other party."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_OTHER_REPORT_S: Final = 0.15  # from the end of a key to where the worker has told of it

PassOn = Callable[[str, int], None]


@dataclass(eq=False, slots=True)
class _HeldKey:
    """One press; the same key pressed again is another."""

    digit: str
    duration_ms: int


class InfoKeys:
    """Passes them on, but for those that the phone reports as telephone-event or sound as well.

    The worker passes these on by itself. Whether a phone reports its keys both ways shows with the
    first: where that is INFO, it is held back for as long as the other report may take.
    """

    __slots__ = ("_held", "_is_only_way", "_other_way_at", "_pass_on")

    def __init__(self, pass_on: PassOn) -> None:
        self._pass_on = pass_on
        self._is_only_way: bool | None = None  # None: not known
        self._other_way_at: float | None = None  # when a key was first reported without INFO
        self._held: list[_HeldKey] = []

    def reported(self, digit: str, duration_ms: int) -> None:
        """INFO has reported a key, and nothing else has so far."""
        loop, other_way_at = asyncio.get_running_loop(), self._other_way_at
        if self._is_only_way is None and other_way_at is not None:
            # INFO would have reported that one, too, by now.
            self._is_only_way = loop.time() - other_way_at > _OTHER_REPORT_S or None
        if self._is_only_way:
            self._pass_on(digit, duration_ms)
            return
        key = _HeldKey(digit, duration_ms)
        self._held.append(key)
        wait_s = duration_ms / 1000 + _OTHER_REPORT_S
        loop.call_later(wait_s, self._no_other_report, key)

    def reported_otherwise(self) -> None:
        """Telephone-event or sound has reported a key, and INFO has not so far."""
        if self._other_way_at is None:
            self._other_way_at = asyncio.get_running_loop().time()

    def reported_both_ways(self, digit: str) -> None:
        """The phone has reported a press both ways."""
        self._is_only_way = False
        key = next((one for one in self._held if one.digit == digit), None)
        if key is not None:
            self._held.remove(key)

    def _no_other_report(self, key: _HeldKey) -> None:
        """The other report of a key would have come by now."""
        if key not in self._held:
            return
        if self._is_only_way is None:
            self._is_only_way = True
            late, self._held = self._held, []
        else:
            self._held.remove(key)
            late = [key]
        for one in late:
            self._pass_on(one.digit, one.duration_ms)
