"""Who is not to be offered an entry that has left, should it come back soon.

An agent who missed an entry is not asked for it again for a while. The entry may leave meanwhile
and come back: a callback that is tried again, a caller whose agent hung up in the whisper.
"""

# What no `again_s` or pause goes below: one phone is not rung for one call more often than this.
LEAST_AGAIN_S = 1.0
# How many entries may be remembered before those whose time is over are forgotten.
REMEMBERED = 64


class Withheld:
    """By entry: the agents who are not to be asked again, and until when (Unix seconds)."""

    def __init__(self) -> None:
        self._by_entry: dict[str, dict[str, float]] = {}
        self._forget_above = REMEMBERED

    def pop(self, entry_id: str) -> dict[str, float]:
        """Take out what is remembered of an entry that comes back."""
        return self._by_entry.pop(entry_id, {})

    def withhold(self, entry_id: str, agent: str, until: float, now: float) -> None:
        """Withhold an entry that has left from one more agent."""
        self.put(entry_id, self._by_entry.get(entry_id, {}) | {agent: until}, now)

    def put(self, entry_id: str, missed: dict[str, float], now: float) -> None:
        """Remember which agents must not get an entry that leaves."""
        self._by_entry[entry_id] = missed
        if len(self._by_entry) > self._forget_above:
            self._by_entry = {
                one: until for one, until in self._by_entry.items() if max(until.values()) > now
            }
            self._forget_above = 2 * len(self._by_entry) + REMEMBERED

    def shift(self, by_s: float) -> None:
        """The clock was stepped."""
        self._by_entry = {
            entry: {name: until + by_s for name, until in missed.items()}
            for entry, missed in self._by_entry.items()
        }
