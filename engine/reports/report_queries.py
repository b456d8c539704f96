"""The rows that reports are counted from: the queries, and what is made of what they give."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec

from ..job import Job, LegRecord
from ..store.job_table import OPEN_STATES
from .cdr import Stay, due_at, moments_of
from .measures import AgentPeriod, CustomerRow, JobRow, StayRow

Query = tuple[str, Sequence[Any]]
Rows = list[tuple[Any, ...]]

# A call that begins in the span may last into the next day.
AFTERWARDS_S = 86400.0
# How far back a report of sites looks for customers who were left alone.
ALONE_S = 30 * 86400.0
# By their state there is an index; by `ended_at` all that have ended would be read.
_MARKS = ", ".join("?" * len(OPEN_STATES))
# By what reports of jobs and calls can be grouped, and its column in the table of records.
BY = {
    "all": "''", "site": "site", "queue": "queue", "agent": "agent", "result": "result",
    "outcome": "a.outcome",
}  # fmt: skip
# The customer's leg of the last attempt of a callback, by which they were called last.
_LAST_LEG = """
    (SELECT json_extract(l.value, '$.{}') FROM
        json_each(CAST(r.body AS TEXT), '$.attempts[#-1].legs') l
    WHERE json_extract(l.value, '$.role') = 'customer' ORDER BY l.key DESC LIMIT 1)
"""
JOBS_BY = BY | {
    "trunk": _LAST_LEG.format("trunk"), "answered_by": _LAST_LEG.format("answered_by"),
}  # fmt: skip
# The same of report.call.
CALLS_BY = BY | {
    "rating": "CAST(a.rating AS TEXT)",
    "route": "json_extract(CAST(body AS TEXT), '$.route')",
    "trunk": "json_extract(CAST(body AS TEXT), '$.trunk')",
    "attestation": "json_extract(CAST(body AS TEXT), '$.attestation')",
}

# An agent's period ends where the next one begins.
_UNTIL = """
    (SELECT n.since FROM agent_periods n WHERE n.agent = p.agent AND n.since >= p.since
     AND n.number > p.number ORDER BY n.since, n.number LIMIT 1)
"""
# Each agent once, without looking at all their rows.
_NAMES = """
    WITH RECURSIVE names(agent) AS (
        SELECT MIN(agent) FROM agent_periods
        UNION ALL
        SELECT (SELECT MIN(agent) FROM agent_periods WHERE agent > names.agent)
        FROM names WHERE agent IS NOT NULL
    )
"""
LAST_STATES = f"""
    {_NAMES}
    SELECT agent, (
        SELECT state FROM agent_periods p WHERE p.agent = names.agent
        ORDER BY since DESC, number DESC LIMIT 1
    ) FROM names WHERE agent IS NOT NULL
"""


# The opinion score of the customer's leg: of the worse of its directions, where both are known.
_MOS = """
    (SELECT MIN(MIN(
        json_extract(l.value, '$.media.mos'),
        COALESCE(json_extract(l.value, '$.media.remote_mos'), 5)
    )) FROM json_each(CAST(r.body AS TEXT), '$.{}') l
    WHERE json_extract(l.value, '$.role') = 'customer')
"""
_CALLER_MOS, _CUSTOMER_MOS = _MOS.format("legs"), _MOS.format("attempts[#-1].legs")
# What was wrong with the sound of the customer's leg: the sum of SoundFault; null without a leg.
_FAULTS = """
    (SELECT MAX(json_extract(l.value, '$.media.one_way') IS NOT NULL)
        + 2 * MAX(json_extract(l.value, '$.media.clipped') IS NOT NULL)
        + 4 * MAX(json_extract(l.value, '$.media.echo_ms') IS NOT NULL)
    FROM json_each(CAST(r.body AS TEXT), '$.{}') l
    WHERE json_extract(l.value, '$.role') = 'customer')
