"""One callback at one time of the monotonic clock, good to a tenth of a millisecond on Linux."""

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

_EARLY_S: Final = 0.0015  # the loop's timers are good to a millisecond
_NANOSECONDS: Final = 1_000_000_000
_CLOCK_MONOTONIC: Final = 1
_TFD_FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC
_TFD_TIMER_ABSTIME: Final = 1


class Alarm(Protocol):
    """Calls back once at the time that was set last."""

    def set(self, at: float) -> None:
        """Call back at `at`, in seconds of the monotonic clock; at once where it is past."""
        ...

    def close(self) -> None:
        """Call back no more, and give back what it holds. It cannot be set again."""
        ...


class LoopAlarm:
    """An alarm by a timer of the loop: up to 1.5 ms early, and as late as the loop's timers are."""

    __slots__ = ("_at", "_call_back", "_handle", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, call_back: Callable[[], None]) -> None:
        self._loop = loop
        self._call_back = call_back
        self._at = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at: float) -> None:
        """See Alarm."""
        self.close()
        self._at = at
        self._handle = self._loop.call_later(max(0.0, at - monotonic()), self._fire)

    def close(self) -> None:
        """See Alarm."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        if monotonic() < self._at - _EARLY_S:
            self.set(self._at)
            return
        self._handle = None
        self._call_back()


class DescriptorAlarm:
    """An alarm by a timer of the kernel that is read like a socket; timerfd_create(2).

    It is never early. Raises OSError where there is no such timer.
    """

    __slots__ = ("_call_back", "_descriptor", "_libc", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, call_back: Callable[[], None]) -> None:
        self._loop = loop
        self._call_back = call_back
        # Python has these calls from 3.13 on.
        self._libc = ctypes.CDLL(None, use_errno=True)
        try:
            descriptor = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_FLAGS)
        except AttributeError as error:
            raise OSError("this system has no timerfd_create") from error
        if descriptor < 0:
            raise _last_error()
        self._descriptor: int = descriptor
        loop.add_reader(descriptor, self._fire)

    def set(self, at: float) -> None:
        """See Alarm."""
        at_ns = max(1, round(at * _NANOSECONDS))  # 0 would be never
        value = _TimerValue(_Time(0, 0), _Time(*divmod(at_ns, _NANOSECONDS)))
        arguments = (self._descriptor, _TFD_TIMER_ABSTIME, ctypes.byref(value), None)
        if self._libc.timerfd_settime(*arguments) != 0:
            raise _last_error()

    def close(self) -> None:
        """See Alarm."""
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _fire(self) -> None:
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return  # set anew after it was found to be due
        self._call_back()


def precise_alarm(loop: asyncio.AbstractEventLoop, call_back: Callable[[], None]) -> Alarm:
    """An alarm by the kernel, or by the loop where the kernel has none to give."""
    with contextlib.suppress(OSError):
        return DescriptorAlarm(loop, call_back)
    return LoopAlarm(loop, call_back)


class _Time(ctypes.Structure):
    """struct timespec."""

    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerValue(ctypes.Structure):
    """struct itimerspec, see timerfd_settime(2)."""

    _fields_ = (("interval", _Time), ("value", _Time))


def _last_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
