"""How soon the kernel lets a process of ours run: what has packets goes before other work."""

import contextlib
import os
from pathlib import Path
from typing import Final

_OF_THIS_PROCESS: Final = Path("/proc/self")


def ask_for(niceness: int, *, proc: Path = _OF_THIS_PROCESS) -> None:
    """Take this niceness where it is allowed; without the right to it nothing changes.

    Where the kernel groups processes by their session (sched(7), autogroup), the niceness of a
    process counts within its session alone. So a process that leads its own session takes it for
    that too. A session that it shares keeps its own: it is that of a terminal, or of the engine.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
        if os.getsid(0) == os.getpid():
            group = proc / "autogroup"
            if group.exists():
                group.write_text(f"{niceness}")
