"""The outcome of an attempt: of a leg that has ended, a refusal, a machine that has answered."""

from config.retry import RetryCause

from ...calls.hangup_cause import HangupCause, retry_cause_of
from ...calls.leg import Leg
from ...errors import EngineError
from ...job import MACHINE, AttemptRecord, Failure, Job, Side
from ...store.store import StoreError
from ..retry import Outcome


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


def of_hangup(job: Job, leg: Leg, hangup: HangupCause, *, ended_by_command: str | None) -> Outcome:
    """What becomes of `job` in its present state, now that `leg` of its attempt has ended.

    `ended_by_command` is why a command has ended the attempt; None where none has.
    """
    moment = job.state
    if moment == "bridged" and hangup.result in ("hung_up", "completed"):
        return Outcome("completed", "completed", ended_by_command or hangup.after_talk(leg.role))
    party: Side = "customer" if leg.role == "customer" else "agent"
    side: Side = "engine" if hangup.is_ours else party
    failure = Failure(
        side=side,
        moment=moment,
        sip_status=hangup.sip_status,
        sip_reason=hangup.phrase if hangup.sip_status is not None else None,
        reason_header=hangup.reason_header,
    )
    words = hangup.result.replace("_", " ")
    cause = ended_by_command or f"{side} {words}: {hangup}, while {moment}"
    may_retry = moment != "bridged" and ended_by_command is None
    retry_cause = _retry_cause(job, leg, hangup)
    return Outcome("failed", hangup.result, cause, failure, may_retry, retry_cause)


def _retry_cause(job: Job, leg: Leg, hangup: HangupCause) -> RetryCause:
    """Whose fault it is: the agent's alone only where the customer was not called."""
    if leg.role == "customer":
        has_waited = leg.record.answered is not None and hangup.result == "hung_up"
        return "abandoned" if has_waited else retry_cause_of(hangup)
    is_alone = job.request.order == "agent_first" and job.state != "dialing_customer"
    return "operator_missed" if is_alone else "failed"


def unless_machine(outcome: Outcome, job: Job, attempt: AttemptRecord) -> Outcome:
    """The attempt has failed where the agent noted that a machine answered."""
    is_ended = outcome.state in ("completed", "failed") and outcome.not_before is None
    is_machine = job.outcome == MACHINE and attempt.was_answered
    if outcome.result == MACHINE or not is_ended or not is_machine or outcome.is_interrupted:
        return outcome
    moment, job.bridged_at = job.state, None
    failure = Failure(side="customer", moment=moment)
    cause = f"a machine answered for the customer; {outcome.cause}"
    return Outcome("failed", MACHINE, cause, failure, may_retry=True, retry_cause=MACHINE)
