"""Shares the time of the event loop among sources that have work waiting.

Each turn of the loop has a bounded time for it. Sources take turns, whatever they have sent, and
configured peers have a part of each turn that nobody else can use.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, Protocol

KNOWN_S: Final = 0.004
UNKNOWN_S: Final = 0.001
"""The time of one turn for configured peers, and for unknown sources."""


class Worker(Protocol):
    """Something with work waiting, such as a connection with messages."""

    @property
    def source(self) -> str:
        """Whose work it is. One source has one share, however many workers it has."""

    @property
    def is_known(self) -> bool:
        """Whether the source is a configured peer."""

    def work(self) -> bool:
        """Do one piece. Returns whether more can be done at once."""


class Turns:
    """Sources with work waiting. `clock` is a monotonic clock in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: OrderedDict[str, deque[Worker]] = OrderedDict()
        self._unknown: OrderedDict[str, deque[Worker]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._known or self._unknown)

    def add_worker(self, worker: Worker) -> None:
        """It has work. A worker is added once until its `work` returns False."""
        queue = self._known if worker.is_known else self._unknown
        queue.setdefault(worker.source, deque()).append(worker)

    def clear(self) -> None:
        """Forget all of them."""
        self._known.clear()
        self._unknown.clear()

    def run(self) -> int:
        """One turn: a piece of work of each source after the other. Returns how many were done."""
        done = 0
        for queue, time_s in ((self._known, KNOWN_S), (self._unknown, UNKNOWN_S)):
            until = self._clock() + time_s
            while queue:
                source, workers = queue.popitem(last=False)
                worker = workers.popleft()
                if worker.work():
                    workers.append(worker)
                if workers:
                    # Its work may have let it add another worker of its source.
                    queue.setdefault(source, deque()).extend(workers)
                done += 1
                if self._clock() >= until:
                    break
        return done
