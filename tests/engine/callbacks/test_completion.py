"""What follows an attempt: a retry, a further wait, or the end of the job."""

from typing import Any

import pytest

from config.retry import RetryCause
from config.sections import Dial
from engine.callbacks.completion import (
    MISSED_KEPT,
    Decision,
    End,
    Postpone,
    Resume,
    Retry,
    WaitOn,
    after_attempt,
    after_refusal,
    drop_oldest_miss,
    drop_refused_number,
    missed_deadline,
    too_late,
    waits_until,
)
from engine.callbacks.retry import INTERRUPTED, Outcome
from engine.job import AttemptRecord, Job, LegRecord, Request

NOW = 1000.0
DIAL = Dial(max_wait_s=3600.0, retry_s=30.0)

MISSED = Outcome("failed", "no_answer", "no", may_retry=True, retry_cause="operator_missed")
BUSY = Outcome("failed", "busy", "busy", may_retry=True, retry_cause="busy")
STOPPED = Outcome("failed", INTERRUPTED, "engine stopped")
TOO_EARLY = Outcome("failed", "refused", "out of hours", not_before=NOW + 50)
TALKED = Outcome("completed", "completed", "agent hung up")


def tried(cause: RetryCause | None = None, **request: Any) -> Job:
    """A job of a queue with one attempt that ended for `cause`."""
    asked: dict[str, Any] = {"to": "a", "queue": "sales", "max_attempts": 3} | request
    attempt = AttemptRecord(call="call-1", ended=NOW, retry_cause=cause)
    return Job(id="job-1", request=Request(**asked), created=0.0, attempts=[attempt])


@pytest.mark.parametrize(
    ("job", "outcome", "expected"),
    [
        (tried(), TALKED, End(TALKED)),
        (tried(), STOPPED, Resume(STOPPED)),
        (tried(), TOO_EARLY, Postpone(NOW + 50, "out of hours")),
        (tried("busy"), BUSY, Retry(BUSY, NOW + 30, None)),
        (tried("busy", max_attempts=1), BUSY, End(BUSY)),
        (tried("operator_missed"), MISSED, WaitOn(MISSED, NOW + 30)),
        (tried("operator_missed", deadline=NOW), MISSED, End(MISSED)),
        (tried("operator_missed", queue=None, agent="x"), MISSED, Retry(MISSED, NOW + 30, None)),
    ],
)
def test_what_follows_an_attempt(job: Job, outcome: Outcome, expected: Decision) -> None:
    assert after_attempt(job, outcome, DIAL, NOW) == expected


def test_a_refused_number_leaves_its_turn_to_the_others() -> None:
    job = tried("busy", numbers=["b", "c"])
    job.dial_to = "b"
    drop_refused_number(job)
    assert job.request.numbers == ["c"]
    step = after_refusal(job, "blocked", DIAL, NOW)
    assert isinstance(step, Retry) and step.number == "c"
    job.dial_to = None
    assert isinstance(after_refusal(job, "blocked", DIAL, NOW), End)


def test_a_job_that_is_postponed_beyond_its_deadline_expires() -> None:
    job = tried(deadline=NOW + 100)
    assert missed_deadline(job, Postpone(NOW + 99, "hours")) is None
    expired = missed_deadline(job, Postpone(NOW + 100, "hours"))
    assert expired is not None and expired.state == "expired"
    assert expired.cause == "hours; it could not be called before its deadline"


def test_which_time_of_a_job_is_over() -> None:
    assert too_late(tried(), False, DIAL, NOW) is None
    expired = too_late(tried(deadline=NOW), True, DIAL, NOW)
    assert expired is not None and expired.state == "expired"
    undecided = tried()
    undecided.decision, undecided.decide_by = "needed", NOW + 1
    assert too_late(undecided, False, DIAL, NOW) is None
    failed = too_late(undecided, False, DIAL, NOW + 1)
    assert failed is not None and failed.result == "failed"
    waiting = tried()
    assert waits_until(waiting, DIAL) == 3600.0
    assert too_late(waiting, False, DIAL, 3600.0) is None
    unavailable = too_late(waiting, True, DIAL, 3600.0)
    assert unavailable is not None and unavailable.result == "unavailable"


def test_only_the_last_missed_attempts_are_kept() -> None:
    job = tried("busy")
    for number in range(MISSED_KEPT + 5):
        record = AttemptRecord(call=f"missed-{number}", retry_cause="operator_missed")
        job.attempts = [*job.attempts, record]
        drop_oldest_miss(job)
    assert len(job.attempts) == 1 + MISSED_KEPT
    assert [job.attempts[n].call for n in (0, 1)] == ["call-1", "missed-5"]


@pytest.mark.parametrize(("retry_s", "expected"), [(0.1, NOW - 0.1 + 1.0), (5.0, NOW + 5.0)])
def test_no_agent_is_rung_again_within_a_second(retry_s: float, expected: float) -> None:
    job = tried("busy", agent="alice", queue=None)
    job.attempts[-1].legs = [
        LegRecord(leg="1", role="agent", uri="sip:alice@pbx", started=NOW - 0.1),
        LegRecord(leg="2", role="customer", uri="sip:carol@pbx", started=NOW),
    ]
    quick = Dial(max_wait_s=3600.0, retry_s=retry_s)
    assert after_attempt(job, BUSY, quick, NOW) == Retry(BUSY, expected, None)
