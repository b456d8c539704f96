"""How soon the kernel lets a process of ours run: what has packets goes before other work."""

import contextlib
import ctypes
import os
import platform
from pathlib import Path
from typing import Final

# A thread that wakes up goes before one whose slices of time are longer. Where they are as long as
# its own, it waits for the end of one: 1.4 ms on two cores. The kernel gives none below 0.1 ms.
SLICE_NS: Final = 100_000

_OF_THIS_PROCESS: Final = Path("/proc/self")
_SYSTEM_CALLS: Final = {"x86_64": (315, 314), "aarch64": (275, 274)}  # sched_getattr, sched_setattr


class _Attributes(ctypes.Structure):
    """struct sched_attr, see sched_setattr(2)."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def run_before_others(niceness: int) -> None:
    """Take this niceness, and short slices of time, each where it is allowed."""
    ask_for_niceness(niceness)
    ask_for_short_slices()


def ask_for_niceness(niceness: int, *, proc: Path = _OF_THIS_PROCESS) -> None:
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


def ask_for_short_slices() -> bool:
    """Run in short slices of time, so that this thread and those it starts wait less for others.

    Needs no right. Linux has it from 6.12 on; an older one, and a machine whose system calls are
    not known here, change nothing. Returns whether the kernel took it.
    """
    calls = _SYSTEM_CALLS.get(platform.machine())
    if calls is None:
        return False
    get, set_ = calls
    system_call = ctypes.CDLL(None, use_errno=True).syscall
    now, size = _Attributes(), ctypes.sizeof(_Attributes)
    if system_call(get, 0, ctypes.byref(now), size, 0) != 0:
        return False
    now.runtime = SLICE_NS
    if system_call(set_, 0, ctypes.byref(now), 0) != 0:
        return False
    taken = _Attributes()
    system_call(get, 0, ctypes.byref(taken), size, 0)
    return bool(taken.runtime == SLICE_NS)
