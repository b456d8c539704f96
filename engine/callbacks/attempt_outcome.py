"""The outcome of an attempt that could not be made, or not be carried on."""

from config.retry import RetryCause

from ..errors import EngineError
from ..job import Job
from ..store.store import StoreError
from .retry import Outcome


def of_refusal(error: EngineError, job: Job, *, is_offered: bool) -> Outcome:
    """What becomes of `job`. `is_offered`: to agents of a queue."""
    if isinstance(error, StoreError):
        return Outcome("failed", "unavailable", error.message, may_retry=True)
    if error.kind == "refused":
        not_before = error.data.get("not_before")
        may_be_later = error.data.get("policy") in ("hours", "on_the_line")
        later = not_before if may_be_later else None
        # The customer may have another number that may still be called.
        is_other = job.dial_to is not None
        return Outcome(
            "failed",
            "refused",
            error.message,
            may_retry=is_other,
            not_before=later,
            is_date=error.data.get("policy") == "hours",
        )
    missed = is_offered and error.field == "agent"
    cause: RetryCause | None = "operator_missed" if missed else None
    return Outcome("failed", "unavailable", error.message, may_retry=True, retry_cause=cause)
