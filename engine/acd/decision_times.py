"""How long decisions of the matcher take: a measure of the engine, not of agents."""

from collections import deque
from collections.abc import Iterable
from time import perf_counter, thread_time
from typing import TypedDict, cast

KEPT = 10_000


class DecisionView(TypedDict):
    """How long the matcher's last decisions took, in milliseconds; null: there was none."""

    decisions: int
    """How many there were since the start."""
    p50_ms: float | None
    """The median."""
    p99_ms: float | None
    """The 99th percentile."""
    most_ms: float | None
    """The longest."""
    cpu_p50_ms: float | None
    """The median of processor time."""
    cpu_p99_ms: float | None
    """The 99th percentile of processor time."""


class DecisionTimes:
    """The times of the last decisions: by the clock on the wall, and of the processor alone.

    The two differ where others have the processor, or the interpreter, in the middle of one.
    """

    def __init__(self) -> None:
        self._wall_s: deque[float] = deque(maxlen=KEPT)
        self._cpu_s: deque[float] = deque(maxlen=KEPT)
        self._began = (0.0, 0.0)
        self.count = 0

    def begin(self) -> None:
        """A step begins in which there may be decisions."""
        self._began = (perf_counter(), thread_time())

    def end(self, offers: int) -> None:
        """The decision is over, with `offers` offers made."""
        if offers:
            began, cpu_began = self._began
            # The processor is read inside of what the wall says, here as at the beginning.
            cpu = thread_time() - cpu_began
            wall = perf_counter() - began
            self.count += offers
            self._wall_s.extend([wall / offers] * offers)
            self._cpu_s.extend([cpu / offers] * offers)

    def view(self) -> DecisionView:
        """How many there were, and percentiles of the last ones, in milliseconds."""
        wall = _percentiles_ms(self._wall_s, (0.5, 0.99, 1.0))
        cpu = _percentiles_ms(self._cpu_s, (0.5, 0.99))
        names = ("p50_ms", "p99_ms", "most_ms", "cpu_p50_ms", "cpu_p99_ms")
        figures = dict(zip(names, [*wall, *cpu], strict=True))
        return cast(DecisionView, {"decisions": self.count, **figures})


def _percentiles_ms(times: Iterable[float], shares: tuple[float, ...]) -> list[float | None]:
    ordered = sorted(times)
    if not ordered:
        return [None] * len(shares)
    return [round(ordered[int(share * (len(ordered) - 1))] * 1e3, 4) for share in shares]
