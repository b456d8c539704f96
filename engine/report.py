"""Reports: rows of the store, cut into intervals, and counted by measures.py.

Those who wait and jobs that are open are counted in the interval in which they came, like all
others, so that what was offered is always the sum of what became of it.
"""

import asyncio
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import tzinfo
from typing import Any, TypeVar

import msgspec

from config.reporting import Reports as ReportSettings

from . import report_rows as rows
from .interval import LOCAL, Interval, Intervals, TooManyIntervals, start_of, zone_of
from .measures import (
    AgentPeriod,
    Definitions,
    Figures,
    JobRow,
    Stay,
    measure_agents,
    measure_alone,
    measure_jobs,
    measure_queue,
)
from .protocol import BadParams
from .store import Store

T = TypeVar("T")

MOST_INTERVALS = 10_000
ALONE_DAYS = 30
DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Span:
    """What a report is about: from when to when, in which intervals of which place."""

    begin: float
    end: float
    interval: Interval
    zone: tzinfo | None
    zone_name: str


class Reports:
    """Counts. One report is computed at a time, in a thread of its own."""

    def __init__(
        self, store: Store, settings: ReportSettings, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self.configure(settings)

    @property
    def zone(self) -> tzinfo | None:
        """The place's time zone; None is the machine's own."""
        return zone_of(self._settings.time_zone)

    @property
    def zone_name(self) -> str:
        """Its name; "local" is the machine's own."""
        return self._settings.time_zone or LOCAL

    def configure(self, settings: ReportSettings) -> None:
        """Count by these settings from now on, the past as well."""
        self._settings = settings
        self.definitions = Definitions(
            service_level_s=settings.service_level_s,
            short_abandon_s=settings.short_abandon_s,
            include_abandoned=settings.include_abandoned,
            include_short_abandoned=settings.include_short_abandoned,
            include_overflowed=settings.include_overflowed,
        )

    def span(
        self, begin: float | None, end: float | None, interval: Interval, zone: str | None
    ) -> Span:
        """The span of a report: today, unless told otherwise. Raises BadParams."""
        name = zone or self._settings.time_zone
        place = zone_of(name)
        end = self._clock() if end is None else end
        if begin is None:
            begin = start_of(end, "day", place)
        if begin >= end:
            raise BadParams("from", "must be earlier than to")
        return Span(begin, end, interval, place, name or LOCAL)

    # -- the reports ------------------------------------------------------------------------

    async def queues(self, span: Span, queue: str | None = None) -> dict[str, Any]:
        """report.queue. Raises BadParams, StoreError."""
        now = self._clock()
        stays = await self._store.query(*rows.stays(span.begin, span.end, queue))
        handles = await self._store.query(*rows.handles(span.begin, span.end))
        definitions = self.definitions

        def count() -> dict[str, Any]:
            found = rows.read_stays(stays, handles, now)

            def measure(some: Sequence[Stay], _begin: float, _end: float) -> Figures:
                return measure_queue(some, definitions)

            return _table(span, "queue", ((s.queue, s.joined_at, s) for s in found), measure)

        return await self._counted(span, count) | {"definitions": asdict(definitions)}

    async def agents(self, span: Span, agent: str | None = None) -> dict[str, Any]:
        """report.agent. Raises BadParams, StoreError."""
        now = self._clock()
        found = await self._store.query(*rows.periods(span.begin, span.end, agent))

        def count() -> dict[str, Any]:
            return _agent_table(span, rows.read_periods(found, now))

        return await self._counted(span, count)

    async def jobs(self, span: Span, by: str = "all") -> dict[str, Any]:
        """report.job: callbacks by the interval they were requested in. `by`: a member of rows.BY.

        Raises BadParams, StoreError.
        """
        now = self._clock()
        found = await self._jobs(span, by, now)

        def measure(some: Sequence[JobRow], _begin: float, _end: float) -> Figures:
            return measure_jobs(some, now)

        def count() -> dict[str, Any]:
            return _table(span, by, ((key, row.created, row) for key, row in found()), measure)

        return await self._counted(span, count)

    async def sites(self, span: Span, site: str | None = None) -> dict[str, Any]:
        """report.site: the same by site, with the customers that were left alone.

        Raises BadParams, StoreError.
        """
        now = self._clock()
        found = await self._jobs(span, "site", now)
        answers = await self._store.query(*rows.answers(span.begin - ALONE_DAYS * DAY_S, span.end))
        limit_s = self._settings.alone_s

        def count() -> dict[str, Any]:
            alone = _Alone(answers, limit_s)
            jobs = [(key, row) for key, row in found() if site is None or key == site]
            keyed: list[tuple[str, float, JobRow | None]] = [
                (key, row.created, row) for key, row in jobs
            ]
            # A customer may answer in a later interval than his callback was requested in.
            keyed += [
                (key, at, None)
                for key, at in alone.moments()
                if at >= span.begin and (site is None or key == site)
            ]

            def measure(some: Sequence[tuple[str, JobRow | None]], a: float, b: float) -> Figures:
                names = {key for key, _row in some}
                figures = measure_jobs([row for _key, row in some if row is not None], now)
                return figures | alone.figures(names, a, b)

            return _table(span, "site", ((k, at, (k, row)) for k, at, row in keyed), measure)

        return await self._counted(span, count)

    async def _jobs(
        self, span: Span, by: str, now: float
    ) -> Callable[[], list[tuple[str, JobRow]]]:
        # The open ones first: one that ends meanwhile is found twice rather than not at all.
        still_open = await self._store.query(*rows.open_jobs(span.begin, span.end))
        ended = await self._store.query(*rows.ended_jobs(span.begin, span.end, by))
        promise_s = self._settings.promise_s
        return lambda: rows.read_jobs(ended, still_open, by, promise_s)

    async def _counted(self, span: Span, count: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        async with self._one_at_a_time:
            try:
                table = await asyncio.to_thread(count)
            except TooManyIntervals as error:
                raise BadParams("interval", str(error)) from error
        return {
            "from": span.begin,
            "to": span.end,
            "interval": span.interval,
            "time_zone": span.zone_name,
            **table,
        }


def _cut(span: Span) -> Intervals:
    return Intervals(span.begin, span.end, span.interval, span.zone, most=MOST_INTERVALS)


def _table(
    span: Span,
    by: str,
    keyed: Iterable[tuple[str, float, T]],
    measure: Callable[[Sequence[T], float, float], Figures],
) -> dict[str, Any]:
    """`rows` by interval and key, `totals` by key, and the `total`."""
    intervals = _cut(span)
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
            _row(by, key, span.begin, span.end, measure(items, span.begin, span.end))
            for key, items in sorted(whole.items())
        ],
        "total": measure(everything, span.begin, span.end),
    }


def _row(by: str, key: str, begin: float, end: float, figures: Figures) -> Figures:
    return {"from": begin, "to": end, by: key, **figures}


def _agent_table(span: Span, periods: Mapping[str, Sequence[AgentPeriod]]) -> dict[str, Any]:
    intervals = _cut(span)
    found = []
    for index in range(len(intervals.starts)):
        begin, end = intervals.bounds(index)
        for agent in sorted(periods):
            figures = measure_agents([periods[agent]], begin, end)
            if figures["logged_in_s"] or figures["offered"] or figures["calls"]:
                found.append(_row("agent", agent, begin, end, figures))
    totals = [
        _row("agent", agent, span.begin, span.end, measure_agents([own], span.begin, span.end))
        for agent, own in sorted(periods.items())
    ]
    total = measure_agents(periods.values(), span.begin, span.end)
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
        month = measure_alone(self._between(sites, end - ALONE_DAYS * DAY_S, end), self._limit_s)
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
