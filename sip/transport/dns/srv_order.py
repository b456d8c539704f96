"""The order in which the hosts of SRV records are tried: priority, then weight (RFC 2782)."""

import random
from collections.abc import Iterable

from .records import Srv


def in_order(records: Iterable[Srv], rng: random.Random) -> list[Srv]:
    """The services in the order in which to try them: by priority, then by chance by weight.

    The order within one priority is drawn as RFC 2782 says: a record of weight 0 has a very small
    chance of being first.
    """
    ordered: list[Srv] = []
    by_priority: dict[int, list[Srv]] = {}
    for record in records:
        by_priority.setdefault(record.priority, []).append(record)
    for priority in sorted(by_priority):
        left = sorted(by_priority[priority], key=lambda record: record.weight)
        while left:
            drawn = rng.uniform(0.0, float(sum(record.weight for record in left)))
            total = 0.0
            for record in left:
                total += record.weight
                if total >= drawn:
                    break
            left.remove(record)
            ordered.append(record)
    return ordered
