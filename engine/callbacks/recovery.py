"""After a stop or a crash: what becomes of the jobs that an engine had under way.

An engine that stops in good order hangs up its calls, and its jobs are queued again. A job whose
phones have not confirmed the hanging up waits as after a crash.

An engine that dies loses its calls, and no phone hears of it: some may still ring, and somebody
may listen to silence. So a job that may have been dialled follows its own policy, and is not
dialled again before nobody can be on the line any more. A job that was certainly not dialled goes
on as if there had been no crash.
"""

import math
from collections.abc import Callable, Iterator, Sequence

import structlog

from config.sections import Dial

from ..calls.services import CallServices
from ..job import Job, JobState
from ..routing.admission import Admission
from . import completion
from .attempts.attempt import Attempt
from .completion import publish_queued
from .dispatcher import Dispatcher
from .retry import Outcome

log = structlog.get_logger()

CAUSE = "engine restarted"
# RFC 3261 section 16.6, timer C: a proxy lets a call ring for three minutes and more.
LONGEST_RINGING_S = 180.0
# RFC 4028 section 4.2: how long a session lasts that nobody refreshes.
LONGEST_SESSION_S = 1800.0
# A job that was under way in this many crashes may be their cause.
POISONED_AFTER = 2
POISONED = "it was under way in {crashes} crashes of the engine, and is not called by itself"


def reconcile(
    jobs: Sequence[Job],
    dispatcher: Dispatcher,
    services: CallServices,
    admission: Admission,
    now: float,
    seen_until: float = math.inf,
    on_resumed: Callable[[], None] = lambda: None,
) -> None:
    """Take over the open jobs of the store, oldest first. `on_resumed`: see Dispatcher.resume.

    `seen_until` is when the earlier engine was last known to run (Unix seconds): calls that were
    up then ended there, and neither last nor cost anything until now.
    """
    to_resume = []
    interrupted = 0
    for job in jobs:
        if job.state in ("queued", "poisoned") and not job.under_way:
            to_resume.append(job)
            continue
        interrupted += 1
        _cut_off(job, min(now, seen_until))
        if _stays_open(job, services, admission, now):
            to_resume.append(job)
    dispatcher.resume(to_resume, on_resumed)
    if interrupted:
        log.warning("jobs_interrupted", jobs=interrupted, open=len(to_resume))


def wait_for_phones(interrupted: Sequence[Attempt], services: CallServices, now: float) -> None:
    """The engine stops: postpone the jobs of those attempts whose phones may go on ringing."""
    for callback in interrupted:
        job = callback.job
        if job.state != "queued" or not any(leg.may_still_be_up for leg in callback.call.legs):
            continue
        _keep_quiet(job, now + pause_s(job, services.dial))
        job.scheduled = "engine stopped, and a phone did not confirm that it was hung up"
        services.store.save(job)
        publish_queued(services.events, job)


def pause_s(job: Job, dial: Dial) -> float:
    """How long after a crash somebody may still be on the line."""
    if dial.crash_pause_s:
        return dial.crash_pause_s
    legs = [leg for attempt in job.attempts[-1:] for leg in attempt.legs]
    if any(leg.answered is not None for leg in legs):
        return LONGEST_SESSION_S
    return max(LONGEST_RINGING_S, job.request.ring_s)


def _keep_quiet(job: Job, until: float) -> None:
    """Nobody is called before `until`, and the job waits for no agent before it."""
    job.quiet_until = until
    job.is_due_on_date = job.is_due_on_date and until < (job.next_attempt_at or 0.0)
    job.next_attempt_at = max(until, job.next_attempt_at or 0.0)
    job.interrupt_wait(job.next_attempt_at)


def _stays_open(job: Job, services: CallServices, admission: Admission, now: float) -> bool:
    """Settle a job that may have been dialled. Returns whether it stays open, and is queued."""
    policy, talked = job.request.on_crash, job.state == "bridged"
    job.crashes += 1
    not_before = now + pause_s(job, services.dial)
    job.under_way = False
    if policy == "fail" or talked:
        # A customer who has talked is not called again, whatever the policy.
        state: JobState = "completed" if talked and policy != "fail" else "failed"
        outcome = Outcome(state, state, CAUSE)
        completion.end(job, outcome, now, admission, services.store, services.events)
        return False
    is_poisoned = job.crashes >= POISONED_AFTER
    if job.state != "queued" and not is_poisoned:
        job.enter("queued")
    job.next_attempt_at = None
    _keep_quiet(job, not_before)
    job.scheduled = CAUSE
    if is_poisoned:
        _set_aside(job, services)
        services.store.save(job)
        return True
    publish_queued(services.events, job)
    if policy == "ask":
        job.decision, job.decide_by = "needed", now + services.dial.decide_s
        services.events.publish(
            "callback.decision_needed",
            **job.about(),
            cause=CAUSE,
            decide_by=job.decide_by,
        )
    services.store.save(job)
    return True


def _set_aside(job: Job, services: CallServices) -> None:
    """Nobody calls it before a person has decided. It stays open."""
    job.enter("poisoned")
    job.scheduled = POISONED.format(crashes=job.crashes)
    services.events.publish(
        "callback.poisoned",
        **job.about(),
        crashes=job.crashes,
        cause=job.scheduled,
    )


def _cut_off(job: Job, at: float) -> None:
    """Calls of the earlier engine ended at `at`, or at the last time that is known of them."""
    at = max(at, *_moments(job))
    for attempt in job.attempts:
        for leg in attempt.legs:
            if leg.ended is None:
                leg.state, leg.ended, leg.reason = "ended", at, CAUSE
        if attempt.result is None:
            attempt.result, attempt.cause, attempt.ended = "failed", CAUSE, at
            attempt.retry_cause = "failed"
    for offer in job.offers:
        if offer.ended is None:
            offer.ended, offer.result = at, offer.result or "interrupted"


def _moments(job: Job) -> Iterator[float]:
    """Every time in the records of a job."""
    legs = [leg for attempt in job.attempts for leg in attempt.legs]
    for moment in (
        job.created,
        job.bridged_at,
        *(offer.offered for offer in job.offers),
        *(offer.answered for offer in job.offers),
        *(leg.started for leg in legs),
        *(leg.ringing for leg in legs),
        *(leg.answered for leg in legs),
        *(leg.ended for leg in legs),
    ):
        if moment is not None:
            yield moment
