"""Who gets the processor first: attackers are other machines, and take none of the engine's.

On one machine they would: what others wait for would be the scheduler, not the engine. So the
engine, its callers and those who measure come before everything else that runs, attackers last.
Linux gives each session (setsid) an equal share of the processor, whatever the nice values within
it are; that share has a nice value of its own (sched(7), autogroup).
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

FIRST: Final = -20
LAST: Final = 19
_AUTOGROUP: Final = Path("/proc/self/autogroup")


@contextlib.contextmanager
def first_in_line(autogroup: Path = _AUTOGROUP) -> Iterator[None]:
    """The session of this process comes first meanwhile, where it may say so."""
    before = _nice_of(autogroup)
    _be_nice(FIRST, autogroup)
    try:
        yield
    finally:
        _be_nice(before, autogroup)


def stand_back(autogroup: Path = _AUTOGROUP) -> None:
    """This process, which has a session of its own, comes last, and so does what it starts."""
    os.setpriority(os.PRIO_PROCESS, 0, LAST)
    _be_nice(LAST, autogroup)


def _nice_of(autogroup: Path) -> int:
    """The nice value of this session: `/autogroup-31 nice 0`; 0 where there is none."""
    try:
        return int(autogroup.read_text().rpartition(" ")[2])
    except (OSError, ValueError):
        return 0


def _be_nice(value: int, autogroup: Path) -> None:
    with contextlib.suppress(OSError):
        autogroup.write_text(str(value))
