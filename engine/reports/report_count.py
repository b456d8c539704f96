"""Counting a report: rows of the store, cut into intervals, and measured by measures.py.

Those who wait and jobs that are open are counted in the interval in which they came, like all
others, so that what was offered is always the sum of what became of it. Nothing in here knows the
engine: it runs where there is a connection to the store.
"""

import sqlite3
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal, TypeVar

import msgspec

from ..errors import BadParams
from . import report_queries as rows
from .call_measures import measure_calls
from .intervals import Interval, Intervals, TooManyIntervals, zone_of
from .measures import (
    AgentPeriod,
    CallRow,
    CustomerRow,
    Definitions,
    Figures,
    JobRow,
    StayRow,
    measure_agents,
    measure_alone,
    measure_jobs,
)
from .queue_measures import measure_queue

T = TypeVar("T")
Kind = Literal["queue", "agent", "site", "job", "call"]

MOST_INTERVALS = 10_000
# A page ends early when it holds this much, so that it fits into a line of the wire.
PAGE_BYTES = 512 * 1024
# So much of a report is made at once: a reader of its pages has it counted once.
MOST_AHEAD_BYTES = 16 * 1024 * 1024


class Question(msgspec.Struct, kw_only=True, frozen=True):
    """What a report is about, and by which definitions; `which` queue, agent or site, or all."""

    kind: Kind
    begin: float
    end: float
    interval: Interval = "total"
    time_zone: str
    now: float
    which: str | None = None
    by: str = "all"
    definitions: Definitions
    promise_s: float
    alone_s: float
    limit: int = 1000
    cursor: str | None = None


class Page(msgspec.Struct, frozen=True):
    """A page as JSON; `cursor` is the one that asks for it."""

    cursor: str | None
    body: msgspec.Raw


def answer(connection: sqlite3.Connection, asked: Question) -> list[Page]:
    """The page that is asked for and those after it. Raises BadParams, sqlite3.Error."""
    table = count(connection, asked)
    pages: list[Page] = []
    cursor, size = asked.cursor, 0
    while not pages or (cursor is not None and size < MOST_AHEAD_BYTES):
        found = page(table, asked.limit, cursor, PAGE_BYTES)
        body = msgspec.json.encode(found)
        pages.append(Page(cursor, msgspec.Raw(body)))
        cursor = found["cursor"]
        size += len(body)
    return pages


def count(connection: sqlite3.Connection, asked: Question) -> dict[str, Any]:
    """The whole report, of one moment of the store. Raises BadParams, sqlite3.Error."""
    _cut(asked)  # refused before anything is read
    connection.execute("BEGIN")
    try:
        table = _COUNTS[asked.kind](connection, asked)
    finally:
        connection.execute("COMMIT")
    return {
        "from": asked.begin,
        "to": asked.end,
        "interval": asked.interval,
        "time_zone": asked.time_zone,
        **table,
    }


def has_more_rows(connection: sqlite3.Connection, asked: Question, than: int) -> bool:
    """Whether more than this number of rows would be read."""
    query, values = rows.how_many(asked.kind, asked.begin, asked.end, than + 1)
    ((found,),) = connection.execute(query, values).fetchall()
    return bool(found > than)


def _found(connection: sqlite3.Connection, query: rows.Query) -> rows.Rows:
    return connection.execute(*query).fetchall()


# -- the reports --------------------------------------------------------------------------------


def _queues(connection: sqlite3.Connection, asked: Question) -> dict[str, Any]:
    stays = _found(connection, rows.stays(asked.begin, asked.end, asked.which))
    handles = _found(connection, rows.handles(asked.begin, asked.end))
    found: list[StayRow | CustomerRow] = [*rows.read_stays(stays, handles, asked.now)]
    own = _found(connection, rows.customers(asked.begin, asked.end, asked.which))
    found += [
        customer
        for customer in rows.read_customers(own, asked.begin, asked.end, asked.now)
        if asked.which is None or customer.queue == asked.which
    ]

    def measure(some: Sequence[StayRow | CustomerRow], _begin: float, _end: float) -> Figures:
        waited = [one for one in some if isinstance(one, StayRow)]
        customers = [one for one in some if isinstance(one, CustomerRow)]
        return measure_queue(waited, asked.definitions, customers)

    table = _table(asked, "queue", ((one.queue, one.joined_at, one) for one in found), measure)
    levels = {"service_level_by_queue": dict(asked.definitions.service_level_by_queue)}
    return table | {"definitions": asdict(asked.definitions) | levels}


def _agents(connection: sqlite3.Connection, asked: Question) -> dict[str, Any]:
    found = _found(connection, rows.periods(asked.begin, asked.end, asked.which))
    return _agent_table(asked, rows.read_periods(found, asked.now))


def _jobs_of(connection: sqlite3.Connection, asked: Question, by: str) -> list[tuple[str, JobRow]]:
    still_open = _found(connection, rows.open_jobs(asked.begin, asked.end))
    ended = _found(connection, rows.ended_jobs(asked.begin, asked.end, by))
    return rows.read_jobs(ended, still_open, by, asked.promise_s)


def _jobs(connection: sqlite3.Connection, asked: Question) -> dict[str, Any]:
    found = _jobs_of(connection, asked, asked.by)

    def measure(some: Sequence[JobRow], _begin: float, _end: float) -> Figures:
        return measure_jobs(some, asked.now)

    return _table(asked, asked.by, ((key, row.created, row) for key, row in found), measure)


def _calls(connection: sqlite3.Connection, asked: Question) -> dict[str, Any]:
    found = _found(connection, rows.ended_calls(asked.begin, asked.end, asked.by))
    calls = [(key, CallRow(*members)) for key, *members in found]

    def measure(some: Sequence[CallRow], _begin: float, _end: float) -> Figures:
        return measure_calls(some)

    return _table(asked, asked.by, ((key, row.created, row) for key, row in calls), measure)


