"""How fast attackers send."""

import time
from collections.abc import Iterator

UDP_PER_S = 4000


def paced(per_s: float, seconds: float) -> Iterator[int]:
    """Numbers at a given rate, until the time is over."""
    begin = time.monotonic()
    number = 0
    while (passed := time.monotonic() - begin) < seconds:
        while number < passed * per_s:
            yield number
            number += 1
        time.sleep(0.002)
