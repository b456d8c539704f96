"""What a manager counts: pure sums over rows, the formulas of docs/reports.md.

Every figure is computed from single rows, so percentiles are exact and a change of what counts as
what (a service level, a short abandon) holds for the past as well. A share is in per cent, a
figure that has nothing to be computed from is None.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Any, Literal, NamedTuple

Figures = dict[str, Any]

PERCENTILES = (50, 90, 95, 99)

# The states of an agent in which they take calls or handle one.
READY_STATES = ("available", "reserved", "ringing", "talking", "wrap_up")
AGENT_STATES = (*READY_STATES, "paused")


@dataclass(frozen=True, slots=True)
class Definitions:
    """What counts as what: [reports] of the configuration."""

    service_level_s: float = 20.0
    short_abandon_s: float = 5.0
    include_abandoned: bool = True
    include_short_abandoned: bool = False
    include_overflowed: bool = False
    include_expired: bool = False
    include_withdrawn: bool = False
    include_lost: bool = False
    service_level_by_queue: tuple[tuple[str, float], ...] = ()
    """The queues with a service level of their own."""

    def level_s(self, queue: str) -> float:
        """The service level of `queue`, in seconds."""
        return dict(self.service_level_by_queue).get(queue, self.service_level_s)


class StayRow(NamedTuple):
    """One stay in one queue. `result` None: it still waits."""

    queue: str
    joined_at: float
    result: str | None
    waited_s: float
    talk_s: float | None = None
    handle_s: float | None = None
    kind: str = "call"


class CustomerRow(NamedTuple):
    """One customer's way through the queues, from the first stay to the last.

    `queue` and `joined_at` are those of the first one, `result` is that of the last one, and
    `waited_s` is the wait in all of them.
    """

    queue: str
    joined_at: float
    result: str | None
    waited_s: float
    kind: str = "call"


class CallRow(NamedTuple):
    """One call that came in and has ended."""

    created: float
    result: str | None
    answered_at: float | None = None
    talk_at: float | None = None
    ended_at: float | None = None
    talk_s: float | None = None
    cost: float | None = None
    currency: str | None = None
    rating: int | None = None
    outcome: str | None = None
    mos: float | None = None
    """The opinion score of the caller's leg, of the worse of its directions."""
    faults: int | None = None
    """What was wrong with its sound: the sum of SoundFault."""


class JobRow(NamedTuple):
    """One callback job, open or ended, with the moments that matter."""

    created: float
    due_at: float
    state: str
    promised_by: float | None = None
    called_at: float | None = None
    operator_at: float | None = None
    customer_at: float | None = None
    talk_at: float | None = None
    ended_at: float | None = None
    talk_s: float | None = None
    attempts: int = 0
    cost: float | None = None
    currency: str | None = None
    rating: int | None = None
    outcome: str | None = None
    mos: float | None = None
    """The opinion score of the customer's leg in the last attempt, of the worse direction."""
    answered_by: str | None = None
    """Who or what answered for the customer then: a label of the detection."""
    faults: int | None = None
    """What was wrong with the sound of their leg: the sum of SoundFault."""
    cancelled_by: str | None = None
    """Who has cancelled it by command."""


class AgentPeriod(NamedTuple):
    """An agent was in `state` from `since` to `until`; `work` is whose call it was about.

    `missed`: it began with an unanswered offer.
    """

    agent: str
    state: str
    since: float
    until: float
    work: str | None = None
    reason: str | None = None
    missed: bool = False


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """The smallest value of a sorted sequence that `percent` of them do not exceed."""
    if not ordered:
        return None
    return ordered[max(1, math.ceil(len(ordered) * percent / 100)) - 1]


def percentiles(name: str, values: Iterable[float]) -> Figures:
    """`<name>_p50_s` and the like."""
    ordered = sorted(values)
    return {f"{name}_p{p}_s": _rounded(percentile(ordered, p)) for p in PERCENTILES}


def share(part: float, whole: float) -> float | None:
    """`part` of `whole` in per cent."""
    return round(100 * part / whole, 2) if whole else None


