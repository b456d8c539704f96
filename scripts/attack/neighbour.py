"""A program that takes a share of one core before all others: `neighbour CORE`.

Like another machine on the same hardware. It reads the share as lines: `0.5`. It ends with its
input.
"""

import os
import select
import sys
import time
from typing import Final, TextIO

PERIOD_S: Final = 0.01
MOST: Final = 0.9
"""Linux leaves others 5 % of a core where a program of this kind wants all of it."""


def take(shares: TextIO, most_periods: float = float("inf")) -> int:
    """Take the share that was read last, 0 before. Returns for how many periods it did."""
    share, periods, begins = 0.0, 0, time.monotonic()
    while periods < most_periods:
        if select.select([shares], [], [], 0.0)[0]:
            line = shares.readline()
            if not line:
                break
            share = min(MOST, max(0.0, float(line)))
        while time.monotonic() - begins < share * PERIOD_S:
            pass
        begins += PERIOD_S
        time.sleep(max(0.0, begins - time.monotonic()))
        periods += 1
    return periods


def main() -> int:
    """Be the neighbour. Raises PermissionError: others cannot be kept from the core."""
    os.sched_setaffinity(0, {int(sys.argv[1])})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    take(sys.stdin)
    return 0


if __name__ == "__main__":
    sys.exit(main())
