"""An agent's figures of the present day: calls, talk time, and the time in each state."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class AgentDay:
    """The figures of `day` (an ISO date). Times count up to `counted_from` (Unix seconds)."""

    counted_from: float
    day: str = ""
    calls: int = 0
    talk_s: float = 0.0
    times: dict[str, float] = field(default_factory=dict)

    def count(self, state: str, now: float) -> None:
        """The agent was in `state` until now."""
        spent_s = max(0.0, now - self.counted_from)
        self.times[state] = self.times.get(state, 0.0) + spent_s
        if state == "talking":
            self.talk_s += spent_s
        self.counted_from = now

    def time_in(self, state: str, present: str, now: float) -> float:
        """Seconds in `state`, up to now; the agent is in the state `present`."""
        passed_s = max(0.0, now - self.counted_from) if state == present else 0.0
        return self.times.get(state, 0.0) + passed_s

    def begin(self, day: str, now: float) -> bool:
        """Count from nothing when `day` is another one. Returns whether it is."""
        if day == self.day:
            return False
        self.day, self.calls, self.talk_s, self.times = day, 0, 0.0, {}
        self.counted_from = now
        return True

    def shift(self, by_s: float) -> None:
        """The clock was stepped."""
        self.counted_from += by_s
