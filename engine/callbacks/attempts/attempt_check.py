"""What is asked right before each attempt: the customer's line, the trunks, then the policies.

Whether a number may be called now is decided in routing/admission.py.
"""

from collections.abc import Iterator

from ...calls.call import ON_THE_LINE_S, CallRegistry
from ...job import Job
from ...routing.admission import Admission
from ...routing.dialplan import Dialplan
from ...routing.limits import visitor_of
from ...routing.trunk_states import NoTrunkUsable, TrunksFull
from ..completion import Postpone
from ..trunk_line import TrunkLine

# How long the callback of a customer whose trunk is down waits before it is looked at again.
TRUNK_DOWN_S = 15.0
# As above, where the trunks that work are full.
TRUNK_FULL_S = 3.0
BEHIND_OTHERS = "callbacks that came before wait for its trunks"


def number_of(job: Job, admission: Admission) -> str | None:
    """The number (E.164) that is called next; None where it is no number."""
    if job.dial_to is None:
        return job.called
    number = admission.number(job.dial_to)
    return None if number is None else number.e164


def lines_of(job: Job, admission: Admission) -> Iterator[str]:
    """Every line of the job's customer: numbers in E.164, else what would be dialled."""
    yield job.called or job.request.to
    for text in job.request.numbers:
        number = admission.number(text)
        yield text if number is None else number.e164


def until_trunk(why_not: NoTrunkUsable, now: float) -> Postpone:
    """The callback waits for a trunk that works, or has room. Its wait goes on meanwhile."""
    if isinstance(why_not, TrunksFull):
        until, trunks = now + TRUNK_FULL_S, why_not.trunks
        return Postpone(until, why_not.message, is_waiting=True, trunks=trunks)
    return Postpone(now + TRUNK_DOWN_S, why_not.message, is_waiting=True)


class AttemptCheck:
    """Asks the calls that are up, the trunks and the policies about the next number of a job."""

    def __init__(
        self,
        calls: CallRegistry,
        admission: Admission,
        dialplan: Dialplan,
        trunk_line: TrunkLine,
    ) -> None:
        self._trunk_line = trunk_line
        self._calls = calls
        self._admission = admission
        self._dialplan = dialplan

    def objection(self, job: Job, now: float) -> Postpone | str | None:
        """Why the customer is not called now: until when, or for what reason not at all."""
        return self._not_yet(job, now) or self._refusal(job, now)

    def on_the_line(self, job: Job, now: float) -> Postpone | None:
        """Until when the job waits because its customer is calling us, if they are."""
        if not self._calls.is_on_the_line(lines_of(job, self._admission)):
            return None
        return Postpone(now + ON_THE_LINE_S, "the customer is on the line")

    def before_queue(self, job: Job, now: float) -> Postpone | str | None:
        """As `objection`, for a job that joins a queue: of the policies only hours matter yet."""
        later = self._not_yet(job, now)
        if later is None and self._admission.hours.enforced:
            return self._refusal(job, now)
        return later

    def _not_yet(self, job: Job, now: float) -> Postpone | None:
        """Until when it waits for its customer's line, or for a trunk that works."""
        if (busy := self.on_the_line(job, now)) is not None:
            return busy
        text, trunk = job.dial_to or job.request.to, job.request.trunk
        why_not = self._dialplan.no_trunk_for(text, trunk=trunk)
        if why_not is not None:
            return until_trunk(why_not, now)
        if not self._trunk_line.is_used:
            return None
        trunks = self._dialplan.trunks_for(text, trunk)[2]
        if not self._trunk_line.is_behind(job, trunks, now):
            self._trunk_line.go_on(job)
            return None
        reason = (job.scheduled if job in self._trunk_line else None) or BEHIND_OTHERS
        return Postpone(now + TRUNK_FULL_S, reason, is_waiting=True, trunks=tuple(trunks))

    def _refusal(self, job: Job, now: float) -> Postpone | str | None:
        """As `objection`, by the policies alone."""
        verdict = self._admission.may_dial_now(
            number_of(job, self._admission), now, visitor_of(job.request.site, job.request.source)
        )
        if verdict.allowed:
            return None
        reason = verdict.reason or "not to be called"
        if verdict.policy == "hours" and verdict.not_before is not None:
            return Postpone(verdict.not_before, reason, is_date=True)
        return reason
