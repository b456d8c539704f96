"""The clock of the agents: ends wrap-ups that are over, and begins a new day of their figures."""

import time
from collections.abc import Callable

from ..timer import WallClockTimer
from .agents import AgentRegistry

# The end of a day is noticed after this time at most.
LONGEST_WAIT_S = 60.0


class AgentClock:
    """One timer for all agents, set to the next wrap-up that ends by itself."""

    def __init__(
        self, agents: AgentRegistry, *, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._agents = agents
        self._wall_clock = wall_clock
        self._timer = WallClockTimer(wall_clock, self._tick)

    def start(self) -> None:
        """Begin, on the running loop."""
        self._agents.on_deadline = self._set_timer
        self._set_timer()

    def stop(self) -> None:
        """End what was begun; wrap-ups go on until the engine comes back."""
        self._agents.on_deadline = None
        self._timer.stop()

    def _set_timer(self) -> None:
        soon = self._wall_clock() + LONGEST_WAIT_S
        deadline = self._agents.next_deadline
        self._timer.set(soon if deadline is None else min(deadline, soon))

    def _tick(self) -> None:
        now = self._wall_clock()
        self._agents.begin_day(now)
        self._agents.tick(now)
        self._set_timer()
