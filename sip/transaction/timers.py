"""Timer values of RFC 3261 (table 4 of appendix A) and the one heap that all SIP deadlines live in.

Times are seconds on the caller's clock; nothing here reads a clock.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

TIMER_GRID_S = 0.1
"""Deadlines that lie this close together may share a wake, at the time of the last one: a call
leaves four timers behind that only forget something, and the shortest that matters is T1."""


@dataclass(frozen=True, slots=True)
class TimerValues:
    """The base values and everything derived from them, in seconds.

    Timers D, I, J and K are for unreliable transports; on reliable ones they are zero.
    """

    t1_s: float = 0.5
    t2_s: float = 4.0
    t4_s: float = 5.0
    timer_c_s: float = 200.0
    timer_d_s: float = 32.0

    @property
    def timer_a_s(self) -> float:
        """First INVITE retransmission; doubles."""
        return self.t1_s

    @property
    def timer_b_s(self) -> float:
        """INVITE client transaction timeout."""
        return 64 * self.t1_s

    @property
    def timer_e_s(self) -> float:
        """First non-INVITE retransmission; doubles up to T2."""
        return self.t1_s

    @property
    def timer_f_s(self) -> float:
        """Non-INVITE client transaction timeout."""
        return 64 * self.t1_s

    @property
    def timer_g_s(self) -> float:
        """First retransmission of a final response to INVITE; doubles up to T2."""
        return self.t1_s

    @property
    def timer_h_s(self) -> float:
        """Longest wait for the ACK."""
        return 64 * self.t1_s

    @property
    def timer_i_s(self) -> float:
        """Absorbs retransmitted ACKs."""
        return self.t4_s

    @property
    def timer_j_s(self) -> float:
        """Absorbs retransmitted non-INVITE requests."""
        return 64 * self.t1_s

    @property
    def timer_k_s(self) -> float:
        """Absorbs retransmitted responses."""
        return self.t4_s

    @property
    def timer_l_s(self) -> float:
        """Lifetime of the Accepted state of an INVITE server transaction (RFC 6026)."""
        return 64 * self.t1_s

    @property
    def timer_m_s(self) -> float:
        """Lifetime of the Accepted state of an INVITE client transaction (RFC 6026)."""
        return 64 * self.t1_s


class Timer:
    """A deadline in a TimerHeap: `callback(argument, now)` is called once, unless cancelled.

    `now` is the time `at` itself where it fires no later than shared wakes make it: the next
    retransmission counts from there, or the lateness of each would add up.
    """

    __slots__ = ("argument", "at", "callback")

    def __init__(self, at: float, callback: Callable[[Any, float], None], argument: Any) -> None:
        self.at = at
        self.callback: Callable[[Any, float], None] | None = callback
        self.argument = argument


_SHARED_WAKE_S = 2 * TIMER_GRID_S
"""How late a timer is at the most because wakes are shared, with something for a busy loop."""
_COMPACT_FROM = 256
"""Heaps smaller than this are never compacted: it would cost more than the memory is worth."""


class TimerHeap:
    """All deadlines of a user agent. Cancelling is O(1); dead entries are swept when they prevail.

    Timers due at the same moment fire in the order in which they were scheduled.
    """

    __slots__ = ("_cancelled", "_entries", "_sequence")

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Timer]] = []
        self._sequence = 0
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._entries) - self._cancelled

    def schedule(
        self, at: float, callback: Callable[[Any, float], None], argument: Any = None
    ) -> Timer:
        """Call `callback(argument, now)` at time `at`."""
        timer = Timer(at, callback, argument)
        self._sequence += 1
        heapq.heappush(self._entries, (at, self._sequence, timer))
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """Forget a timer; None, fired and cancelled timers are no error."""
        if timer is None or timer.callback is None:
            return
        # Drops the references at once, so that a dead entry keeps nothing else alive.
        timer.callback = timer.argument = None
        self._cancelled += 1
        if self._cancelled > _COMPACT_FROM and self._cancelled * 2 > len(self._entries):
            self._entries = [entry for entry in self._entries if entry[2].callback is not None]
            heapq.heapify(self._entries)
            self._cancelled = 0

    def clear(self) -> None:
        """Cancel everything."""
        for _, _, timer in self._entries:
            timer.callback = timer.argument = None
        self._entries.clear()
        self._cancelled = 0

    def next_deadline(self) -> float | None:
        """When `fire_due` should be called next."""
        entries = self._entries
        while entries:
            at, _, timer = entries[0]
            if timer.callback is not None:
                return at
            heapq.heappop(entries)
            self._cancelled -= 1
        return None

    def fire_due(self, now: float) -> int:
        """Call every timer whose time has come; return how many."""
        fired = 0
        while self._entries and self._entries[0][0] <= now:
            timer = heapq.heappop(self._entries)[2]
            callback = timer.callback
            if callback is None:
                self._cancelled -= 1
                continue
            argument = timer.argument
            timer.callback = timer.argument = None
            fired += 1
            # Where the process was held up, what it missed must not come in a burst.
            callback(argument, timer.at if now - timer.at <= _SHARED_WAKE_S else now)
        return fired
