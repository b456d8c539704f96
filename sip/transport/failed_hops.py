"""Transport addresses that did not work a moment ago: they are tried after all others."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from ..hop import Hop

REST_S: Final = 30.0
_MOST: Final = 1_000


class FailedHops:
    """Remembers for a while what failed. Times are seconds on the caller's clock."""

    def __init__(self, rest_s: float = REST_S) -> None:
        self._rest_s = rest_s
        self._until: OrderedDict[Hop, float] = OrderedDict()

    def failed(self, hop: Hop, now: float, for_s: float | None = None) -> None:
        """Nobody answers there, or it said that it cannot serve."""
        self._until[hop] = now + (self._rest_s if for_s is None else for_s)
        self._until.move_to_end(hop)
        while len(self._until) > _MOST:
            self._until.popitem(last=False)

    def is_resting(self, hop: Hop, now: float) -> bool:
        """Whether it failed a moment ago."""
        return self._until.get(hop, 0.0) > now

    def last(self, hops: Iterable[Hop], now: float) -> tuple[Hop, ...]:
        """The hops in their order, those that rest behind the others."""
        return tuple(sorted(hops, key=lambda hop: self.is_resting(hop, now)))
