"""What a process that reads foreign data gives up before it reads any: memory, files, privileges.

The library that reads the data may be led to anything. Here that ends a process that has nothing
open, and costs the one text or file.
"""

import ctypes
import resource
from typing import Final

OPEN_FILES: Final = 32

_PR_SET_DUMPABLE = 4  # linux/prctl.h
_PR_SET_NO_NEW_PRIVS = 38


def confine(memory_bytes: int) -> None:
    """Bounded memory, no file written, no core dump with what was said, no new privileges."""
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def allow_cpu(seconds: int) -> None:
    """End the process by a signal once it has used this much more processor time, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used_s = int(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (used_s + seconds, resource.RLIM_INFINITY))
