"""What a process costs, read from the kernel: CPU time, memory, open files."""

import contextlib
import os
import resource
import time
from collections import Counter
from pathlib import Path

WANTED_FILES = 65536


def cpu_s(pid: int) -> float:
    """User and system CPU time of all threads of a process so far, in seconds.

    The process's CPU-time clock has nanoseconds where /proc/PID/stat has hundredths of a second;
    its id is made as clock_getcpuclockid(3) makes it.
    """
    return time.clock_gettime(~pid << 3 | 2)


def pss_bytes(pid: int) -> int:
    """Proportional set size: private memory, plus this process's share of what is shared."""
    return _memory(pid, "Pss")


def anonymous_bytes(pid: int) -> int:
    """Memory that is no file's: what the process holds, whoever else runs the same program."""
    return _memory(pid, "Anonymous")


def _memory(pid: int, kind: str) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} has no {kind}")


def descendants(pid: int) -> list[int]:
    """Processes started by this one, and by those."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that has just ended
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *descendants(child)]
    return found


def command_line(pid: int) -> bytes:
    """What a process was started with; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def open_files(pid: int) -> Counter[str]:
    """How many descriptors of each kind a process holds: socket, pipe, anon_inode, file."""
    kinds: Counter[str] = Counter()
    directory = f"/proc/{pid}/fd"
    for name in os.listdir(directory):
        try:
            target = os.readlink(f"{directory}/{name}")
        except FileNotFoundError:
            continue
        kind, colon, _ = target.partition(":")
        kinds[kind if colon and not kind.startswith("/") else "file"] += 1
    return kinds


def threads(pid: int) -> int:
    """How many threads a process has."""
    return len(os.listdir(f"/proc/{pid}/task"))


def allow_open_files() -> int:
    """Raise the soft limit of open files as far as is wanted and allowed; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft
