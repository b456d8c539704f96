"""The settlement of an attempt: whether its job is tried again, waits on, or is over.

The decision after a failure is `retry.next_step`; here it is carried out, saved and told.
"""

from collections.abc import Callable

import msgspec

from ..acd.waiting import Offer
from ..calls.services import CallServices
from ..job import OFFERS_KEPT, Failure, Job
from ..routing.admission import Admission
from ..store.event_log import EventLog
from . import retry
from .open_jobs import OpenJobs
from .outcome import Outcome
from .queued_jobs import QueuedJobs

# Operators may miss a job many times while it waits in a queue: so many attempts are shown.
MISSED_KEPT = 20


class Completion:
    """Ends open jobs, or has them tried again.

    `schedule` is told of each that has a time, `ended` of each that is over.
    """

    def __init__(
        self,
        services: CallServices,
        admission: Admission,
        jobs: OpenJobs,
        places: QueuedJobs,
        *,
        schedule: Callable[[Job], None],
        ended: Callable[[Job], None],
        wall_clock: Callable[[], float],
    ) -> None:
        self._services = services
        self._admission = admission
        self._open = jobs
        self._places = places
        self._schedule = schedule
        self._ended = ended
        self._wall_clock = wall_clock

    def settle(self, job: Job, outcome: Outcome, offer: Offer | None) -> None:
        """An attempt of the job is over: decide what follows, and have it so."""
        if job.attempts and job.attempts[-1].ended is None:
            job.attempts[-1].ended = self._wall_clock()
        if offer is not None:
            self._places.free(offer)
        if outcome.is_interrupted:  # it keeps its place
            self._again(job, outcome, None)
            return
        if outcome.not_before is not None:
            self.put_off(job, outcome.not_before, outcome.cause)
            return
        if self._is_free_miss(job, outcome) and self._waits_on(job, outcome, offer):
            return
        self._places.leave(job)
        self._follow(job, outcome)

    def not_to_be_called(self, job: Job, reason: str) -> None:
        """The number whose turn it is may not be called any more: the others have theirs."""
        refused = Outcome("failed", "refused", reason, may_retry=True)
        self._places.leave(job)
        if job.dial_to is None or not job.attempts:
            self.finish(job, refused)
            return
        left = [number for number in job.request.numbers if number != job.dial_to]
        job.request = msgspec.structs.replace(job.request, numbers=left)
        self._follow(job, refused)

    def _follow(self, job: Job, outcome: Outcome) -> None:
        """What the policy wants after `outcome`: another attempt, or the end."""
        dial = self._services.dial
        policy = retry.policy_of(
            job.request, default_attempts=dial.max_attempts, default_pause_s=dial.retry_s
        )
        step = retry.next_step(job, outcome, policy, self._wall_clock())
        if isinstance(step, retry.GiveUp):
            self.finish(job, outcome)
            return
        job.dial_to = step.number
        self._places.interrupt(job, step.at)
        self._again(job, outcome, step.at)

    @staticmethod
    def _is_free_miss(job: Job, outcome: Outcome) -> bool:
        """Whether only an operator of a queue, or an outside number in his place, missed it.

        That is nothing to the customer.
        """
        if job.request.queue is None or "operator_missed" in job.request.retry:
            return False
        return outcome.may_retry and outcome.retry_cause == "operator_missed"

    def _waits_on(self, job: Job, outcome: Outcome, offer: Offer | None) -> bool:
        """Let the job wait for another operator. False: its time is over."""
        now, deadline = self._wall_clock(), job.request.deadline
        if now >= self._places.waits_until(job) or (deadline is not None and now >= deadline):
            return False
        missed = [one for one in job.attempts if one.retry_cause == "operator_missed"]
        if len(missed) > MISSED_KEPT:
            job.attempts = [one for one in job.attempts if one is not missed[0]]
            job.offers = job.offers[-OFFERS_KEPT:]
        if offer is not None and self._places.unanswered(job, offer):
            self._again(job, outcome, None)
        else:
            self._again(job, outcome, now + self._services.dial.retry_s)
        return True

    def _again(self, job: Job, outcome: Outcome, at: float | None) -> None:
        """The job waits for its next attempt: until `at`, or in the place that it has."""
        job.next_attempt_at = at
        job.under_way = False
        job.failure = outcome.failure
        if job.state != "queued":
            job.enter("queued")
        self._services.store.save(job)
        publish_queued(self._services.events, job, outcome.cause)
        if at is not None:
            self._schedule(job)

    def finish(self, job: Job, outcome: Outcome) -> None:
        """End an open job whose attempts are over."""
        self._places.leave(job)
        job.failure = outcome.failure
        if job.failure is None and outcome.state == "failed":  # neither of the two is to blame
            job.failure = Failure(side="engine", moment=job.state)
        job.enter(outcome.state)
        job.result, job.cause = outcome.result, outcome.cause
        job.next_attempt_at = job.decision = job.decide_by = None
        job.under_way = False
        job.ended_at = self._wall_clock()
        job.cost = self._admission.settle(job)
        self._open.remove(job)
        self._ended(job)
        self._services.store.save(job)
        self._services.events.publish(
            f"callback.{job.state}",
            job=job.id,
            call=job.attempts[-1].call if job.attempts else None,
            context=job.request.context,
            result=job.result,
            cause=job.cause,
            failure=job.failure,
        )

    def put_off(self, job: Job, until: float, reason: str, *, is_waiting: bool = False) -> None:
        """Nobody was called, and nobody is to be before `until` (Unix seconds)."""
        self._places.leave(job, "put_off")
        if not is_waiting:
            self._places.interrupt(job, until)
        job.next_attempt_at, job.scheduled, job.under_way = until, reason, False
        if job.state != "queued":
            job.enter("queued")
        deadline = job.request.deadline
        if deadline is not None and until >= deadline:
            cause = f"{reason}; it could not be called before its deadline"
            self.finish(job, Outcome("expired", "expired", cause))
            return
        self._services.store.save(job)
        publish_queued(self._services.events, job, reason)
        self._schedule(job)


def publish_queued(
    events: EventLog, job: Job, cause: str | None = None, *, if_saved: bool = False
) -> None:
    """Tell that the job waits for its time or its turn, and why.

    `if_saved`: it is told only if what is saved durably in this turn is.
    """
    events.publish(
        "callback.queued",
        job=job.id,
        context=job.request.context,
        next_attempt_at=job.next_attempt_at or job.request.not_before,
        cause=cause or job.scheduled,
        if_saved=if_saved,
    )
