"""How soon the kernel lets a process of ours run: what has packets goes before other work."""

import contextlib
import ctypes
import os
import platform
import threading
import time
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Final

# A thread that wakes up goes before one whose slices of time are longer. Where they are as long as
# its own, it waits for the end of one: 1.4 ms on two cores. The kernel gives none below 0.1 ms.
SLICE_NS: Final = 100_000

_LOOK_S: Final = 1.0
# Of all processors together, by everything that the process does.
_HARDLY_RESTS: Final = 0.8
_RESTS_AGAIN: Final = 0.5

_REAL_TIME: Final = os.SCHED_RR | os.SCHED_RESET_ON_FORK
_BY_NICENESS: Final = os.SCHED_OTHER | os.SCHED_RESET_ON_FORK  # who has set it may not clear it
_OF_THIS_PROCESS: Final = Path("/proc/self")
_SYSTEM_CALLS: Final = {"x86_64": (315, 314), "aarch64": (275, 274)}  # sched_getattr, sched_setattr


class Turn(IntEnum):
    """Who goes first of those that go before everything else (sched(7), SCHED_RR)."""

    HELPER = 1
    """Who holds the interpreter for a while, for which the clock would wait."""
    CLOCK = 2
    RELAY = 3


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


def go_first(turn: Turn, thread: int = 0) -> bool:
    """Let a thread, by default this one, go before everything else on the machine when it wakes.

    Needs a right (LimitRTPRIO); without it nothing changes. Returns whether that is so now. What
    the thread starts, threads and programs, does not inherit it.
    """
    try:
        os.sched_setscheduler(thread, _REAL_TIME, os.sched_param(turn))
    except OSError:  # also where the control group has no time for it
        return False
    return True


def stand_back(niceness: int, thread: int = 0) -> None:
    """Let a thread that goes first go no more but by its niceness and its short slices."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(thread, _BY_NICENESS, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, thread or threading.get_native_id(), niceness)
        ask_for_short_slices(thread)


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


def ask_for_short_slices(thread: int = 0) -> bool:
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
    if system_call(get, thread, ctypes.byref(now), size, 0) != 0:
        return False
    now.runtime = SLICE_NS
    if system_call(set_, thread, ctypes.byref(now), 0) != 0:
        return False
    taken = _Attributes()
    system_call(get, thread, ctypes.byref(taken), size, 0)
    return bool(taken.runtime == SLICE_NS)


def first_of(proc: Path = _OF_THIS_PROCESS) -> dict[int, Turn]:
    """The threads of a process that go first."""
    found: dict[int, Turn] = {}
    for task in (proc / "task").iterdir():
        thread = int(task.name)
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK == os.SCHED_RR:
                found[thread] = Turn(os.sched_getparam(thread).sched_priority)
    return found


class Precedence:
    """Lets the threads of this process go first no more where it has hardly rested for a second.

    They might keep everything else from the processors. They go by their niceness until it rests
    again.
    """

    def __init__(self, niceness: int, used_s: Callable[[], float] = time.process_time) -> None:
        self._niceness = niceness
        self._used_so_far_s = used_s
        self._used_s = 0.0
        self._looked_at = 0.0
        self._standing_back: dict[int, Turn] = {}
        self._processors = len(os.sched_getaffinity(0))

    def look(self, now: float) -> None:
        """To be called every frame or so: once a second, see how busy the process was."""
        passed_s = now - self._looked_at
        if passed_s < _LOOK_S:
            return
        used_s = self._used_so_far_s()
        share = (used_s - self._used_s) / passed_s / self._processors
        self._used_s, self._looked_at = used_s, now
        if share > _HARDLY_RESTS or (self._standing_back and share > _RESTS_AGAIN):
            for thread, turn in first_of().items():
                stand_back(self._niceness, thread)
                self._standing_back[thread] = turn
        elif self._standing_back:
            for thread, turn in self._standing_back.items():
                go_first(turn, thread)
            self._standing_back.clear()
