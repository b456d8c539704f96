"""Ranges of ports beside the one that all calls share."""

from functools import partial

import pytest

from media.errors import NoPortLeft
from media.worker.ports.port_pool import PortPool
from media.worker.ports.port_pools import PortPools
from tests.support.ports import free_udp_range


def pools(quarantine_s: float = 5.0) -> tuple[PortPools, tuple[int, int], tuple[int, int]]:
    first, last = free_udp_range(40)
    shared, own = (first, first + 19), (first + 20, last)
    make = partial(PortPool, "127.0.0.1", quarantine_s=quarantine_s)
    return PortPools(make(*shared), make), shared, own


def test_a_call_has_a_port_of_its_range() -> None:
    found, shared, own = pools()
    anywhere, there = found.take_pair(None), found.take_pair(own)
    assert shared[0] <= anywhere.port <= shared[1]
    assert own[0] <= there.port <= own[1]
    for pair in (anywhere, there):
        pair.close()
    found.close()


def test_a_range_that_is_used_up_takes_nothing_of_the_others() -> None:
    found, _shared, own = pools()
    taken = []
    with pytest.raises(NoPortLeft):
        for _ in range(11):
            taken.append(found.take_pair(own))
    assert 1 <= len(taken) <= 10
    for pair in taken:
        pair.close()
    found.close()


def test_a_pair_goes_back_to_its_own_pool_and_rests_there() -> None:
    found, shared, own = pools(quarantine_s=1.0)
    pair = found.take_pair(own)
    before = found.shared.free
    found.give_back(pair, 0.0)
    assert (found.quarantined, found.shared.quarantined) == (1, 0)
    found.release_due(2.0)
    assert (found.quarantined, found.shared.free) == (0, before)
    again = found.take_pair(None)
    assert shared[0] <= again.port <= shared[1]
    found.give_back(again, 2.0)
    assert found.shared.quarantined == 1
    found.close()
