"""One callback at one time: of the loop, and of the kernel."""

import asyncio
import ctypes
import os
import selectors
from collections.abc import Callable
from time import monotonic

import pytest

from media.clock import alarm
from media.clock.alarm import DescriptorAlarm, LoopAlarm, precise_alarm
from tests.support import virtual_loop


class _Readers:
    """The part of a loop that reads descriptors, called by the test."""

    def __init__(self) -> None:
        self.readers: dict[int, Callable[[], None]] = {}

    def add_reader(self, descriptor: int, call_back: Callable[[], None]) -> None:
        self.readers[descriptor] = call_back

    def remove_reader(self, descriptor: int) -> None:
        del self.readers[descriptor]

    def read(self, timeout_s: float) -> None:
        """Call back for every descriptor that can be read within this time."""
        with selectors.DefaultSelector() as selector:
            for descriptor, call_back in self.readers.items():
                selector.register(descriptor, selectors.EVENT_READ, call_back)
            for key, _ in selector.select(timeout_s):
                key.data()


def test_an_alarm_of_the_loop_calls_once_at_the_time_that_was_set_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(alarm, "monotonic", loop.time)
        called: list[float] = []
        one = LoopAlarm(loop, lambda: called.append(round(loop.time(), 3)))
        one.set(1.0)
        one.set(2.0)
        await asyncio.sleep(3)
        assert called == [2.0]
        one.set(1.0)  # past
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert called == [2.0, 3.0]
        one.set(4.0)
        one.set(4.5)
        one.close()
        await asyncio.sleep(3)
        assert called == [2.0, 3.0]

    virtual_loop.run(main())


def test_an_alarm_of_the_kernel_calls_once_and_never_early() -> None:
    loop = _Readers()
    called: list[float] = []
    one = DescriptorAlarm(loop, lambda: called.append(monotonic()))  # type: ignore[arg-type]
    due_at = monotonic() + 0.005
    one.set(due_at)
    loop.read(30.0)
    assert len(called) == 1 and called[0] >= due_at
    loop.read(0.0)
    assert len(called) == 1
    one.set(0.0)  # past
    loop.read(30.0)
    assert len(called) == 2
    one.close()
    assert not loop.readers


def test_an_alarm_of_the_kernel_that_was_set_anew_when_it_was_due_does_not_call() -> None:
    loop = _Readers()
    called: list[float] = []
    one = DescriptorAlarm(loop, lambda: called.append(1))  # type: ignore[arg-type]
    one.set(0.0)
    (fire,) = loop.readers.values()
    one.set(monotonic() + 3600)
    fire()
    one.set(0.0)
    one.set(monotonic() + 3600)
    loop.read(0.0)
    fire()
    assert not called
    one.close()


def test_without_a_timer_of_the_kernel_the_loop_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(alarm, "monotonic", loop.time)
        monkeypatch.setattr(ctypes, "CDLL", _NoTimers)
        called: list[float] = []
        one = precise_alarm(loop, lambda: called.append(loop.time()))
        one.set(1.0)
        await asyncio.sleep(2)
        assert called == [1.0]

    virtual_loop.run(main())


def test_a_kernel_that_has_no_descriptor_left_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", _NoDescriptors)
    monkeypatch.setattr(ctypes, "get_errno", lambda: 24)
    with pytest.raises(OSError, match=os.strerror(24)):
        DescriptorAlarm(_Readers(), lambda: None)  # type: ignore[arg-type]


class _NoTimers:
    """A C library of a system that has no such calls."""

    def __init__(self, _name: None, use_errno: bool) -> None:
        pass


class _NoDescriptors(_NoTimers):
    """A C library whose calls fail."""

    def timerfd_create(self, _clock: int, _flags: int) -> int:
        return -1


def test_an_alarm_of_the_kernel_that_was_given_back_cannot_be_set() -> None:
    one = DescriptorAlarm(_Readers(), lambda: None)  # type: ignore[arg-type]
    one.close()
    one._descriptor = -1  # the number may be another descriptor's by now
    with pytest.raises(OSError, match="Bad file descriptor"):
        one.set(1.0)
