"""The clock of the engine: Unix seconds that run evenly, whatever is done to the wall clock.

The wall clock may be set forward or back at any time, by hand, by NTP, or after a pause of the
machine. What lasts (a wrap-up, a wait, a pause before a retry) must not end early or late for that.
So `Clock.now` runs with the monotonic clock, and takes up a step of the wall clock in one go: in
the same turn of the loop every part moves the times that it remembers by the step. Whatever began
a minute ago began a minute ago afterwards too. What has a date (opening hours, a booked time) is
left where it is.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger()

# A step of the wall clock is noticed within this time.
WATCH_S = 0.5
# The wall clock may be off by less than this without having been stepped.
STEP_S = 0.5
# A timer looks at the clock at least this often.
LONGEST_SLEEP_S = 60.0

Shift = Callable[[float], None]
"""Moves each time that a part remembers, and that is no date, by a number of seconds."""


class Clock:
    """The time for every part of one engine.

    `wall` and `monotonic` are what it is read from. It is the wall clock itself until `start`, and
    looks at it every `watch_s`.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        watch_s: float = WATCH_S,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._watch_s = watch_s
        self._offset_s: float | None = None
        self._shifts: list[Shift] = []
        self._on_step: Callable[[float], None] = lambda _by_s: None
        self._timer: asyncio.TimerHandle | None = None
        self.steps = 0

    def now(self) -> float:
        """The time in Unix seconds, within STEP_S of the wall clock."""
        return self._wall() if self._offset_s is None else self._monotonic() + self._offset_s

    def monotonic(self) -> float:
        """Seconds of a clock that nobody sets: for what is remembered by no other engine."""
        return self._monotonic()

    def set_back_since(self, seen_at: float) -> float:
        """How far the wall clock was set back since an engine saw it at `seen_at`: 0, or less."""
        by_s = self.now() - seen_at
        return by_s if by_s <= -STEP_S else 0.0

    def start(self, on_step: Callable[[float], None] = lambda _by_s: None) -> None:
        """Run evenly from now on, on the running loop.

        `on_step` is called with each step (seconds), after every part has moved its times.
        """
        self._on_step = on_step
        self._offset_s = self._wall() - self._monotonic()
        self._watch()

    def stop(self) -> None:
        """Be the wall clock itself again."""
        self._offset_s = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def subscribe(self, shift: Shift) -> Callable[[], None]:
        """Call `shift` with each step of the wall clock. Returns what ends this.

        It changes nothing but times: parts that are called later have not moved theirs yet.
        """
        self._shifts.append(shift)
        return lambda: self._shifts.remove(shift)

    def shifting(self, shift: Shift) -> "Shifting":
        """Call `shift` with each step of the wall clock while the block runs."""
        return Shifting(self._shifts, shift)

    def check(self) -> None:
        """Notice a step of the wall clock that has just been made."""
        if self._offset_s is None:
            return
        by_s = self._wall() - self.now()
        if abs(by_s) >= STEP_S:
            self._offset_s += by_s
            self.move(by_s)

    def move(self, by_s: float) -> None:
        """Have every part move its times: the wall clock was stepped by this much."""
        self.steps += 1
        log.warning("clock_stepped", by_s=round(by_s, 3))
        for shift in tuple(self._shifts):
            shift(by_s)
        self._on_step(by_s)

    def _watch(self) -> None:
        self.check()
        self._timer = asyncio.get_running_loop().call_later(self._watch_s, self._watch)


class Shifting:
    """Has `shift` among the `shifts` while a block runs. Each call has one: it is small."""

    __slots__ = ("_shift", "_shifts")

    def __init__(self, shifts: list[Shift], shift: Shift) -> None:
        self._shifts = shifts
        self._shift = shift

    def __enter__(self) -> None:
        self._shifts.append(self._shift)

    def __exit__(self, *_: object) -> None:
        self._shifts.remove(self._shift)


class Timer:
    """Calls `on_time` once after each `set`: at the time that was set, or sooner.

    It calls sooner where that time is more than LONGEST_SLEEP_S away. `on_time` then finds nothing
    to do and calls `set` again. `now` gives the time in Unix seconds.
    """

    def __init__(self, now: Callable[[], float], on_time: Callable[[], None]) -> None:
        self._now = now
        self._on_time = on_time
        self._handle: asyncio.TimerHandle | None = None
        self._at = 0.0

    def set(self, at: float | None) -> None:
        """Wait for `at` (Unix seconds) instead of any time before; None: for nothing."""
        if self._handle is not None:
            if self._at == at:
                return
            self.stop()
        if at is not None:
            self._at = at
            sleep_s = min(max(at - self._now(), 0.0), LONGEST_SLEEP_S)
            self._handle = asyncio.get_running_loop().call_later(sleep_s, self._wake)

    def reset(self, at: float | None) -> None:
        """As `set`, after the clock was stepped: the same time may be sooner or later now."""
        self.stop()
        self.set(at)

    def stop(self) -> None:
        """Do not call `on_time` any more, until the next `set`."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _wake(self) -> None:
        self._handle = None
        self._on_time()


async def happens_within(event: asyncio.Event, timeout_s: float | None) -> bool:
    """Wait for `event`. Returns False where it takes longer than `timeout_s`; None: no limit."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


def shifted(at: float | None, by_s: float) -> float | None:
    """A time that moves with a step of the clock; None stays None."""
    return None if at is None else at + by_s
