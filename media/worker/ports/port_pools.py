"""The ports that all calls share, and ranges that single trunks have for themselves."""

from collections.abc import Callable

from .port_pool import PortPair, PortPool

Range = tuple[int, int]


class PortPools:
    """`shared` is the pool of calls without a range of their own; `make` makes one for a range.

    A range may overlap with others, also with those of other workers: what is bound is passed over.
    """

    def __init__(self, shared: PortPool, make: Callable[[int, int], PortPool]) -> None:
        self.shared = shared
        self._make = make
        self._own: dict[Range, PortPool] = {}
        self._taken: dict[int, PortPool] = {}

    def take_pair(self, ports: Range | None) -> PortPair:
        """Any free pair, of this range where one is given. Raises NoPortLeft."""
        if ports is None:
            return self.shared.take_pair()
        pool = self._own.get(ports)
        if pool is None:
            pool = self._own[ports] = self._make(*ports)
        pair = pool.take_pair()
        self._taken[pair.port] = pool
        return pair

    def give_back(self, pair: PortPair, now: float) -> None:
        """Put a pair into the quarantine of its pool."""
        self._taken.pop(pair.port, self.shared).give_back(pair, now)

    @property
    def _all(self) -> tuple[PortPool, ...]:
        return (self.shared, *self._own.values())

    @property
    def quarantined(self) -> int:
        """How many pairs wait to become free."""
        return sum(pool.quarantined for pool in self._all)

    def release_due(self, now: float) -> int:
        """End the quarantines that are over; how many datagrams came for pairs that left it."""
        return sum(pool.release_due(now) for pool in self._all)

    def close(self) -> None:
        """Let go of every pair that no call has."""
        for pool in self._all:
            pool.close()
