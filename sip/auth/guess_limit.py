"""How many wrong passwords one host may try."""

from typing import Final

from ..rate_limit import RateLimit, RateLimiter

GUESSES: Final = RateLimit(messages_per_s=1.0, burst=10.0)
"""How many wrong passwords one host may try."""
PAUSE_S: Final = 30.0
"""For how long nothing is read from a host that has tried more."""
_MOST_HOSTS: Final = 1_000


class GuessLimit:
    """The hosts that have tried too many wrong passwords. Times are on the caller's clock."""

    def __init__(self) -> None:
        self._guesses = RateLimiter(GUESSES)
        self._paused: dict[str, float] = {}

    def is_paused(self, host: str, now: float) -> bool:
        """Whether a host has tried too many wrong passwords to be heard now."""
        until = self._paused.get(host)
        if until is None or now < until:
            return until is not None
        del self._paused[host]
        return False

    def note_wrong(self, host: str, now: float) -> None:
        """A host has shown a wrong password."""
        if self._guesses.allow(host, now):
            return
        self._paused.pop(host, None)
        if len(self._paused) >= _MOST_HOSTS:
            del self._paused[next(iter(self._paused))]
        self._paused[host] = now + PAUSE_S