"""
_CALLER_FAULTS, _CUSTOMER_FAULTS = _FAULTS.format("legs"), _FAULTS.format("attempts[#-1].legs")


def how_many(kind: str, begin: float, end: float, most: int) -> Query:
    """How many rows a report would read, counted up to `most`."""
    periods = ("agent_periods", "since", begin, end + AFTERWARDS_S)
    jobs = ("records", "created", begin, end)
    tables = {
        "queue": [*[("queue_stays", "joined_at", begin, end)] * 2, periods],
        "call": [jobs],
        "agent": [periods],
        "job": [jobs],
        "site": [jobs, ("customer_answers", "answered_at", begin - ALONE_S, end)],
    }[kind]
    parts = [f"SELECT 1 FROM {name} WHERE {at} >= ? AND {at} < ?" for name, at, *_ in tables]
    values = [value for _name, _at, *bounds in tables for value in bounds]
    return f"SELECT COUNT(*) FROM ({' UNION ALL '.join(parts)} LIMIT ?)", (*values, most)


def stays_of_open() -> Query:
    """All stays that are not over, and those of jobs and calls that have not ended."""
    columns = ", ".join(f"s.{name}" for name in Stay.__slots__)
    return (
        f"""
        SELECT {columns} FROM queue_stays s WHERE s.entry IN (
            SELECT id FROM jobs WHERE state IN ({_MARKS})
            UNION SELECT entry FROM queue_stays WHERE left_at IS NULL
            UNION SELECT key FROM documents WHERE kind = 'call_up'
        ) ORDER BY s.joined_at, s.rowid
        """,
        OPEN_STATES,
    )


# -- stays in queues ----------------------------------------------------------------------------


def stays(begin: float, end: float, queue: str | None) -> Query:
    """The stays that began in the span."""
    return (
        """
        SELECT entry, queue, joined_at, result, waited_s, talk_s, kind FROM queue_stays
        WHERE joined_at >= ? AND joined_at < ? AND (? IS NULL OR queue = ?)
        ORDER BY joined_at, rowid
        """,
        (begin, end, queue, queue),
    )


def handles(begin: float, end: float) -> Query:
    """The agents' talks and wrap-ups that belong to them, those that are over."""
    return (
        f"""
        SELECT work, since, until FROM (
            SELECT work, since, {_UNTIL} AS until FROM agent_periods p
            WHERE since >= ? AND since < ? AND state IN ('talking', 'wrap_up')
            AND work IS NOT NULL
        ) WHERE until IS NOT NULL
        """,
        (begin, end + AFTERWARDS_S),
    )


def read_stays(found: Rows, handled: Rows, now: float) -> list[StayRow]:
    """The stays with their handling times: talk and wrap-up of the agent who answered."""
    answered: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for number, (entry, _queue, joined_at, result, _waited, _talk, _kind) in enumerate(found):
        if result == "answered":
            answered[entry].append((joined_at, number))
    handle_s: dict[int, float] = defaultdict(float)
    for work, since, until in handled:
        own = answered.get(work)
        if own is None:
            continue
        place = bisect_right(own, since, key=lambda one: one[0]) - 1
        if place >= 0:
            handle_s[own[place][1]] += until - since
    return [
        StayRow(
            queue,
            joined_at,
            result,
            max(0.0, now - joined_at) if waited_s is None else waited_s,
            talk_s,
            handle_s.get(number),
            kind,
        )
        for number, (_entry, queue, joined_at, result, waited_s, talk_s, kind) in enumerate(found)
    ]


def customers(begin: float, end: float, queue: str | None) -> Query:
    """Every stay of each customer who had one in the span; of each customer in order."""
    return (
        """
        SELECT entry, kind, queue, joined_at, result, waited_s FROM queue_stays
        WHERE entry IN (
            SELECT entry FROM queue_stays
            WHERE joined_at >= ? AND joined_at < ? AND (? IS NULL OR queue = ?)
        ) ORDER BY entry, joined_at, rowid
        """,
        (begin, end, queue, queue),
    )


def read_customers(found: Rows, begin: float, end: float, now: float) -> list[CustomerRow]:
    """The customers whose first stay began in the span."""
    read = []
    for _entry, own in groupby(found, key=itemgetter(0)):
        stays = list(own)
        _, kind, queue, joined_at, *_ = stays[0]
        if begin <= joined_at < end:
            waited_s = sum(
                max(0.0, now - since) if waited is None else waited
                for _e, _k, _q, since, _result, waited in stays
            )
            read.append(CustomerRow(queue, joined_at, stays[-1][4], waited_s, kind))
    return read


# -- agents -------------------------------------------------------------------------------------


def periods(begin: float, end: float, agent: str | None) -> Query:
    """The periods of the span, the one before it, and what follows on calls that began in it."""
    return (
        f"""
        {_NAMES}
        SELECT p.agent, p.state, p.since, p.work, p.reason, p.missed FROM names
        JOIN agent_periods p ON p.agent = names.agent AND p.since < ? AND p.since >= COALESCE(
            (SELECT MAX(b.since) FROM agent_periods b
             WHERE b.agent = names.agent AND b.since <= ?), ?)
        WHERE names.agent IS NOT NULL AND (? IS NULL OR names.agent = ?)
        ORDER BY p.agent, p.since, p.number
        """,
        (end + AFTERWARDS_S, begin, begin, agent, agent),
    )


