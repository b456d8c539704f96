"""Timer values of RFC 3261 (appendix A, table 4) and the heap of all running timers.

Times are seconds on the caller's clock. This module reads no clock.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

TIMER_GRID_S = 0.1
"""Timers that are due this close together fire in one wake-up, at the time of the last one.

Each finished call leaves four timers that only free memory. The shortest timer that matters is T1.
"""


@dataclass(frozen=True, slots=True)
class TimerValues:
    """The base values and the timers derived from them, in seconds.

    Timers D, I, J and K hold for unreliable transports. On reliable ones they are zero.
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
        """The longest wait for an ACK."""
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
    """One timer of a TimerHeap: `callback(argument, now)` is called once, unless it is cancelled.

    If the timer fires late only because of a shared wake-up, `now` is `at`. So the delays of
    successive retransmissions do not add up.
    """

    __slots__ = ("argument", "at", "callback")

    def __init__(self, at: float, callback: Callable[[Any, float], None], argument: Any) -> None:
        self.at = at
        self.callback: Callable[[Any, float], None] | None = callback
        self.argument = argument


_SHARED_WAKE_S = 2 * TIMER_GRID_S
"""The most that a shared wake-up delays a timer, with some reserve for a busy loop."""
_COMPACT_FROM = 256
"""With fewer cancelled timers than this, compacting costs more than it saves."""


class TimerHeap:
    """All timers of a user agent.

    Cancelling is O(1). Cancelled entries are removed when they are more than half of the heap.
    Timers due at the same time fire in the order in which they were scheduled.
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
        """Cancel a timer. Does nothing for None and for a fired or cancelled timer."""
        if timer is None or timer.callback is None:
            return
        # Drop the references now, so that the cancelled entry keeps no object alive.
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
        """Return when to call `fire_due` next; None if no timer runs."""
        entries = self._entries
        while entries:
            at, _, timer = entries[0]
            if timer.callback is not None:
                return at
            heapq.heappop(entries)
            self._cancelled -= 1
        return None

    def fire_due(self, now: float) -> int:
        """Fire the timers that are due. Returns how many fired."""
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
            # After a long stall, missed retransmissions must not follow in a burst.
            callback(argument, timer.at if now - timer.at <= _SHARED_WAKE_S else now)
        return fired
