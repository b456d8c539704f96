"""What follows an attempt: a table of histories, and what comes next."""

from typing import Any

import pytest

from config.retry import RetryCause
from engine.callbacks.retry import (
    INTERRUPTED,
    Again,
    GiveUp,
    Outcome,
    RetryPolicy,
    most_attempts,
    next_step,
    policy_of,
)
from engine.job import AttemptRecord, Job, Request, RetryRule

NOW = 1000.0


def ended(cause: RetryCause | None = "busy", *, may_retry: bool = True) -> Outcome:
    return Outcome("failed", "failed", "", may_retry=may_retry, retry_cause=cause)


def tried(*attempts: str, **request: Any) -> Job:
    """A job whose attempts ended for these causes; `busy@b` was one to number b."""
    records = []
    for number, text in enumerate(attempts):
        cause, _, dialled = text.partition("@")
        ended = NOW - 10.0 * (len(attempts) - 1 - number)
        record = AttemptRecord(call=f"call-{number}", number=dialled or None, ended=ended)
        record.retry_cause = cause  # type: ignore[assignment]
        records.append(record)
    asked: dict[str, Any] = {"to": "a", "agent": "alice", "max_attempts": 100} | request
    return Job(id="job", request=Request(**asked), created=0.0, attempts=records)


def step(job: Job, policy: RetryPolicy | None = None) -> Again | GiveUp:
    last = job.attempts[-1].retry_cause
    if policy is None:
        policy = policy_of(job.request, default_attempts=1, default_pause_s=5.0)
    return next_step(job, ended(last), policy, NOW)


RULES: dict[RetryCause, RetryRule] = {
    "busy": RetryRule(attempts=3, spacing_s=(60.0, 300.0)),
    "no_answer": RetryRule(attempts=2, spacing_s=(600.0,)),
    "machine": RetryRule(attempts=1, next_number=False),
    "rejected": RetryRule(attempts=2),
}


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (["busy"], Again(NOW + 60, None)),
        (["busy", "busy"], Again(NOW + 300, None)),
        (["busy", "busy", "busy"], None),
        (["busy", "no_answer"], Again(NOW + 600, None)),
        (["no_answer", "busy", "no_answer"], None),
        (["machine"], None),
        (["rejected"], Again(NOW + 5, None)),  # no spacing of its own
        (["unreachable"], None),  # no rule: the one attempt of the default
        (["busy", "operator_missed"], None),
    ],
)
def test_one_number(history: list[str], expected: Again | None) -> None:
    found = step(tried(*history, retry=RULES))
    assert found == expected if expected is not None else isinstance(found, GiveUp)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (["busy"], Again(NOW + 5, "b")),  # the other number at once, by the plain pause
        (["busy", "busy@b"], Again(NOW + 5, "c")),
        # the first again, a minute after its own attempt
        (["busy", "busy@b", "no_answer@c"], Again(NOW - 20 + 60, None)),
        (["machine@b"], None),  # this cause stays with its number
        (["busy", "operator_missed"], None),
        (["unreachable", "busy@b", "unreachable@c"], Again(NOW - 10 + 60, "b")),
        (["unreachable", "unreachable@b", "unreachable@c"], None),
        (["busy@gone"], Again(NOW + 5, "b")),
    ],
)
def test_three_numbers(history: list[str], expected: Again | None) -> None:
    found = step(tried(*history, retry=RULES, numbers=["b", "c"]))
    assert found == expected if expected is not None else isinstance(found, GiveUp)


@pytest.mark.parametrize(("count", "goes_on"), [(1, True), (2, True), (3, False)])
@pytest.mark.parametrize("cause", ["busy", "operator_missed", "failed", "no_answer"])
def test_max_attempts_alone_counts_all_causes(cause: str, count: int, goes_on: bool) -> None:
    found = step(tried(*[cause] * count, max_attempts=3))
    assert found == Again(NOW + 5, None) if goes_on else isinstance(found, GiveUp)


def test_max_attempts_of_a_request_bounds_all_causes() -> None:
    assert isinstance(step(tried("busy", "no_answer", retry=RULES, max_attempts=2)), GiveUp)


def test_a_missed_agent_of_a_queue_costs_no_attempt() -> None:
    job = tried(*["operator_missed"] * 5, "busy", agent=None, queue="sales", max_attempts=2)
    assert step(job) == Again(NOW + 5, None)


def test_an_interrupted_attempt_costs_nothing_before_the_customer_answered() -> None:
    policy = RetryPolicy(RetryRule(spacing_s=(5.0,)), most=2, rules=RULES)
    job = tried("busy", "busy")
    job.attempts[0].result, job.attempts[0].retry_cause = INTERRUPTED, None
    assert step(job, policy) == Again(NOW + 60, None)
    # One that the customer had answered counts.
    job.attempts[0].retry_cause = "failed"
    assert isinstance(step(job, policy), GiveUp)


def test_a_postponed_attempt_costs_nothing_as_the_customer_was_not_called() -> None:
    policy = RetryPolicy(RetryRule(spacing_s=(5.0,)), most=2, rules=RULES)
    job = tried("busy", "busy")
    job.attempts[0].result, job.attempts[0].retry_cause = "refused", None
    assert step(job, policy) == Again(NOW + 60, None)


def test_no_attempt_after_the_deadline() -> None:
    assert isinstance(step(tried("busy", retry=RULES, deadline=NOW + 60)), GiveUp)
    assert isinstance(step(tried("busy", retry=RULES, deadline=NOW + 61)), Again)


def test_an_attempt_that_cannot_end_otherwise_is_not_repeated() -> None:
    job = tried("busy")
    policy = policy_of(job.request, default_attempts=5, default_pause_s=1.0)
    assert isinstance(next_step(job, ended(may_retry=False), policy, NOW), GiveUp)


def test_an_unknown_cause_is_a_failure() -> None:
    job = tried("failed", retry={"failed": RetryRule(attempts=2, spacing_s=(9.0,))})
    policy = policy_of(job.request, default_attempts=1, default_pause_s=1.0)
    assert next_step(job, ended(None), policy, NOW) == Again(NOW + 9, None)


@pytest.mark.parametrize(
    ("rules", "numbers", "default", "most"),
    [
        ({}, [], 1, 1),
        ({}, ["b", "c"], 1, 3),
        (RULES, [], 1, 5),
        (RULES, ["b"], 1, 10),
        ({"busy": RetryRule(attempts=100)}, ["b", "c"], 4, 100),
    ],
)
def test_how_many_attempts_rules_allow(
    rules: dict[RetryCause, RetryRule], numbers: list[str], default: int, most: int
) -> None:
    assert most_attempts(rules, numbers, default) == most


def test_a_customer_who_gave_up_waiting_is_not_called_again_unless_a_rule_says_so() -> None:
    for history in (["abandoned"], ["busy", "abandoned"], ["failed", "failed", "abandoned"]):
        assert isinstance(step(tried(*history, numbers=["b"], max_attempts=9)), GiveUp)
    rules: dict[RetryCause, RetryRule] = {"busy": RetryRule(attempts=5, spacing_s=(60.0,))}
    assert isinstance(step(tried("busy", "abandoned", retry=rules)), GiveUp)
    rules = {"abandoned": RetryRule(attempts=2, spacing_s=(3600.0,))}
    assert step(tried("abandoned", retry=rules)) == Again(NOW + 3600, None)
    assert isinstance(step(tried("abandoned", "abandoned", retry=rules)), GiveUp)
