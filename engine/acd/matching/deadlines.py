"""One heap of deadlines for many things, each of which has one at most at a time."""

import heapq
import itertools
import math
from typing import Generic, Protocol, TypeVar


class HasDeadline(Protocol):
    """What can have a deadline: `next_at` is when (math.inf: it has none)."""

    next_at: float


T = TypeVar("T", bound=HasDeadline)


class Deadlines(Generic[T]):
    """Says what is due, earliest first; equals in the order in which they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._order = itertools.count()

    def set(self, target: T, at: float) -> None:
        """`target` is due at `at` and at no other time; math.inf: not at all."""
        if at != target.next_at:
            target.next_at = at
            if at < math.inf:
                heapq.heappush(self._heap, (at, next(self._order), target))

    @property
    def next_at(self) -> float | None:
        """When the next is due."""
        heap = self._heap
        while heap and heap[0][2].next_at != heap[0][0]:  # it has another one by now, or none
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def shift(self, by_s: float) -> None:
        """The clock was stepped: everything is due as long from now as before."""
        valid = [one for one in self._heap if one[2].next_at == one[0]]
        self._heap = []
        for at, _order, target in sorted(valid, key=lambda one: one[:2]):
            target.next_at = math.inf
            self.set(target, at + by_s)

    def due(self, now: float, most: int) -> list[T]:
        """The first `most` that are due by now; none of them has a deadline any more."""
        found: list[T] = []
        while len(found) < most:
            at = self.next_at
            if at is None or at > now:
                break
            target = heapq.heappop(self._heap)[2]
            target.next_at = math.inf
            found.append(target)
        return found