def mean(values: Sequence[float]) -> float | None:
    """The arithmetic mean."""
    return _rounded(math.fsum(values) / len(values)) if values else None


def mean_of(total: float, count: int) -> float | None:
    """The mean of `count` values that are `total` together."""
    return _rounded(total / count) if count else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


# -- agents -------------------------------------------------------------------------------------


def measure_agents(teams: Iterable[Sequence[AgentPeriod]], begin: float, end: float) -> Figures:
    """The figures of agents from `begin` to `end`: for each, all periods in order.

    Times are cut at the ends of the interval; a call counts, with all of its time, in the
    interval in which it was offered or answered.
    """
    spent = dict.fromkeys(AGENT_STATES, 0.0)
    pauses: dict[str, float] = {}
    counts: Counter[str] = Counter()
    talks: list[float] = []
    wraps: list[float] = []
    for periods in teams:
        # The first is the one that `begin` falls into.
        first = max(0, bisect_right(periods, begin, key=_since) - 1)
        for number in range(first, bisect_left(periods, end, key=_since)):
            period = periods[number]
            inside = min(period.until, end) - max(period.since, begin)
            if inside > 0 and period.state in spent:
                spent[period.state] += inside
                if period.state == "paused":
                    reason = period.reason or ""
                    pauses[reason] = pauses.get(reason, 0.0) + inside
            if period.since < begin:
                continue
            following = periods[number + 1] if number + 1 < len(periods) else None
            if period.state == "ringing":
                counts["offered"] += 1
                counts[_outcome_of_offer(period, following)] += 1
            elif period.state == "talking":
                talks.append(period.until - period.since)
                if following is not None and following.state == "wrap_up":
                    wraps.append(following.until - following.since)
    handling = spent["talking"] + spent["wrap_up"]
    ready = sum(spent[state] for state in READY_STATES)
    return {
        "offered": counts["offered"],
        "answered": counts["answered"],
        "missed": counts["missed"],
        "withdrawn": counts["withdrawn"],
        "ringing_now": counts["ringing"],
        "calls": len(talks),
        "logged_in_s": round(ready + spent["paused"], 3),
        **{f"{state}_s": round(seconds, 3) for state, seconds in spent.items()},
        "occupancy_percent": share(handling, ready),
        "aht_s": _rounded(math.fsum([*talks, *wraps]) / len(talks)) if talks else None,
        **percentiles("talk", talks),
        "pauses": {reason: round(seconds, 3) for reason, seconds in sorted(pauses.items())},
    }


def _since(period: AgentPeriod) -> float:
    return period.since


def _outcome_of_offer(ringing: AgentPeriod, following: AgentPeriod | None) -> str:
    """What came of ringing them."""
    if following is None:
        return "ringing"
    if following.state == "talking" and following.work == ringing.work:
        return "answered"
    return "missed" if following.missed else "withdrawn"


# -- jobs ---------------------------------------------------------------------------------------

JOB_ENDS = ("completed", "failed", "cancelled", "expired")


def measure_jobs(jobs: Sequence[JobRow], now: float) -> Figures:
    """The figures of the callbacks requested in one interval."""
    states = Counter(job.state if job.state in JOB_ENDS else "open" for job in jobs)
    promises = Counter(_promise(job, now) for job in jobs)
    judged = promises["kept"] + promises["broken"]
    talks = [job.talk_s for job in jobs if job.talk_s is not None]
    to_operator = _times(jobs, "operator_at")
    to_customer = _times(jobs, "customer_at")
    to_talk = _times(jobs, "talk_at")
    return {
        "requested": len(jobs),
        **{end: states[end] for end in JOB_ENDS},
        "cancelled_by_visitor": sum(job.cancelled_by == "visitor" for job in jobs),
        "open": states["open"],
        "completed_percent": share(states["completed"], len(jobs) - states["open"]),
        "attempts": sum(job.attempts for job in jobs),
        "called": sum(job.called_at is not None for job in jobs),
        "promised": judged + promises["pending"],
        "promise_kept": promises["kept"],
        "promise_broken": promises["broken"],
        "promise_kept_percent": share(promises["kept"], judged),
        "to_operator_s": mean(to_operator),
        **percentiles("to_operator", to_operator),
        "to_customer_s": mean(to_customer),
        **percentiles("to_customer", to_customer),
        "to_talk_s": mean(to_talk),
        **percentiles("to_talk", to_talk),
        "talk_s": round(math.fsum(talks), 3),
        **percentiles("talk", talks),
        **quality_of([job.mos for job in jobs if job.mos is not None]),
        **faults_of(jobs),
        **judgement(jobs),
        "labels": dict(sorted(Counter(job.answered_by for job in jobs if job.answered_by).items())),
        "costs": costs_of(jobs),
    }


