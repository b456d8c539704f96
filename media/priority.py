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

_CLOCK_OF_THREAD: Final = 6  # CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED
_LOOK_S: Final = 1.0
_HARDLY_RESTS: Final = 0.9
_RESTS_AGAIN: Final = 0.6

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


def used_s(thread: int) -> float:
    """Seconds of processor time that a thread of this machine has used."""
    return time.clock_gettime(~thread << 3 | _CLOCK_OF_THREAD)  # clock_getcpuclockid(3)


class Precedence:
    """Lets threads go first, but for one that has hardly rested in the last second: it might keep
    everything else from the processor. It goes by its niceness until it rests again."""

    def __init__(self, niceness: int, used: Callable[[int], float] = used_s) -> None:
        self._niceness = niceness
        self._used = used
        self._turns: dict[int, Turn] = {}
        self._used_s: dict[int, float] = {}
        self._standing_back: set[int] = set()
        self._looked_at = 0.0

    def add(self, thread: int, turn: Turn) -> bool:
        """Let this thread go first from now on. Returns whether it may."""
        if not go_first(turn, thread):
            return False
        self._turns[thread] = turn
        self._used_s[thread] = self._used(thread)
        return True

    def look(self, now: float) -> None:
        """To be called every frame or so: once a second, see how busy the threads were."""
        passed_s = now - self._looked_at
        if passed_s < _LOOK_S:
            return
        self._looked_at = now
        for thread, turn in self._turns.items():
            used = self._used(thread)
            busy, self._used_s[thread] = (used - self._used_s[thread]) / passed_s, used
            if thread in self._standing_back:
                if busy < _RESTS_AGAIN and go_first(turn, thread):
                    self._standing_back.discard(thread)
            elif busy > _HARDLY_RESTS:
                stand_back(self._niceness, thread)
                self._standing_back.add(thread)
