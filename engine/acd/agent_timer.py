"""The clock of the agents: has their wrap-ups end (Agent.wrap_up_ends), and a new day begin."""

import time
from collections.abc import Callable

from ..clock import Timer
from .agents import AgentRegistry

# The end of a day is noticed after this time at most.
LONGEST_WAIT_S = 60.0


class AgentTimer:
    """One timer for all agents, set to the next wrap-up that ends by itself."""

    def __init__(self, agents: AgentRegistry, *, clock: Callable[[], float] = time.time) -> None:
        self._agents = agents
        self._clock = clock
        self._timer = Timer(clock, self._tick)
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._unsubscribe = self._agents.subscribe(on_deadline=self._set_timer)
        self._set_timer()

    def stop(self) -> None:
        """End what was begun; wrap-ups go on until the engine comes back."""
        self._unsubscribe()
        self._timer.stop()

    def _set_timer(self) -> None:
        deadline = self._agents.next_deadline
        soon = self._clock() + LONGEST_WAIT_S
        self._timer.set(soon if deadline is None else min(deadline, soon))

    def _tick(self) -> None:
        now = self._clock()
        self._agents.begin_day(now)
        self._agents.tick(now)
        self._set_timer()
