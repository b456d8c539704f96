"""The hangup cause of a leg: one word, one sentence, and what SIP said.

The words are those of a job's `result`. They say what a person does next; a SIP status says what
a machine answered.
"""

from dataclasses import dataclass, replace
from typing import Literal

from config.retry import RetryCause
from sip.events import Cause
from sip.message.grammar import printable
from sip.message.reason import q850_of, status_reason

from .q850 import cause_of, reason_header, status_of

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

# Where another trunk may help: nothing answers behind this one, or it refuses our credentials. The
# callee was not asked. So does every 5xx.
_TRUNK_FAILURES = frozenset({401, 407, 408})

# What a gateway also answers where the telephone network has said more (RFC 3398, RFC 6432).
_COARSE = frozenset({480, 500, 502, 503, 504})
# Normal clearing, normal unspecified, interworking: no reason that explains a failure.
_SAYS_NOTHING = frozenset({16, 31, 127})

# Which 3xx are followed. 380 describes a service, and no place to call.
_REDIRECTIONS = frozenset({300, 301, 302, 305})

_Q850_OF_RESULT: dict[Result, int] = {
    "completed": 16,
    "busy": 17,
    "declined": 21,
    "no_answer": 19,
    "unavailable": 20,
    "not_found": 1,
    "rejected": 21,
    "incompatible": 65,
    "unreachable": 27,
    "auth": 57,
    "hung_up": 16,
    "no_media": 41,
    "failed": 41,
    "cancelled": 16,
    "expired": 102,
}

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
CLEARING = reason_header(16)
WORKER_DIED = reason_header(41)
NO_ANSWER = status_reason(408, "No answer")
ELSEWHERE = status_reason(200, "Call completed elsewhere")


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
    `contacts`: where the call is redirected to.
    """

    result: Result
    phrase: str
    sip_status: int | None = None
    reason_header: str | None = None
    trunk_failed: bool = False
    is_ours: bool = False
    trunk_rests_s: float = 0.0
    trunk_is_silent: bool = False
    contacts: tuple[str, ...] = ()

    @property
    def hop_failed(self) -> bool:
        """Whether another address of the same trunk may do (RFC 3263 section 4.3)."""
        return self.trunk_failed and self.sip_status in (None, 408, 503)

    def after_talk(self, who: str) -> str:
        """Why a talk is over in which the leg of `who` has ended."""
        return self.phrase if self.result == "completed" else f"{who} hung up"

    def __str__(self) -> str:
        if self.sip_status is None:
            return self.phrase
        return f"{self.sip_status} {self.phrase}"


BY_COMMAND = HangupCause("hung_up", "hung up by command")
TRANSFERRED = HangupCause("completed", "transferred")


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
    meant = _meant_by_network(cause, status)
    is_trunk = cause.origin == "remote" and _is_of_trunk(meant)
    phrase = f"{cause.phrase} ({cause.warning})" if cause.warning else cause.phrase
    return HangupCause(
        _BY_STATUS.get(meant, "rejected" if meant < 500 or meant >= 600 else "unreachable"),
        phrase,
        _answered(cause),
        _header(cause),
        trunk_failed=is_trunk,
        trunk_rests_s=cause.retry_after_s if is_trunk and status == 503 else 0.0,
        contacts=cause.contacts if status in _REDIRECTIONS else (),
    )


def _is_of_trunk(status: int) -> bool:
    return status in _TRUNK_FAILURES or 500 <= status < 600


def at_trunk(cause: HangupCause, *, has_credentials: bool, has_rung: bool) -> HangupCause:
    """The cause of a call by a trunk, as it is meant there.

    403 refuses the credentials that we have at the trunk, so that another trunk may do. 408 of one
    that has let the party ring says that the party does not answer.
    """
    if cause.sip_status == 403 and has_credentials:
        return replace(cause, trunk_failed=True)
    if cause.sip_status == 408 and has_rung:
        return replace(cause, trunk_failed=False)
    return cause


def _meant_by_network(cause: Cause, status: int) -> int:
    """The status, or a finer one that the Q.850 cause of a gateway stands for."""
    q850 = q850_of(cause.reason_header) if status in _COARSE else None
    return status if q850 is None or q850 in _SAYS_NOTHING else status_of(q850) or status


def q850_cause(cause: HangupCause) -> int:
    """The Q.850 cause to clear the other party of a call with: what this one was cleared with."""
    theirs = q850_of(cause.reason_header)
    if theirs is not None:
        return theirs
    if cause.sip_status is not None and cause.sip_status >= 400:
        return cause_of(cause.sip_status)
    return _Q850_OF_RESULT[cause.result]


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
