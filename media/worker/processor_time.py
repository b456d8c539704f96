"""What a thread had of the processor, and for how long it had to wait for it.

Where other programs, or other virtual machines of the same hardware, have the processor, a thread
that used half of the time may have had no more to use.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

_TASKS: Final = Path("/proc/self/task")


class ProcessorTime(NamedTuple):
    """Of a thread since it began, in seconds."""

    used_s: float
    waited_s: float = 0.0
    """It had something to do, and others were running. 0 where the kernel does not count it."""

    def busy_since(self, before: "ProcessorTime", passed_s: float) -> float:
        """Which share it used of the time that it could have used, 0 to 1."""
        used_s = self.used_s - before.used_s
        could_s = max(passed_s - (self.waited_s - before.waited_s), used_s)
        return used_s / could_s if could_s > 0.0 else 0.0


def of_thread(
    native_id: int, used_s: Callable[[], float], tasks: Path = _TASKS
) -> Callable[[], ProcessorTime]:
    """What measures the thread of this id of the kernel's; `used_s` is its own clock."""
    statistics = tasks / str(native_id) / "schedstat"

    def measured() -> ProcessorTime:
        try:
            waited_ns = int(statistics.read_bytes().split()[1])
        except (OSError, ValueError, IndexError):
            waited_ns = 0
        return ProcessorTime(used_s(), waited_ns / 1e9)

    return measured
