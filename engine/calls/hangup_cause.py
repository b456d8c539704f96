"""How a leg ended: one word, one sentence, and what SIP said.

The words are those of the job's `result`: they say what a person would do next, where a SIP status
says what a machine answered.
"""

from dataclasses import dataclass
from typing import Literal

from sip.events import Cause
from sip.message.grammar import printable

from ..job import RetryCause

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
    "hung_up",
    "no_media",
    "failed",
    "cancelled",
    "expired",
]

_BY_STATUS: dict[int, Result] = {
    401: "unreachable",
    404: "not_found",
    407: "unreachable",
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

# What another trunk may cure: the far side of this one is out of order or refuses our credentials;
# the callee was not asked.
_TRUNK_FAILURES = frozenset({401, 407, 500, 502, 503, 504})

# What a callback does next depends on why its customer was not reached.
_RETRY_CAUSES: dict[Result, RetryCause] = {
    "busy": "busy",
    "no_answer": "no_answer",
    "declined": "rejected",
    "rejected": "rejected",
    "unavailable": "unreachable",
    "unreachable": "unreachable",
    "not_found": "unreachable",
}


def retry_cause_of(ending: "HangupCause") -> RetryCause:
    """The cause by which a callback is tried again: a key of the configured retries."""
    return _RETRY_CAUSES.get(ending.result, "failed")


def _header(cause: Cause) -> str | None:
    return None if cause.reason_header is None else printable(cause.reason_header)


@dataclass(frozen=True, slots=True)
class HangupCause:
    """Why a leg is over. `phrase` is for a person; status and Reason header as the peer sent.

    `is_ours`: for want of something that the engine should have had; the party is not to blame.
    """

    result: Result
    phrase: str
    sip_status: int | None = None
    reason_header: str | None = None
    trunk_failed: bool = False
    is_ours: bool = False

    def __str__(self) -> str:
        if self.sip_status is None:
            return self.phrase
        return f"{self.sip_status} {self.phrase}"


BY_COMMAND = HangupCause("hung_up", "hung up by command")


def of_failed_invite(cause: Cause) -> HangupCause:
    """The ending of an INVITE that was not answered with a 2xx."""
    if cause.origin == "timeout":
        return HangupCause("unreachable", "no response", cause.status, trunk_failed=True)
    if cause.origin == "transport":
        return HangupCause("unreachable", cause.phrase, cause.status, trunk_failed=True)
    status = cause.status
    if status is None:
        return HangupCause("failed", cause.phrase, None, _header(cause))
    return HangupCause(
        _BY_STATUS.get(status, "rejected" if status < 500 or status >= 600 else "unreachable"),
        cause.phrase,
        status,
        _header(cause),
        trunk_failed=cause.origin == "remote" and status in _TRUNK_FAILURES,
    )


def of_call_not_taken(cause: Cause) -> HangupCause:
    """The ending of a call that came in and was not answered."""
    if cause.origin == "remote":
        return HangupCause("hung_up", "hung up before the answer", cause.status, _header(cause))
    if cause.status == 488:
        return HangupCause("incompatible", cause.phrase, cause.status)
    return HangupCause("failed", cause.phrase, cause.status, _header(cause))


def of_ended_session(cause: Cause) -> HangupCause:
    """The ending of an answered session."""
    if cause.origin == "remote":
        return HangupCause("hung_up", "hung up", cause.status, _header(cause))
    if cause.origin == "local":
        return HangupCause("completed", cause.phrase, cause.status, _header(cause))
    return HangupCause("failed", cause.phrase, cause.status, _header(cause))
