"""When a callback may be made: the hours of its number, and of its queue or its agent.

Asked when a request comes in, when its time changes, and before a retry: a
time at which nobody may be called is refused, or moved to the first at which somebody may, at once.
"""

import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..acd.queues import Queues
from ..errors import EngineError, Kind
from ..job import Job
from ..routing.admission import Admission, Admitted
from ..routing.numbers.phone_number import CalledNumber
from .completion import Decision, End, Postpone, Retry

# Hours of a number and of a queue with no common time within this many changes have none at all.
MOST_CHANGES = 200


@dataclass(frozen=True, slots=True)
class OpenTime:
    """When a callback may be made: `at` (None: never), and why not at the time that was wanted.

    `closed`: its queue is closed at the wanted time, or its agent has no hours then, and
    `is_refused`: the queue accepts nobody then.
    """

    at: float | None
    reason: str | None = None
    closed: str | None = None
    is_refused: bool = False

    def refusal(self, field: str, reason: str | None = None) -> EngineError:
        """Return the refusal, with `opens_at`. `field` is the parameter that is to blame."""
        data: dict[str, Any] = {"opens_at": self.at}
        if self.closed is not None:
            data |= {"reason": "closed", "schedule": not self.is_refused}
        else:
            data["policy"] = "hours"
        words = reason or self.reason or "nobody may be called"
        kind: Kind = "unavailable" if self.is_refused else "refused"
        return EngineError(kind, words, field, data)


class OpenTimes:
    """Finds the first time at which the number, and the queue or the agent, are open."""

    def __init__(self, queues: Queues, admission: Admission) -> None:
        self._queues = queues
        self._admission = admission

    def first(
        self,
        number: CalledNumber | None,
        queue: str | None,
        wanted: float,
        agent: str | None = None,
    ) -> OpenTime:
        """The first time from `wanted` on. A queue or agent that is not known has no hours."""
        queues = self._queues.matcher.queues
        found = queues.by_name.get(queue) if queue is not None else None
        opens_at = partial(queues.opens_at, queue or "", kind="callback")
        closed, is_refused = None, False
        own = self._queues.agent_hours(agent)
        if own is not None and not own.is_open(wanted):
            closed = f"agent {agent} is out of hours"
        if found is not None and opens_at(wanted) != wanted:
            closed = f"queue {queue} is closed"
            is_refused = found.config.when_closed == "refuse"
        at: float | None = wanted
        for _ in range(MOST_CHANGES):
            before = at
            if at is not None and number is not None:
                at = self._admission.hours.opens(number, at)
            if at is not None and found is not None:
                at = opens_at(at)
            if at is not None and own is not None:
                at = own.opens_at(at)
            if at is None or at == before:
                break
        else:
            at = None
        if at == wanted:
            return OpenTime(at)
        reason = closed
        if reason is None and number is not None:
            reason = self._admission.out_of_hours(number, wanted, at)
        return OpenTime(at, reason, closed, is_refused)

    def admit(
        self,
        admitted: Admitted,
        queue: str | None,
        agent: str | None = None,
        *,
        not_before: float | None,
        deadline: float | None,
        now: float,
    ) -> Admitted:
        """What the policies admit, at a time at which the queue, or the agent, is open too.

        Raises EngineError `refused` or `unavailable`, with `opens_at`, where there is none before
        the deadline, or the queue accepts nobody at the time that was asked for.
        """
        number = self._admission.number(admitted.called) if admitted.called is not None else None
        open_time = self.first(number, queue, max(now, not_before or 0.0), agent)
        if open_time.reason is None:
            return admitted
        if open_time.is_refused or open_time.at is None:
            party = "queue" if queue is not None else "agent"
            raise open_time.refusal(party if open_time.closed is not None else "to")
        if deadline is not None and deadline <= open_time.at:
            raise open_time.refusal("deadline", f"{open_time.reason}, and opens after the deadline")
        return dataclasses.replace(
            admitted, not_before=open_time.at, scheduled=admitted.scheduled or open_time.reason
        )

    def in_open_time(self, job: Job, step: Decision) -> Decision:
        """`step`, at a time at which the job may be called; its end where there is none."""
        if isinstance(step, Retry):
            open_time = self._of(job, step.number, step.at)
            if open_time.reason is None:
                return step
            at, deadline = open_time.at, job.request.deadline
            if at is None or open_time.is_refused or (deadline or at + 1) <= at:
                cause = f"{step.outcome.cause}; not tried again: {open_time.reason}"
                return End(dataclasses.replace(step.outcome, cause=cause))
            return dataclasses.replace(step, at=at, scheduled=open_time.reason)
        if isinstance(step, Postpone) and step.is_date:
            open_time = self._of(job, job.dial_to, step.until)
            return step if open_time.at is None else dataclasses.replace(step, until=open_time.at)
        return step

    def _of(self, job: Job, dial_to: str | None, wanted: float) -> OpenTime:
        text = dial_to if dial_to is not None else job.called
        number = None if text is None else self._admission.number(text)
        return self.first(number, job.request.queue, wanted, job.request.agent)
