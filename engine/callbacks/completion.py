"""What follows when an attempt is over: a retry, a further wait, or the end of the job.

`after_attempt` and `after_refusal` decide, and change nothing. The dispatcher carries the decision
out. `end` is the one way in which a job ends.
"""

from dataclasses import dataclass

import msgspec
import structlog

from config.retry import RetryCause
from config.sections import Dial

from ..acd.matching.withheld import LEAST_AGAIN_S
from ..errors import EngineError
from ..job import OFFERS_KEPT, AttemptRecord, Failure, Job
from ..reports.cdr import closing_facts
from ..routing.admission import Admission
from ..store.event_log import EventLog
from ..store.store import Store
from . import retry
from .retry import Outcome

log = structlog.get_logger()

# Agents may miss a job many times while it waits in a queue: this many missed attempts are kept.
MISSED_KEPT = 20


@dataclass(frozen=True, slots=True)
class Ready:
    """An attempt may begin as soon as there is room."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The job waits for an agent, in its place in the queue, until `until` (Unix seconds)."""

    until: float


@dataclass(frozen=True, slots=True)
class Resume:
    """The attempt was interrupted. The job is queued again, and keeps its place."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class WaitOn:
    """The job waits for another agent; one that has lost its place is due again at `at`."""

    outcome: Outcome
    at: float


@dataclass(frozen=True, slots=True)
class Retry:
    """The next attempt is due at `at` (Unix seconds), to `number` (None: the request's `to`).

    `scheduled`: it is due when something opens, and why.
    """

    outcome: Outcome
    at: float
    number: str | None
    scheduled: str | None = None


@dataclass(frozen=True, slots=True)
class Postpone:
    """No attempt starts before `until`, for `reason`. `is_waiting`: its wait goes on meanwhile.

    `is_date`: something opens then; otherwise it is a pause, which a step of the clock moves.
    `trunks`: it waits in the line of these trunks, and is released sooner where one has room.
    """

    until: float
    reason: str
    is_waiting: bool = False
    is_date: bool = False
    trunks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """The job ends."""

    outcome: Outcome


Decision = Ready | Wait | Resume | WaitOn | Retry | Postpone | End


def publish_deadline(job: Job, events: EventLog) -> None:
    """Publish that the deadline of a job was moved with the clock."""
    events.publish(
        "callback.rescheduled",
        job=job.id,
        context=job.request.context,
        deadline=job.request.deadline,
        reason="the clock was stepped over the deadline",
    )


def after_attempt(job: Job, outcome: Outcome, dial: Dial, now: float) -> Decision:
    """What follows the last attempt of `job`, which ended with `outcome`."""
    if outcome.is_interrupted:
        return Resume(outcome)
    if outcome.not_before is not None:
        return Postpone(outcome.not_before, outcome.cause, is_date=outcome.is_date)
    if _is_free_miss(job, outcome) and _may_wait_on(job, dial, now):
        return WaitOn(outcome, now + dial.retry_s)
    return _by_policy(job, outcome, dial, now)


def after_refusal(job: Job, reason: str, dial: Dial, now: float) -> Decision:
    """What follows when the number whose turn it is may not be called any more.

    Other numbers that the request has left are tried.
    """
    refused = Outcome("failed", "refused", reason, may_retry=True)
    if job.dial_to is None or not job.attempts:
        return End(refused)
    return _by_policy(job, refused, dial, now)


def _by_policy(job: Job, outcome: Outcome, dial: Dial, now: float) -> Retry | End:
    policy = retry.policy_of(
        job.request, default_attempts=dial.max_attempts, default_pause_s=dial.retry_s
    )
    step = retry.next_step(job, outcome, policy, now)
    if isinstance(step, retry.GiveUp):
        return End(outcome)
    return Retry(outcome, max(step.at, _agent_may_be_rung(job)), step.number)


def _agent_may_be_rung(job: Job) -> float:
    """When the agent of the last attempt may be rung again, whatever is configured."""
    legs = job.attempts[-1].legs if job.attempts else []
    rung = [leg.started for leg in legs if leg.role == "agent" and leg.started is not None]
    return max(rung, default=-LEAST_AGAIN_S) + LEAST_AGAIN_S


def _is_free_miss(job: Job, outcome: Outcome) -> bool:
    """Whether only an agent of a queue, or an outside number in their place, did not answer.

    That costs the customer no attempt.
    """
    if job.request.queue is None or "operator_missed" in job.request.retry:
        return False
    return outcome.may_retry and outcome.retry_cause == "operator_missed"


def _may_wait_on(job: Job, dial: Dial, now: float) -> bool:
    deadline = job.request.deadline
    return now < waits_until(job, dial) and (deadline is None or now < deadline)


def waits_until(job: Job, dial: Dial) -> float:
    """How long the job may wait for an agent (Unix seconds)."""
    since = job.queue_since or job.queue_joined_at or job.created
    return since + dial.max_wait_s


def missed_deadline(job: Job, step: Postpone) -> Outcome | None:
    """How the job ends where its deadline comes before the time that it is postponed to."""
    deadline = job.request.deadline
    if deadline is None or step.until < deadline:
        return None
    cause = f"{step.reason}; it could not be called before its deadline"
    return Outcome("expired", "expired", cause)


def too_late(job: Job, has_place: bool, dial: Dial, now: float) -> Outcome | None:
    """How a job ends that nobody is being called for, if one of its times is over by now.

    `has_place`: it waits for an agent.
    """
    deadline = job.request.deadline
    if deadline is not None and deadline <= now:
        return Outcome("expired", "expired", "deadline passed before it could be called")
    if job.decision is not None:
        if job.decide_by is None or job.decide_by > now:
            return None
        return Outcome("failed", "failed", "engine restarted, and nobody decided what to do")
    if has_place and now >= waits_until(job, dial):
        return Outcome("failed", "unavailable", f"no operator within {dial.max_wait_s:g} s")
    return None


# -- changes of a job ---------------------------------------------------------------------------


def drop_refused_number(job: Job) -> None:
    """The number whose turn it is is not called any more."""
    if job.dial_to is not None and job.attempts:
        left = [number for number in job.request.numbers if number != job.dial_to]
        job.request = msgspec.structs.replace(job.request, numbers=left)


def drop_oldest_miss(job: Job) -> None:
    """Forget the oldest of more than MISSED_KEPT attempts that an agent missed."""
    missed = [one for one in job.attempts if one.retry_cause == "operator_missed"]
    if len(missed) > MISSED_KEPT:
        job.attempts = [one for one in job.attempts if one is not missed[0]]
        job.offers = job.offers[-OFFERS_KEPT:]


def not_attempted(job: Job, error: EngineError, *, is_outside: bool) -> Outcome:
    """The outcome of an attempt whose parties cannot be dialled. It is noted in the job.

    `is_outside`: the agent's part is an outside number to which the queue sent the job.
    """
    may_retry = error.kind != "refused"
    is_missed = may_retry and is_outside and error.field == "agent"
    cause: RetryCause | None = "operator_missed" if is_missed else None
    attempt = AttemptRecord(call="", result=error.kind, retry_cause=cause)
    log.info("call_failed", job=job.id, result=error.kind, cause=error.message)
    job.attempts = [*job.attempts, attempt]
    return Outcome("failed", error.kind, error.message, may_retry=may_retry, retry_cause=cause)


def queue_again(
    job: Job,
    at: float | None,
    cause: str,
    store: Store,
    events: EventLog,
    *,
    is_date: bool = False,
) -> None:
    """Queue the job for its next attempt: at `at`, or in the place that it has (None)."""
    job.next_attempt_at, job.is_due_on_date = at, is_date
    job.under_way = False
    if job.state != "queued":
        job.enter("queued")
    store.save(job)
    publish_queued(events, job, cause)


def end(
    job: Job, outcome: Outcome, now: float, admission: Admission, store: Store, events: EventLog
) -> None:
    """End an open job: settle its cost, save it and publish its end."""
    job.failure = outcome.failure
    if job.failure is None and outcome.state == "failed":  # neither side is to blame
        job.failure = Failure(side="engine", moment=job.state)
    job.enter(outcome.state)
    job.result, job.cause = outcome.result, outcome.cause
    job.cancelled_by = outcome.cancelled_by
    job.next_attempt_at = job.decision = job.decide_by = None
    job.under_way = False
    job.ended_at = now
    job.cost = dict(admission.settle(job))
    store.save(job)
    call = job.attempts[-1].call if job.attempts else None
    events.publish(f"callback.{job.state}", **job.about(), call=call, **closing_facts(job))


def publish_queued(
    events: EventLog, job: Job, cause: str | None = None, *, if_saved: bool = False
) -> None:
    """Publish that the job waits for its time or its turn, and why.

    `if_saved`: only if what is saved durably in this turn of the loop is saved.
    """
    events.publish(
        "callback.queued",
        **job.about(),
        next_attempt_at=job.next_attempt_at or job.request.not_before,
        cause=cause or job.scheduled,
        if_saved=if_saved,
    )
