"""What came of the deliveries of one webhook since the engine started."""

from dataclasses import dataclass


@dataclass(slots=True)
class DeliveryCounts:
    """How many arrived, how many attempts failed, how many were given up, and the last of them.

    Times are Unix seconds.
    """

    delivered: int = 0
    failures: int = 0
    given_up: int = 0
    last_delivered_at: float | None = None
    last_error: str | None = None
    last_error_at: float | None = None

    def count_delivered(self, now: float) -> None:
        """One arrived."""
        self.delivered += 1
        self.last_delivered_at = now

    def count_failure(self, reason: str, now: float) -> None:
        """An attempt failed."""
        self.failures += 1
        self.last_error, self.last_error_at = reason, now
