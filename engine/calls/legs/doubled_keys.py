"""Keys that a phone reports twice: by telephone-event, or as sound, and by SIP INFO besides.

Some phones are set to do both, so that any switch understands one of them.
"""

from typing import Final

_TOGETHER_S: Final = 1.0  # from one report of a key to the other, beside the time that it is held
_MOST_WAITING: Final = 32


class DoubledKeys:
    """Tells whether a key of one phone was reported before, the other way. `now` is monotonic."""

    __slots__ = ("_reported",)

    def __init__(self) -> None:
        # The digit, whether INFO reported it, and when: those that have no second report yet.
        self._reported: list[tuple[str, bool, float]] = []

    def is_second(self, digit: str, duration_ms: int, now: float, *, by_info: bool) -> bool:
        """Whether this is the second report of a press. Each press has two at most."""
        earliest = now - _TOGETHER_S - duration_ms / 1000
        for index, (other, was_info, at) in enumerate(self._reported):
            if other == digit and was_info is not by_info and at >= earliest:
                del self._reported[index]
                return True
        self._reported.append((digit, by_info, now))
        del self._reported[:-_MOST_WAITING]
        return False
