"""What else the machine did meanwhile: figures taken beside other work are worth less."""

import os
import platform
import time
from pathlib import Path

from .yardstick import Yardstick


class Machine:
    """Watches the machine from its making until it is asked, once."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._before = _ticks()
        self._yardstick = Yardstick()

    def words(self) -> str:
        """One line: cores, how busy they were, what the hypervisor took, how dear work was."""
        factor = self._yardstick.factor()
        spent = [now - before for now, before in zip(_ticks(), self._before, strict=True)]
        total = sum(spent) or 1
        busy = 1 - (spent[3] + spent[4]) / total
        stolen = spent[7] / total
        return (
            f"{time.monotonic() - self._started:.0f} s on {os.cpu_count()} cores"
            f" ({platform.machine()}), {busy:.0%} busy in all, {stolen:.1%} stolen;"
            f" a small piece of work took {factor:.1f} times its best CPU time when woken"
        )


def _ticks() -> list[int]:
    """The first line of /proc/stat: user nice system idle iowait irq softirq steal."""
    line = Path("/proc/stat").read_text().split("\n", 1)[0]
    return [int(value) for value in line.split()[1:9]]
