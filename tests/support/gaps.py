"""What a busy machine adds to the times of an engine: how long its processes wait for a core."""

import os
from pathlib import Path

from .engines.process import EngineProcess
from .phones.wire.rtp import WireRtp

LONGEST_PAUSE_S = 0.4
"""A partner who stops is followed by silence within 260 ms; every other source comes sooner."""

AT_ONCE_S = 0.4
"""Sooner than anything is sent again over UDP (RFC 3261 T1 is 0.5 s)."""


class KeptFromCores:
    """Looks from now on at how long processes are kept from their cores."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self._before_s = self._kept_s()

    @classmethod
    def of(cls, engine: EngineProcess) -> "KeptFromCores":
        """An engine, its media workers, and this process."""
        return cls(engine.pid, *engine.worker_pids(), os.getpid())

    @property
    def s(self) -> float:
        """How long they have waited, all together."""
        return max(0.0, self._kept_s() - self._before_s)

    def _kept_s(self) -> float:
        return stolen_s() + sum(waited_s(Path(f"/proc/{pid}")) for pid in self._pids)


class PauseLimit:
    """The longest pause of a stream that is no fault.

    A worker that did not run skips frames, and a partner who did not run sends none: these pauses
    are the machine's. A leg that was forgotten has a pause without that.
    """

    def __init__(self, engine: EngineProcess) -> None:
        self._kept = KeptFromCores(*engine.worker_pids(), os.getpid())

    def limit_s(self, *partners: WireRtp) -> float:
        """The longest pause that is no fault, while `partners` sent what was heard."""
        late_s = max((one.longest_send_gap_s for one in partners), default=0.0)
        return LONGEST_PAUSE_S + late_s + self._kept.s


def waited_s(process: Path) -> float:
    """How long the threads of a process have waited for a core; 0 where it has gone."""
    delays = (_waited_ns(thread) for thread in process.glob("task/*/schedstat"))
    return sum(delays) / 1e9


def _waited_ns(schedstat: Path) -> int:
    try:
        _ran, waited, _times = schedstat.read_text().split()
    except (OSError, ValueError):  # the thread has ended, or the kernel does not count
        return 0
    return int(waited)


def stolen_s() -> float:
    """How long the host has kept this machine from its cores (proc(5), `steal`)."""
    lines = Path("/proc/stat").read_text().splitlines()
    figures = next((line.split() for line in lines if line.startswith("cpu ")), [])
    return int(figures[8]) / os.sysconf("SC_CLK_TCK") if len(figures) > 8 else 0.0
