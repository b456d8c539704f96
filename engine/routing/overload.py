"""Whether the engine and its media workers keep time, and whether new calls are refused for that.

Every call shares one event loop and one media worker. Beyond what they can do, each further call
delays all others. So new calls are refused before that, by what is measured, and those that are up
stay good. A few calls are never the cause: then another program has the processor, and refusing
would help nobody.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, TypedDict

import structlog

from ..errors import EngineError
from ..store.protocols import NOTHING_PUBLISHED, Publisher

log = structlog.get_logger()

PERIOD_S: Final = 0.1
# The time over which lateness is measured, and after which the engine is relieved at the earliest.
WINDOW_S: Final = 2.0
# How soon a refused request may be tried again.
RETRY_AFTER_S: Final = 10
# With fewer legs nothing is refused.
LEAST_LEGS: Final = 40
# A process that uses this share of its processor causes its own lateness: a part of the limit is
# then enough. With the second share it can take no more.
BUSY: Final = 0.8
PART_OF_LIMIT: Final = 0.25
FULL: Final = 0.95

Load = tuple[float, float]
"""How late (seconds), and how busy (share of a processor, of a worker: of what others left)."""


class LoadStatus(TypedDict):
    """How late and how busy the engine and its media workers are."""

    overloaded: bool
    """Whether new calls are refused."""
    reason: str | None
    """Why, in words."""
    refused: int
    """How many were refused since the start."""
    loop_late_ms: float
    """How late the event loop is on average."""
    loop_busy: float
    """Which share of a processor it used."""
    media_late_ms: float
    """How late the media worker is that is the least so."""
    media_busy: float
    """Which share it used of the processor time that other programs left to it."""


class Overload:
    """Refuses new calls while the engine or every media worker is late.

    `media` returns the load of the media worker that has the least, `legs` how many legs are up.
    `limit_s` is how late they may be on average; 0: nothing is ever refused.
    """

    def __init__(
        self,
        limit_s: float = 0.0,
        *,
        media: Callable[[], Load] = lambda: (0.0, 0.0),
        legs: Callable[[], int] = lambda: 0,
        events: Publisher = NOTHING_PUBLISHED,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        self._limit_s = limit_s
        self._media = media
        self._legs = legs
        self._events = events
        self._cpu = cpu
        self._late: deque[float] = deque(maxlen=round(WINDOW_S / PERIOD_S))
        self._cpu_at: deque[tuple[float, float]] = deque(maxlen=round(WINDOW_S / PERIOD_S))
        self._timer: asyncio.TimerHandle | None = None
        self._calm_s = 0.0
        self._since = 0.0
        self.reason: str | None = None
        """Why new calls are refused, in words; None while they are accepted."""
        self.refused = 0

    # -- measuring ----------------------------------------------------------------------------

    def configure(self, limit_s: float) -> None:
        """Let them be this late from now on."""
        self._limit_s = limit_s

    def start(self) -> None:
        """Begin to measure, on the running loop."""
        self._wait()

    def stop(self) -> None:
        """Measure no more, and refuse nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.reason = None

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(PERIOD_S, self._due, loop.time() + PERIOD_S)

    def _due(self, at: float) -> None:
        now = asyncio.get_running_loop().time()
        self.measure(max(now - at, 0.0), now)
        self._wait()

    def measure(self, late_s: float, now: float) -> None:
        """The event loop was this late, at `now`; decide again."""
        self._late.append(late_s)
        self._cpu_at.append((now, self._cpu()))
        causes = [
            cause
            for what, load in (("the event loop", self.loop()), ("the media worker", self._media()))
            if (cause := self._cause(what, load)) is not None
        ]
        if causes and self._legs() >= LEAST_LEGS:
            self._calm_s = 0.0
            self._overloaded(causes[0], now)
        elif self.reason is not None:
            self._calm_s += PERIOD_S + late_s
            if self._calm_s >= WINDOW_S:
                self._relieved(now)

    def loop(self) -> Load:
        """How late and how busy the event loop was, over the last WINDOW_S."""
        late_s = sum(self._late) / len(self._late) if self._late else 0.0
        if len(self._cpu_at) < 2:
            return late_s, 0.0
        (began, cpu_began), (ended, cpu_ended) = self._cpu_at[0], self._cpu_at[-1]
        passed_s = ended - began
        return late_s, (cpu_ended - cpu_began) / passed_s if passed_s > 0 else 0.0

    def _cause(self, what: str, load: Load) -> str | None:
        """Why the load is too much; None if it is not."""
        late_s, busy = load
        if not self._limit_s:
            return None
        # What had been too much has to become much less.
        limit_s = self._limit_s * (0.5 if self.reason is not None else 1.0)
        if late_s > limit_s or (busy >= BUSY and late_s > limit_s * PART_OF_LIMIT):
            return f"{what} is {late_s * 1e3:.0f} ms late"
        if busy >= FULL and what != "the event loop":
            return f"{what} has no processor time left"
        return None

    def _overloaded(self, cause: str, now: float) -> None:
        was_calm, self.reason = self.reason is None, f"the engine is overloaded: {cause}"
        if was_calm:
            self._since = now
            log.warning("overloaded", reason=cause, legs=self._legs())
            self._events.publish("engine.overloaded", reason=cause, legs=self._legs())

    def _relieved(self, now: float) -> None:
        self.reason = None
        log.info("relieved", for_s=round(now - self._since, 1), refused=self.refused)
        self._events.publish("engine.relieved", for_s=now - self._since, legs=self._legs())

    # -- refusing -----------------------------------------------------------------------------

    def check(self) -> None:
        """Raise EngineError `unavailable` where no call may be added now."""
        if self.reason is not None:
            self.refused += 1
            data = {"reason": "overload", "retry_after_s": RETRY_AFTER_S}
            raise EngineError("unavailable", self.reason, data=data)

    def view(self) -> LoadStatus:
        """What engine.status says of it."""
        loop_late_s, loop_busy = self.loop()
        media_late_s, media_busy = self._media()
        return {
            "overloaded": self.reason is not None,
            "reason": self.reason,
            "refused": self.refused,
            "loop_late_ms": round(loop_late_s * 1e3, 3),
            "loop_busy": round(loop_busy, 3),
            "media_late_ms": round(media_late_s * 1e3, 3),
            "media_busy": round(media_busy, 3),
        }
