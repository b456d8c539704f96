"""The outcome of an attempt, as its callback hands it back."""

from dataclasses import dataclass

from ..job import Failure, JobState, RetryCause
from .retry import INTERRUPTED


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: the job's next state unless it is retried, and why."""

    state: JobState
    result: str
    cause: str
    failure: Failure | None = None
    may_retry: bool = False
    retry_cause: RetryCause | None = None
    not_before: float | None = None
    """When the customer may be called, where it is only too early or too late for that now."""

    @property
    def is_interrupted(self) -> bool:
        """Whether the attempt was broken off by us, and is to be made anew."""
        return self.result == INTERRUPTED
