"""What each agent did today, kept by counting as it happens: their occupancy and handling time."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .measures import READY_STATES, mean_of, share

BUSY_STATES = frozenset({"talking", "wrap_up"})
_READY = frozenset(READY_STATES)


@dataclass(slots=True)
class _Day:
    state: str
    since: float
    busy_s: float = 0.0
    ready_s: float = 0.0
    talks: int = 0


class AgentDays:
    """Times of agents in their states since the day began. `began` is that moment."""

    def __init__(self) -> None:
        self._began = 0.0
        self._days: dict[str, _Day] = {}

    def begin(self, began: float, periods: Iterable[tuple[str, str, float]] = ()) -> None:
        """A day begins; `periods` (agent, state, since) are those of it so far, in order.

        Without any, each agent goes on in the state that they are in.
        """
        present = [(agent, day.state, began) for agent, day in self._days.items()]
        self._began = began
        self._days = {}
        for agent, state, since in list(periods) or present:
            self.change(agent, state, since)

    def change(self, agent: str, state: str, since: float) -> None:
        """An agent enters a state."""
        since = max(since, self._began)
        day = self._days.get(agent)
        if day is None:
            self._days[agent] = day = _Day(state, since)
        else:
            self._spend(day, since)
            day.state, day.since = state, max(since, day.since)
        day.talks += state == "talking"

    def shift(self, by_s: float) -> None:
        """The clock was stepped: what they do now began as long ago as before."""
        for day in self._days.values():
            day.since += by_s

    def view(self, agent: str, now: float) -> dict[str, Any]:
        """`occupancy_percent` and `aht_s` of an agent, as report.agent gives them for today."""
        day = self._days.get(agent)
        if day is None:
            return {"occupancy_percent": None, "aht_s": None}
        self._spend(day, now)
        day.since = max(now, day.since)
        return {
            "occupancy_percent": share(day.busy_s, day.ready_s),
            "aht_s": mean_of(day.busy_s, day.talks),
        }

    @staticmethod
    def _spend(day: _Day, until: float) -> None:
        seconds = max(0.0, until - day.since)
        if day.state in BUSY_STATES:
            day.busy_s += seconds
        if day.state in _READY:
            day.ready_s += seconds
