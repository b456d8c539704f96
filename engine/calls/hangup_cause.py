"""The hangup cause of a leg: one word, one sentence, and what SIP said.

The words are those of a job's `result`. They say what a person does next; a SIP status says what
a machine answered.
"""

from dataclasses import dataclass
from typing import Literal

from config.retry import RetryCause
from sip.events import Cause
from sip.message.grammar import printable

Result = Literal[
    "completed",
    "busy",
    "declined",
    "no_answer",
    "unavailable",
    "not_found",
    "rejected",
    "incompatible",
    "unreachable",
    "auth",
    "hung_up",
    "no_media",
    "failed",
    "cancelled",
    "expired",
]

_BY_STATUS: dict[int, Result] = {
    401: "auth",
    404: "not_found",
    407: "auth",
    408: "no_answer",
    410: "not_found",
    415: "incompatible",
    480: "unavailable",
    484: "not_found",
    486: "busy",
    487: "declined",
    488: "incompatible",
    502: "unreachable",
    503: "unreachable",
    504: "unreachable",
    600: "busy",
    603: "declined",
    604: "not_found",
    606: "incompatible",
    607: "declined",
    608: "rejected",
}

# Where another trunk may help: this one's far side is out of order, or refuses our credentials. The
# callee was not asked.
_TRUNK_FAILURES = frozenset({401, 407, 500, 502, 503, 504})

# How long a trunk that does not answer is passed over.
DEAD_TRUNK_RESTS_S = 30.0

# What a callback does next depends on why its customer was not reached.
_RETRY_CAUSES: dict[Result, RetryCause] = {
    "busy": "busy",
    "no_answer": "no_answer",
    "declined": "rejected",
    "rejected": "rejected",
    "unavailable": "unreachable",
    "unreachable": "unreachable",
    "auth": "unreachable",
    "not_found": "unreachable",
}


# The Reason headers that we send (RFC 3326). A phone that reads ELSEWHERE lists no missed call.
CLEARING = 'Q.850;cause=16;text="Normal call clearing"'
WORKER_DIED = 'Q.850;cause=41;text="Temporary failure"'
NO_ANSWER = 'SIP;cause=408;text="No answer"'
ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'


def retry_cause_of(cause: "HangupCause") -> RetryCause:
    """The cause by which a callback is tried again: a key of the configured retries."""
    return _RETRY_CAUSES.get(cause.result, "failed")


def _header(cause: Cause) -> str | None:
    return None if cause.reason_header is None else printable(cause.reason_header)


@dataclass(frozen=True, slots=True)
class HangupCause:
    """Why a leg is over. `phrase` is for a person; status and Reason header are the peer's.

    `is_ours`: the engine lacked something that it should have had, and the party is not to blame.
    `trunk_failed`: another trunk may reach the party. `trunk_rests_s`: how long to pass it over.
    `trunk_is_silent`: nobody answers there, so that an answer shows that it works again.
    """

    result: Result
    phrase: str
    sip_status: int | None = None
    reason_header: str | None = None
    trunk_failed: bool = False
    is_ours: bool = False
    trunk_rests_s: float = 0.0
    trunk_is_silent: bool = False

    @property
    def hop_failed(self) -> bool:
        """Whether another address of the same trunk may do (RFC 3263 section 4.3)."""
        return self.trunk_failed and self.sip_status in (None, 408, 503)

    def __str__(self) -> str:
        if self.sip_status is None:
            return self.phrase
        return f"{self.sip_status} {self.phrase}"


BY_COMMAND = HangupCause("hung_up", "hung up by command")


def of_failed_invite(cause: Cause) -> HangupCause:
    """The cause of an INVITE that was not answered with a 2xx.

    It has a status only where SIP has answered, and none for a timeout or an error of the network.
    """
    if cause.origin == "timeout":
        return _dead("no response")
    if cause.origin == "transport":
        return _dead(cause.phrase)
    status = cause.status
    if status is None:
        return HangupCause("failed", cause.phrase, None, _header(cause))
    return HangupCause(
        _BY_STATUS.get(status, "rejected" if status < 500 or status >= 600 else "unreachable"),
        cause.phrase,
        _answered(cause),
        _header(cause),
        trunk_failed=cause.origin == "remote" and status in _TRUNK_FAILURES,
        trunk_rests_s=cause.retry_after_s if cause.origin == "remote" and status == 503 else 0.0,
    )


def _answered(cause: Cause) -> int | None:
    """The status that the peer has answered with; not one that stands for what it did not."""
    return cause.status if cause.origin == "remote" else None


def _dead(phrase: str) -> HangupCause:
    """The cause where nobody answers at all."""
    return HangupCause(
        "unreachable",
        phrase,
        trunk_failed=True,
        trunk_rests_s=DEAD_TRUNK_RESTS_S,
        trunk_is_silent=True,
    )


def of_unknown_name(reason: str) -> HangupCause:
    """The cause where the name of a trunk or phone leads nowhere."""
    return _dead(reason)


def of_no_answer(ring_s: float, *, is_silent: bool) -> HangupCause:
    """The cause of an INVITE without an answer for `ring_s`; `is_silent`: without any response."""
    if is_silent:
        return _dead(f"no response within {ring_s:g} s")
    return HangupCause("no_answer", f"no answer within {ring_s:g} s")


def of_unanswered_call(cause: Cause) -> HangupCause:
    """The cause of a call that came in and was not answered. Its status may be our own answer."""
    if cause.origin == "remote":
        return HangupCause("hung_up", "hung up before the answer", cause.status, _header(cause))
    if cause.status == 488:
        return HangupCause("incompatible", cause.phrase, cause.status)
    status = cause.status if cause.origin == "local" else None
    return HangupCause("failed", cause.phrase, status, _header(cause))


def of_ended_session(cause: Cause) -> HangupCause:
    """The cause of the end of an answered session."""
    status = _answered(cause)
    if cause.origin == "remote":
        return HangupCause("hung_up", "hung up", status, _header(cause))
    if cause.origin == "local":
        return HangupCause("completed", cause.phrase, status, _header(cause))
    return HangupCause("failed", cause.phrase, status, _header(cause))
