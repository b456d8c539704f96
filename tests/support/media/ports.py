"""Pools of RTP ports that are free."""

import random

from media.worker.ports.port_pool import PortPool
from tests.support.ports import free_udp_range

HOST = "127.0.0.1"


def port_pool(pairs: int, *, offset: int = 0) -> tuple[PortPool, int]:
    """A pool of `pairs` pairs, and the first port of its range; it begins `offset` later."""
    first = free_udp_range(2 * (pairs + 1))[0]
    made = PortPool(
        HOST, first + offset, first + 2 * pairs - 1, quarantine_s=3.0, rng=random.Random(1)
    )
    return made, first
