"""A media worker that outlived its engine: known again by what does not change, and ended."""

import contextlib
import os
import select
import signal
from pathlib import Path
from typing import Final

import msgspec

# As in worker/worker.py, which the engine does not import.
END: Final = signal.SIGUSR1
WORKER: Final = b"media.worker.worker"
END_DEADLINE_S: Final = 1.0
_START_TIME: Final = 19  # of the fields of /proc/PID/stat behind the name, see proc(5)


class WorkerMark(msgspec.Struct, frozen=True):
    """One process. The number alone is used again; with the start time (in ticks) it is not."""

    pid: int
    started: int


def mark_of(pid: int) -> WorkerMark | None:
    """The mark of a media worker that runs; None where there is none of this number."""
    process = Path(f"/proc/{pid}")
    try:
        stat = (process / "stat").read_text(errors="replace")
        if WORKER not in (process / "cmdline").read_bytes().split(b"\0"):
            return None
    except OSError:
        return None
    return WorkerMark(pid, int(stat.rpartition(")")[2].split()[_START_TIME]))


def end(mark: WorkerMark) -> bool:
    """End that process, if it still runs; blocks. Returns whether it did run."""
    try:
        process = os.pidfd_open(mark.pid)
    except OSError:
        return False
    try:
        # From here on the number stays that of the process, which may be another than the marked.
        if mark_of(mark.pid) != mark:
            return False
        for number in (END, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, number)
            ended = select.poll()
            ended.register(process, select.POLLIN)
            if ended.poll(END_DEADLINE_S * 1000):
                break
    finally:
        os.close(process)
    return True