def read_periods(found: Rows, now: float) -> dict[str, list[AgentPeriod]]:
    """The periods of each agent in order; the last one is not over yet."""
    by_agent: dict[str, list[AgentPeriod]] = defaultdict(list)
    for number, (agent, state, since, work, reason, missed) in enumerate(found):
        following = found[number + 1] if number + 1 < len(found) else None
        is_last = following is None or following[0] != agent
        until = max(now, since) if following is None or is_last else following[2]
        by_agent[agent].append(AgentPeriod(agent, state, since, until, work, reason, bool(missed)))
    return by_agent


# -- jobs ---------------------------------------------------------------------------------------


def ended_jobs(begin: float, end: float, by: str) -> Query:
    """The callbacks that were requested in the span and have ended."""
    return (
        f"""
        SELECT r.id, COALESCE({JOBS_BY[by]}, ''), created, due_at, state, deadline, called_at,
            operator_at, customer_at, talk_at, ended_at, talk_s, attempts, cost, currency,
            a.rating, a.outcome, {_CUSTOMER_MOS}, {JOBS_BY["answered_by"]},
            {_CUSTOMER_FAULTS}, json_extract(CAST(body AS TEXT), '$.cancelled_by')
        FROM records r LEFT JOIN annotations a ON a.id = r.id
        WHERE created >= ? AND created < ? AND kind = 'callback'
        """,
        (begin, end),
    )


def ended_calls(begin: float, end: float, by: str) -> Query:
    """The calls that came in in the span and have ended."""
    return (
        f"""
        SELECT COALESCE({CALLS_BY[by]}, ''), created, result, operator_at, talk_at, ended_at,
            talk_s, cost, currency, a.rating, a.outcome, {_CALLER_MOS},
            {_CALLER_FAULTS}
        FROM records r LEFT JOIN annotations a ON a.id = r.id
        WHERE created >= ? AND created < ? AND kind = 'call'
        """,
        (begin, end),
    )


def open_jobs(begin: float, end: float) -> Query:
    """The callbacks that were requested in the span and have not ended."""
    return (
        f"SELECT body FROM jobs WHERE state IN ({_MARKS}) AND created >= ? AND created < ?",
        (*OPEN_STATES, begin, end),
    )


def read_jobs(ended: Rows, still_open: Rows, by: str, promise_s: float) -> list[tuple[str, JobRow]]:
    """The rows with what they are grouped by."""
    found = [(key, _promised(JobRow(*members), promise_s)) for _id, key, *members in ended]
    known = {row[0] for row in ended}
    decoder = msgspec.json.Decoder(Job)
    for (body,) in still_open:
        job = decoder.decode(body)
        if job.id not in known and not job.is_terminal:
            found.append((_key_of(job, by), _promised(_row_of_open(job), promise_s)))
    return found


def _key_of(job: Job, by: str) -> str:
    leg = _last_leg_of(job)
    keys: Mapping[str, str | None] = {
        "site": job.request.site,
        "queue": job.request.queue,
        "agent": job.agent,
        "outcome": job.outcome,
        "trunk": None if leg is None else leg.trunk,
        "answered_by": None if leg is None else leg.answered_by,
    }
    return keys.get(by) or ""


def _last_leg_of(job: Job) -> LegRecord | None:
    """The leg by which the customer was called last; None where they were not, the last time."""
    legs = job.attempts[-1].legs if job.attempts else []
    return next((leg for leg in reversed(legs) if leg.role == "customer"), None)


def _promised(row: JobRow, promise_s: float) -> JobRow:
    """The row with the time by which the customer was promised a call, where it is the earlier."""
    if not promise_s:
        return row
    by = row.due_at + promise_s
    return row._replace(promised_by=by if row.promised_by is None else min(by, row.promised_by))


def _row_of_open(job: Job) -> JobRow:
    moments = moments_of(job)
    return JobRow(
        created=job.created,
        due_at=due_at(job),
        state=job.state,
        promised_by=job.request.deadline,
        called_at=moments.called_at,
        operator_at=moments.operator_at,
        customer_at=moments.customer_at,
        talk_at=moments.talk_at,
        attempts=len(job.attempts),
        rating=job.rating,
        outcome=job.outcome,
    )


def ended_callbacks(begin: float) -> Query:
    """The callbacks that ended since `begin`, and the state of each."""
    return "SELECT id, state FROM records WHERE ended_at >= ? AND kind = 'callback'", (begin,)


def answers(begin: float, end: float) -> Query:
    """Each customer who answered in the span, and for how long they had no agent."""
    return (
        """
        SELECT site, answered_at, alone_s FROM customer_answers
        WHERE answered_at >= ? AND answered_at < ?
        """,
        (begin, end),
    )
