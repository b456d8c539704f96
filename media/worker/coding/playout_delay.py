"""How long packets of a stream have to wait before they are played, so that few come too late.

A packet's transit is its arrival less its RTP timestamp: it differs by an unknown constant from the
time it was on its way, and grows or falls as the clocks of both sides drift apart. What matters is
how far it lies above the quickest of the last ten seconds.
"""

from typing import Final

import numpy as np

_REMEMBERED: Final = 500  # packets: 10 s of 20 ms
_NOTICED: Final = 10  # packets between two looks
_ON_TIME: Final = 97.0  # per cent of packets that are to be in time
_LEAST_S: Final = 0.01  # ticks are late as well
_MOST_S: Final = 0.4
_QUICKER_S: Final = 0.1  # no packet is that much quicker than all: the timestamps have jumped


class PlayoutDelay:
    """The wait that is wanted, learnt from the transit of each packet. Times are seconds."""

    __slots__ = ("_count", "_due", "_transits", "quickest_s", "wanted_s")

    def __init__(self) -> None:
        self._transits = np.zeros(_REMEMBERED)
        self._count = 0
        self._due = 0
        self.quickest_s = 0.0
        self.wanted_s = _LEAST_S

    def restart(self) -> None:
        """The timestamps have begun anew: what was wanted stays until more is known."""
        self._count = self._due = 0

    def note(self, transit_s: float) -> None:
        """A packet has come."""
        if self._count and transit_s < self.quickest_s - _QUICKER_S:
            self.restart()
        self._transits[self._count % _REMEMBERED] = transit_s
        if not self._count or transit_s < self.quickest_s:
            self.quickest_s = transit_s
        self._count += 1
        if self._count >= self._due:
            self._look()

    def _look(self) -> None:
        self._due = self._count + _NOTICED
        known = self._transits[: min(self._count, _REMEMBERED)]
        self.quickest_s = float(known.min())
        if self._count < _NOTICED:
            return
        place = min(len(known) - 1, int(len(known) * _ON_TIME / 100))
        slow = float(np.partition(known, place)[place])
        self.wanted_s = min(max(slow - self.quickest_s, _LEAST_S), _MOST_S)
