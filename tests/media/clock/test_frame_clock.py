"""The 20 ms clock: no drift, no burst."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from media.clock import alarm
from media.clock import frame_clock as clock
from media.clock.alarm import LoopAlarm
from media.clock.frame_clock import FrameClock
from tests.support import virtual_loop


def set_monotonic(monkeypatch: pytest.MonkeyPatch, now: Callable[[], float]) -> None:
    """Let the clock and its alarm see this time."""
    monkeypatch.setattr(clock, "monotonic", now)
    monkeypatch.setattr(alarm, "monotonic", now)


def never(frames: int) -> None:
    pytest.fail(f"{frames} frames skipped")


def test_it_ticks_without_drift_and_stops_when_there_is_nothing_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        set_monotonic(monkeypatch, lambda: loop.time() + 0.0004)  # always a bit late
        due: list[float] = []

        def tick(due_at: float) -> int:
            due.append(due_at)
            return len(due) < 500

        frames = FrameClock(partial(LoopAlarm, loop), tick, never)
        frames.start()
        frames.start()  # runs already
        await asyncio.sleep(30)
        assert len(due) == 500
        assert due[-1] - due[0] == pytest.approx(499 * 0.02)
        frames.start()
        await asyncio.sleep(30)
        assert len(due) == 501

    virtual_loop.run(main())


def test_frames_missed_are_skipped_not_sent_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        held_up_s = 0.0
        set_monotonic(monkeypatch, lambda: loop.time() + held_up_s)
        due: list[float] = []
        skipped: list[int] = []

        def tick(due_at: float) -> int:
            nonlocal held_up_s
            due.append(round(due_at, 6))
            if len(due) == 3:
                held_up_s = 0.11
            return len(due) < 6

        FrameClock(partial(LoopAlarm, loop), tick, skipped.append).start()
        await asyncio.sleep(5)
        assert skipped == [4]
        assert due == [0.02, 0.04, 0.06, 0.16, 0.18, 0.2]

    virtual_loop.run(main())


def test_a_timer_that_fires_early_is_no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        set_monotonic(monkeypatch, lambda: loop.time() * 0.9)
        due: list[float] = []

        def tick(due_at: float) -> int:
            due.append(due_at)
            return 1

        frames = FrameClock(partial(LoopAlarm, loop), tick, never)
        frames.start()
        await asyncio.sleep(1.001)
        frames.close()
        assert len(due) == 45
        await asyncio.sleep(1)
        assert len(due) == 45

    virtual_loop.run(main())


def test_a_pause_of_several_frames_is_shortened_when_there_is_something_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        set_monotonic(monkeypatch, loop.time)
        due: list[float] = []

        def tick(due_at: float) -> int:
            due.append(round(due_at, 6))
            return 5

        frames = FrameClock(partial(LoopAlarm, loop), tick, never)
        frames.start()
        await asyncio.sleep(0.25)
        assert due == [0.02, 0.12, 0.22]
        frames.start()  # 0.25 s: the next frame of the same grid is at 0.26 s
        frames.start()
        await asyncio.sleep(0.115)
        assert due == [0.02, 0.12, 0.22, 0.26, 0.36]

    virtual_loop.run(main())


def test_a_start_within_a_tick_ticks_at_the_next_frame_and_not_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        set_monotonic(monkeypatch, loop.time)
        due: list[float] = []

        def tick(due_at: float) -> int:
            due.append(round(due_at, 6))
            if len(due) in (1, 2):
                frames.start()
            return 5 if len(due) < 3 else 0

        frames = FrameClock(partial(LoopAlarm, loop), tick, never)
        frames.start()
        await asyncio.sleep(1)
        assert due == [0.02, 0.04, 0.06]

    virtual_loop.run(main())