# Below it, many listeners are dissatisfied (ITU-T G.107, annex B).
POOR_MOS = 3.1


def quality_of(scores: Sequence[float]) -> Figures:
    """How the calls sounded: how many are known, their mean, and how many were poor."""
    return {
        "measured": len(scores),
        "mos": mean(scores),
        "mos_p5": percentile(sorted(scores), 5),
        "poor": sum(score < POOR_MOS for score in scores),
    }


class SoundFault(IntFlag):
    """What was found in the sound of a party (`media.sound`)."""

    ONE_WAY = 1
    CLIPPING = 2
    ECHO = 4


def faults_of(rows: Sequence[JobRow] | Sequence[CallRow]) -> Figures:
    """In how many of them each fault of the sound was found."""
    return {
        str(fault.name).lower(): sum(bool((row.faults or 0) & fault) for row in rows)
        for fault in SoundFault
    }


def judgement(rows: Sequence[JobRow] | Sequence[CallRow]) -> Figures:
    """How often and how well they were rated, and how many have each outcome."""
    ratings = [row.rating for row in rows if row.rating is not None]
    outcomes = Counter(row.outcome for row in rows if row.outcome is not None)
    return {
        "rated": len(ratings),
        "rating": mean(ratings),
        "outcomes": dict(sorted(outcomes.items())),
    }


def costs_of(rows: Sequence[JobRow] | Sequence[CallRow]) -> dict[str, float]:
    """What they cost together, by currency."""
    costs: dict[str, float] = {}
    for row in rows:
        if row.cost is not None:
            currency = row.currency or ""
            costs[currency] = costs.get(currency, 0.0) + row.cost
    return {currency: round(amount, 4) for currency, amount in sorted(costs.items())}


def _times(
    jobs: Iterable[JobRow], moment: Literal["operator_at", "customer_at", "talk_at"]
) -> list[float]:
    """How long after it was due each callback reached `moment`, of those that did."""
    found = []
    for job in jobs:
        at: float | None = getattr(job, moment)
        if at is not None:
            found.append(max(0.0, at - job.due_at))
    return found


def _promise(job: JobRow, now: float) -> str:
    """kept, broken, pending or none: whether the customer was called by the promised time."""
    if job.promised_by is None:
        return "none"
    if job.called_at is not None:
        return "kept" if job.called_at <= job.promised_by else "broken"
    if job.state == "cancelled" and (job.ended_at or now) <= job.promised_by:
        return "none"  # taken back before the promise was due
    if job.state in JOB_ENDS:
        return "broken"
    return "broken" if now > job.promised_by else "pending"


def measure_alone(alone_s: Iterable[float], limit_s: float) -> Figures:
    """Customers who answered, and those without an agent for more than `limit_s` after it."""
    waits = list(alone_s)
    alone = sum(wait > limit_s for wait in waits)
    return {
        "customers_answered": len(waits),
        "left_alone": alone,
        "left_alone_percent": share(alone, len(waits)),
    }


def flat(figures: Mapping[str, Any], apart: Iterable[str] = ()) -> Figures:
    """The figures as cells of a table: what is a mapping becomes `name=value` pairs.

    The figures of a mapping named in `apart` become columns of their own: callers_answered.
    """
    cells: Figures = {}
    for name, value in figures.items():
        if not isinstance(value, Mapping):
            cells[name] = value
        elif name in apart:
            cells |= {f"{name}_{key}": item for key, item in value.items()}
        else:
            cells[name] = " ".join(f"{key or '-'}={item:g}" for key, item in value.items())
    return cells
