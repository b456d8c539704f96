"""How an attempt ended, and when the next one is made after a failure.

`next_step` is a pure function of the job, the outcome of its last attempt, and the policy. An
attempt counts for the number that was dialled in it. One that only missed the agent counts for all
numbers, since no customer was called. One that left no retry cause does not count: the engine
interrupted it before the customer answered, or it was postponed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from config.retry import RetryCause

from ..job import AttemptRecord, CancelledBy, Failure, Job, JobState, Request, RetryRule

# No request and no rule leads to more.
MOST_ATTEMPTS = 100
# The result of an attempt that the engine interrupted, because it stopped.
INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: the job's next state unless it is retried, and why."""

    state: JobState
    result: str
    cause: str
    failure: Failure | None = None
    may_retry: bool = False
    """Whether another attempt could end otherwise."""
    retry_cause: RetryCause | None = None
    """Which rule holds; None is `failed`."""
    not_before: float | None = None
    """When the customer may be called, where it is only too early or too late now."""
    is_date: bool = False
    """`not_before` is when something opens, not the end of a pause."""
    cancelled_by: CancelledBy | None = None
    """Who has cancelled it by command."""

    @property
    def is_interrupted(self) -> bool:
        """Whether the engine interrupted the attempt, so that it is made again."""
        return self.result == INTERRUPTED


# A customer who has waited in vain is not called again, at any number, unless a rule says so.
DEFAULT_RULES: Mapping[RetryCause, RetryRule] = {
    "abandoned": RetryRule(attempts=1, next_number=False)
}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Rules by cause, `otherwise` for a cause without any, and `most` attempts in all."""

    otherwise: RetryRule
    most: int
    rules: Mapping[RetryCause, RetryRule] = field(default_factory=dict)

    def of(self, cause: RetryCause) -> RetryRule:
        """The rule for `cause`."""
        return self.rules.get(cause) or DEFAULT_RULES.get(cause, self.otherwise)

    def pause_s(self, rule: RetryRule, count: int) -> float:
        """The pause after as many attempts of `rule`."""
        spacing = rule.spacing_s or self.otherwise.spacing_s
        return spacing[min(count, len(spacing)) - 1]


@dataclass(frozen=True, slots=True)
class Again:
    """The next attempt: at `at` (Unix seconds), to `number` (None: the request's `to`)."""

    at: float
    number: str | None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No further attempt, and why."""

    reason: str


def policy_of(request: Request, *, default_attempts: int, default_pause_s: float) -> RetryPolicy:
    """The policy of a request, whose `most` attempts it says itself."""
    simple = RetryRule(
        attempts=default_attempts if request.retry else request.max_attempts,
        spacing_s=(default_pause_s,),
    )
    return RetryPolicy(otherwise=simple, most=request.max_attempts, rules=request.retry)


def most_attempts(
    rules: Mapping[RetryCause, RetryRule], numbers: Sequence[str], default_attempts: int
) -> int:
    """How many attempts a job may take whose request does not say it: what its rules allow."""
    each = default_attempts
    if rules:
        each = max(default_attempts, 1 + sum(rule.attempts - 1 for rule in rules.values()))
    return min(each * (1 + len(numbers)), MOST_ATTEMPTS)


def cause_of(outcome: Outcome) -> RetryCause:
    """The cause that decides what follows `outcome`."""
    cause = outcome.retry_cause
    for known in _CAUSES:
        if known == cause:
            return known
    return "failed"


_CAUSES: tuple[RetryCause, ...] = get_args(RetryCause)


def next_step(job: Job, outcome: Outcome, policy: RetryPolicy, now: float) -> Again | GiveUp:
    """What follows `outcome`, that of the last attempt of `job`, which is among its records."""
    if not outcome.may_retry:
        return GiveUp("another attempt would not end otherwise")
    counted = sum(not _is_free(job, attempt, policy) for attempt in job.attempts)
    if counted >= policy.most:
        return GiveUp(f"all {policy.most} attempts are made")
    step = _another(job, job.attempts, policy, now)
    deadline = job.request.deadline
    if isinstance(step, Again) and deadline is not None and step.at >= deadline:
        return GiveUp("the next attempt would begin after the deadline")
    return step


def _is_free(job: Job, attempt: AttemptRecord, policy: RetryPolicy) -> bool:
    """Whether it costs no attempt: it did not count, or an agent of a queue did not answer."""
    if _is_void(attempt):
        return True
    is_queued = job.request.queue is not None and "operator_missed" not in policy.rules
    return is_queued and attempt.retry_cause == "operator_missed"


def _is_void(attempt: AttemptRecord) -> bool:
    """Whether it did not count: it was interrupted before the customer answered, or postponed."""
    return attempt.retry_cause is None


def _another(
    job: Job, made: Sequence[AttemptRecord], policy: RetryPolicy, now: float
) -> Again | GiveUp:
    last = made[-1]
    cause = last.retry_cause or "failed"
    rule = policy.of(cause)
    if cause == "operator_missed":
        missed = sum(attempt.retry_cause == cause for attempt in made)
        if missed >= rule.attempts:
            return GiveUp("operator missed it too often")
        return Again(now + policy.pause_s(rule, missed), last.number)
    numbers: list[str | None] = [None, *job.request.numbers]
    if not rule.next_number:
        turns = [last.number]
    else:
        here = numbers.index(last.number) if last.number in numbers else 0
        turns = [*numbers[here + 1 :], *numbers[: here + 1]]
    for number in turns:
        at = _when(number, last, made, policy, now)
        if at is not None:
            return Again(at, number)
    return GiveUp(f"{cause.replace('_', ' ')}: no further attempt for this cause")


def _when(
    number: str | None,
    last: AttemptRecord,
    made: Sequence[AttemptRecord],
    policy: RetryPolicy,
    now: float,
) -> float | None:
    """When `number` may be tried; None where its attempts are used up."""
    soonest = now + policy.pause_s(policy.otherwise, 1)
    tried = [
        attempt
        for attempt in made
        if attempt.number == number
        and attempt.retry_cause != "operator_missed"
        and not _is_void(attempt)
    ]
    if not tried:
        return soonest
    cause = tried[-1].retry_cause or "failed"
    rule = policy.of(cause)
    count = sum(attempt.retry_cause == cause for attempt in tried)
    if count >= rule.attempts:
        return None
    pause_s = policy.pause_s(rule, count)
    if tried[-1] is last:
        return now + pause_s
    ended = tried[-1].ended
    return max(soonest, (now if ended is None else ended) + pause_s)
