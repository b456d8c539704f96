"""Recording."""

from typing import Protocol


class Tap(Protocol):
    """Takes what a leg's peer says."""

    def write(self, timestamp: int, payload: bytes, codec: str, now: float) -> None:
        """One frame of G.711."""
