"""When a party told secrets, in the time of the recogniser that listens to them."""

from typing import Final

MOST_KEPT: Final = 100
"""How many of them are remembered: what is recognised is told within seconds."""


class SecretSpans:
    """The spans of one recognition. `is_open`: the party tells a secret now.

    A recogniser counts milliseconds since its sound began. What it says of a span is withheld,
    and so is all that it says before the span is over.
    """

    def __init__(self) -> None:
        self._began_at = 0.0
        self._spans: list[tuple[float, float]] = []
        self._open_since = 0.0
        self.is_open = False

    def sound_begins(self, now: float) -> None:
        """The recogniser hears the party from now on."""
        self._began_at = now

    def change(self, now: float, *, is_open: bool) -> None:
        """The party begins to tell a secret, or has told it."""
        if is_open:
            self._open_since = now
        else:
            self._spans = [*self._spans[1 - MOST_KEPT :], (self._open_since, now)]
        self.is_open = is_open

    def has(self, from_ms: int, to_ms: int) -> bool:
        """Whether any of what was said in this time may be of a secret."""
        first, last = self._began_at + from_ms / 1000, self._began_at + to_ms / 1000
        return self.is_open or any(first < end and last > begin for begin, end in self._spans)
