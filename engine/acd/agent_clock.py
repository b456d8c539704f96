"""The clock of the agents: ends wrap-ups that are over, and begins a new day of their figures."""

import asyncio
import time
from collections.abc import Callable

from .agents import AgentRegistry

# Bounded, so that a step of the wall clock and the end of a day are noticed.
LONGEST_WAIT_S = 60.0


class AgentClock:
    """One timer for all agents, set to the next wrap-up that ends by itself."""

    def __init__(
        self, agents: AgentRegistry, *, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._agents = agents
        self._wall_clock = wall_clock
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._agents.on_deadline = self._set_timer
        self._set_timer()

    def stop(self) -> None:
        """End what was begun; wrap-ups go on until the engine comes back."""
        self._agents.on_deadline = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._agents.next_deadline
        wait_s = LONGEST_WAIT_S
        if deadline is not None:
            wait_s = min(max(deadline - self._wall_clock(), 0.0), LONGEST_WAIT_S)
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._tick)

    def _tick(self) -> None:
        now = self._wall_clock()
        self._agents.begin_day(now)
        self._agents.tick(now)
        self._set_timer()
