"""Whether packets are lost in bursts or here and there: the model of RFC 3611 section 4.7.2.

A burst begins and ends with a loss, and fewer than GAP_MIN packets in a row arrive in it. What lies
between bursts is a gap; a loss that stands alone is part of it.
"""

from typing import Final, NamedTuple

GAP_MIN: Final = 16


class BurstMetrics(NamedTuple):
    """Shares from 0 to 1, lengths in packets. `burst_ratio` is that of ITU-T G.107."""

    burst_density: float = 0.0
    gap_density: float = 0.0
    burst_packets: float = 0.0
    gap_packets: float = 0.0
    burst_ratio: float = 1.0


class LossBursts:
    """Counts the losses of a stream, in the order of sequence, from what is between them."""

    __slots__ = (
        "_alone",
        "_burst_lost",
        "_burst_packets",
        "_bursts",
        "_first",
        "_last",
        "_lost_in_row",
        "_lost_total",
        "_rows",
    )

    def __init__(self) -> None:
        self._last: int | None = None  # the newest loss
        self._first: int | None = None  # the first loss of what may be a burst
        self._lost_in_row = 0  # losses since then
        self._bursts = self._burst_packets = self._burst_lost = 0
        self._alone = 0  # losses in gaps
        self._lost_total = self._rows = 0  # and how many stretches of losses on end

    def lose(self, sequence: int, count: int = 1) -> None:
        """`count` packets from this extended number on never came; numbers only grow."""
        last = self._last
        if last is None or self._first is None or sequence - last - 1 >= GAP_MIN:
            self._close()
            self._first = sequence
            self._lost_in_row = 0
        if last is None or sequence != last + 1:
            self._rows += 1
        self._lost_in_row += count
        self._lost_total += count
        self._last = sequence + count - 1

    def restart(self) -> None:
        """Numbers begin anew: another stream."""
        self._close()
        self._last = self._first = None
        self._lost_in_row = 0

    def metrics(self, expected: int) -> BurstMetrics:
        """The figures of a stream of which so many packets were to come."""
        bursts, packets, lost, alone = self._bursts, self._burst_packets, self._burst_lost, 0
        alone = self._alone
        if self._first is not None and self._last is not None:  # what is not closed yet
            if self._lost_in_row > 1:
                bursts += 1
                packets += self._last - self._first + 1
                lost += self._lost_in_row
            else:
                alone += 1
        in_gaps = max(0, expected - packets)
        by_chance = 1 - self._lost_total / expected if expected > self._lost_total else 0.0
        ratio = self._lost_total / self._rows * by_chance if self._rows else 1.0
        return BurstMetrics(
            burst_density=lost / packets if packets else 0.0,
            gap_density=min(1.0, alone / in_gaps) if in_gaps else 0.0,
            burst_packets=packets / bursts if bursts else 0.0,
            gap_packets=in_gaps / (bursts + 1),
            burst_ratio=max(1.0, ratio),
        )

    def _close(self) -> None:
        """A burst, or a loss that stands alone, is over."""
        if self._first is None or self._last is None:
            return
        if self._lost_in_row > 1:
            self._bursts += 1
            self._burst_packets += self._last - self._first + 1
            self._burst_lost += self._lost_in_row
        else:
            self._alone += 1