def _sites(connection: sqlite3.Connection, asked: Question) -> dict[str, Any]:
    site = asked.which
    month_ago = asked.begin - rows.ALONE_S
    alone = _Alone(_found(connection, rows.answers(month_ago, asked.end)), asked.alone_s)
    keyed: list[tuple[str, float, JobRow | None]] = [
        (key, row.created, row)
        for key, row in _jobs_of(connection, asked, "site")
        if site is None or key == site
    ]
    # A customer may answer in a later interval than the callback was requested in.
    keyed += [
        (key, at, None)
        for key, at in alone.moments()
        if at >= asked.begin and (site is None or key == site)
    ]

    def measure(some: Sequence[tuple[str, JobRow | None]], a: float, b: float) -> Figures:
        names = {key for key, _row in some}
        figures = measure_jobs([row for _key, row in some if row is not None], asked.now)
        return figures | alone.figures(names, a, b)

    return _table(asked, "site", ((k, at, (k, row)) for k, at, row in keyed), measure)


_COUNTS: dict[Kind, Callable[[sqlite3.Connection, Question], dict[str, Any]]] = {
    "queue": _queues,
    "agent": _agents,
    "site": _sites,
    "job": _jobs,
    "call": _calls,
}


# -- tables -------------------------------------------------------------------------------------


def _cut(asked: Question) -> Intervals:
    zone = zone_of(asked.time_zone)
    try:
        return Intervals(asked.begin, asked.end, asked.interval, zone, most=MOST_INTERVALS)
    except TooManyIntervals as error:
        raise BadParams("interval", str(error)) from error


def _table(
    asked: Question,
    by: str,
    keyed: Iterable[tuple[str, float, T]],
    measure: Callable[[Sequence[T], float, float], Figures],
) -> dict[str, Any]:
    """`rows` by interval and key, `totals` by key, and the `total`."""
    intervals = _cut(asked)
    cells: dict[tuple[int, str], list[T]] = defaultdict(list)
    whole: dict[str, list[T]] = defaultdict(list)
    for key, at, item in keyed:
        cells[intervals.index(at), key].append(item)
        whole[key].append(item)
    everything = [item for items in whole.values() for item in items]
    return {
        "by": by,
        "rows": [
            _row(by, key, *intervals.bounds(index), measure(items, *intervals.bounds(index)))
            for (index, key), items in sorted(cells.items())
        ],
        "totals": [
            _row(by, key, asked.begin, asked.end, measure(items, asked.begin, asked.end))
            for key, items in sorted(whole.items())
        ],
        "total": measure(everything, asked.begin, asked.end),
    }


def _row(by: str, key: str, begin: float, end: float, figures: Figures) -> Figures:
    # A rating is what calls are grouped by, and the name of a figure.
    return {"from": begin, "to": end, by: key, **figures} | {by: key}


def _agent_table(asked: Question, periods: Mapping[str, Sequence[AgentPeriod]]) -> dict[str, Any]:
    intervals = _cut(asked)
    found = []
    for index in range(len(intervals.starts)):
        begin, end = intervals.bounds(index)
        for agent in sorted(periods):
            figures = measure_agents([periods[agent]], begin, end)
            if figures["logged_in_s"] or figures["offered"] or figures["calls"]:
                found.append(_row("agent", agent, begin, end, figures))
    totals = [
        _row("agent", agent, asked.begin, asked.end, measure_agents([own], asked.begin, asked.end))
        for agent, own in sorted(periods.items())
    ]
    total = measure_agents(periods.values(), asked.begin, asked.end)
    return {"by": "agent", "rows": found, "totals": totals, "total": total}


class _Alone:
    """The customers who answered, by site and time."""

    def __init__(self, answers: Iterable[tuple[Any, ...]], limit_s: float) -> None:
        self._limit_s = limit_s
        self._by_site: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for site, answered_at, alone_s in answers:
            self._by_site[site or ""].append((answered_at, alone_s))
        for own in self._by_site.values():
            own.sort()

    def moments(self) -> Iterable[tuple[str, float]]:
        """Site and time of each answer."""
        return ((site, at) for site, own in self._by_site.items() for at, _alone in own)

    def figures(self, sites: Iterable[str], begin: float, end: float) -> Figures:
        """Those of the interval, and of the 30 days up to its end."""
        sites = list(sites)
        month = measure_alone(self._between(sites, end - rows.ALONE_S, end), self._limit_s)
        return measure_alone(self._between(sites, begin, end), self._limit_s) | {
            f"{name.removesuffix('_percent')}_30d{'_percent' * name.endswith('_percent')}": value
            for name, value in month.items()
        }

    def _between(self, sites: Sequence[str], begin: float, end: float) -> Iterable[float]:
        for site in sites:
            own = self._by_site.get(site, [])
            for _at, alone_s in own[bisect_left(own, (begin,)) : bisect_left(own, (end,))]:
                yield alone_s


def page(table: dict[str, Any], limit: int, cursor: str | None, most_bytes: int) -> dict[str, Any]:
    """The next rows of a report and the cursor of those that follow. Raises BadParams."""
    found: list[Figures] = table["rows"]
    first = 0
    if cursor is not None:
        if not (cursor.isascii() and cursor.isdigit()) or int(cursor) > len(found):
            raise BadParams("cursor", "is not one that this report gave")
        first = int(cursor)
    size = 0
    last = first
    while last < len(found) and last - first < limit:
        size += len(msgspec.json.encode(found[last]))
        if size > most_bytes and last > first:
            break
        last += 1
    following = str(last) if last < len(found) else None
    return table | {"rows": found[first:last], "cursor": following}
