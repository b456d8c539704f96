"""The record of one callback: what became of it, in one row, made when it ends."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..job import MACHINE, Job, LegRecord

Row = dict[str, Any]


@dataclass(slots=True)
class Stay:
    """One stay in one queue, as it is stored. Without `left_at` the party still waits."""

    id: str
    entry: str
    kind: str
    queue: str
    joined_at: float
    site: str | None = None
    left_at: float | None = None
    waited_s: float | None = None
    result: str | None = None
    reason: str | None = None
    agent: str | None = None
    talk_s: float | None = None

    def shift(self, by_s: float) -> None:
        """The clock was stepped: they have waited as long as before."""
        self.joined_at += by_s

    def row(self) -> Row:
        """The row of queue_stays."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Answer:
    """A customer answered, and had no agent for `alone_s` seconds."""

    leg: str
    answered_at: float
    alone_s: float


@dataclass(slots=True)
class Moments:
    """When what happened first in a callback."""

    called_at: float | None = None
    operator_at: float | None = None
    customer_at: float | None = None
    talk_at: float | None = None
    talk_s: float | None = None
    answers: list[Answer] = field(default_factory=list)


def moments_of(job: Job) -> Moments:
    """What the legs of an ended job say."""
    ended_at = job.ended_at if job.ended_at is not None else job.created
    found = Moments(talk_at=job.bridged_at)
    for number, attempt in enumerate(job.attempts, 1):
        # Only the last attempt can have come to a talk: none is made after one.
        talk_at = job.bridged_at if number == len(job.attempts) else None
        for leg in attempt.legs:
            if leg.role == "agent":
                found.operator_at = _first(found.operator_at, leg.answered)
            if leg.role != "customer":
                continue
            found.called_at = _first(found.called_at, leg.started)
            # Where a machine answered, it was not the customer who did.
            if leg.answered is not None and attempt.result != MACHINE:
                found.customer_at = _first(found.customer_at, leg.answered)
                until = talk_at if talk_at is not None else leg.ended or ended_at
                found.answers.append(Answer(leg.leg, leg.answered, max(0.0, until - leg.answered)))
    if job.bridged_at is not None:
        legs = job.attempts[-1].legs if job.attempts else ()
        found.talk_s = talked_s(legs, job.bridged_at, ended_at)
    return found


def due_at(job: Job) -> float:
    """When the job was to be called at the earliest: at once, unless it was to wait."""
    return max(job.created, job.request.not_before or 0.0)


def closing_facts(job: Job) -> dict[str, Any]:
    """What the last event of a job says of it, besides what every event says."""
    moments, request = moments_of(job), job.request
    return {
        "to": request.to,
        "order": request.order,
        "source": request.source,
        "result": job.result,
        "cause": job.cause,
        "cancelled_by": job.cancelled_by,
        "failure": job.failure,
        "created": job.created,
        **_times_of(job, moments),
        "ended_at": job.ended_at,
        "talk_s": moments.talk_s,
        "cost": job.cost,
        "recording": job.recording,
        "joined": job.joined,
        "attempts": job.attempts,
        "offers": job.offers,
        "outcome": job.outcome,
        "rating": job.rating,
    }


def _times_of(job: Job, moments: Moments) -> dict[str, float | None]:
    """When things were due and happened, as events and records name them."""
    return {
        "due_at": due_at(job),
        "deadline": job.request.deadline,
        "called_at": moments.called_at,
        "operator_at": moments.operator_at,
        "customer_at": moments.customer_at,
        "talk_at": moments.talk_at,
    }


def row_of(
    job: Job,
    moments: Moments,
    stays: Sequence[Stay],
    cost: Mapping[str, Any] | None,
) -> Row:
    """The row of records for an ended job. `cost` has an `amount` in a `currency`."""
    request = job.request
    row: Row = {
        "id": job.id,
        "kind": "callback",
        "number": job.called,
        "site": request.site,
        "queue": stays[-1].queue if stays else request.queue,
        "agent": job.agent,
        "state": job.state,
        "result": job.result,
        "attempts": len(job.attempts),
        "created": job.created,
        **_times_of(job, moments),
        "ended_at": job.ended_at if job.ended_at is not None else job.created,
        "talk_s": moments.talk_s,
        "cost": None if cost is None else float(cost["amount"]),
        "currency": None if cost is None else cost["currency"],
    }
    shown = {
        **row,
        "to": request.to,
        "order": request.order,
        "priority": request.priority,
        "source": request.source,
        "context": request.context,
        "cause": job.cause,
        "cancelled_by": job.cancelled_by,
        "failure": job.failure,
        "recording": job.recording,
        "joined": job.joined,
        "attempts": job.attempts,
        "offers": job.offers,
        "stays": [stay.row() for stay in stays],
        "alone_s": [answer.alone_s for answer in moments.answers],
        "cost": cost,
    }
    del shown["currency"]
    return row | {"body": msgspec.json.encode(shown)}


def answer_rows(job: Job, moments: Moments) -> Iterator[Row]:
    """The rows of customer_answers for an ended job."""
    for answer in moments.answers:
        yield {
            "leg": answer.leg,
            "record": job.id,
            "site": job.request.site,
            "answered_at": answer.answered_at,
            "alone_s": answer.alone_s,
        }


def _first(known: float | None, moment: float | None) -> float | None:
    """The earlier of two moments; None: it was not."""
    if known is None or moment is None:
        return moment if known is None else known
    return min(known, moment)


def talked_s(legs: Iterable[LegRecord], bridged_at: float, ended_at: float) -> float:
    """How long two talked, until the first hung up.

    Legs that were over before have no part, nor has who joined the talk later, or supervised it.
    """
    ends = [
        leg.ended
        for leg in legs
        if leg.answered is not None
        and leg.answered <= bridged_at
        and leg.ended is not None
        and leg.ended >= bridged_at
        and leg.role != "supervisor"
    ]
    return max(0.0, min([*ends, ended_at]) - bridged_at)
