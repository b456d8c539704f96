"""What goes on now and went on today: the figures of a screen that is looked at all day.

Kept by counting as things happen, so that asking costs next to nothing; the same figures as
report.queue gives for today, from rows.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypedDict

import structlog

from ..store.errors import StoreError
from ..store.store import Store
from . import report_queries as rows
from .agent_days import AgentDays
from .cdr import Row, Stay
from .figures_view import StayCounts
from .intervals import next_after, start_of
from .measures import mean_of, share
from .queue_measures import service_levels
from .report import Reports

log = structlog.get_logger()

# How many waiting entries are shown one by one.
FIRST_WAITING = 50


class LiveQueueNow(TypedDict, total=False):
    """How a configured queue is now."""

    ringing: int
    """For how many of those who wait agents are being rung."""
    talking: int
    """How many talk with an agent."""
    paused: bool
    """Whether it offers nothing by command."""
    open: bool
    """Whether its calendar says that it is open."""
    expected_wait_s: float | None
    """How long the next to come would wait; null: not known."""
    why_waiting: str | None
    """Why the first waits although an agent is free, in words; null: no such agent is free."""


class LiveQueue(StayCounts, LiveQueueNow):
    """A queue: its entries now, and the results of the entries that joined today."""

    queue: str
    """The name."""
    waiting: int
    """How many wait, with those for whom agents are being rung."""
    callers_waiting: int
    """How many of them are on the line."""
    longest_wait_s: float
    """How long the first has waited."""


@dataclass(slots=True)
class _Day:
    """The results of the entries that joined one queue today."""

    results: Counter[str] = field(default_factory=Counter)
    short_abandoned: int = 0
    answered_in_time: int = 0
    abandoned_in_time: int = 0
    waited_s: float = 0.0

    def count(self, queue: str, result: str, waited_s: float, reports: Reports) -> None:
        definitions = reports.definitions
        self.results[result] += 1
        in_time = waited_s <= definitions.level_s(queue)
        if result == "answered":
            self.answered_in_time += in_time
            self.waited_s += waited_s
        elif result == "abandoned":
            self.abandoned_in_time += in_time
            self.short_abandoned += waited_s < definitions.short_abandon_s

    def view(self, waiting: int, reports: Reports) -> dict[str, Any]:
        results = self.results
        abandoned = results["abandoned"] - self.short_abandoned
        offered = results.total() + waiting
        return {
            "offered": offered,
            "answered": results["answered"],
            "abandoned": abandoned,
            "short_abandoned": self.short_abandoned,
            "overflowed": results["overflowed"],
            "expired": results["expired"],
            "withdrawn": results["withdrawn"],
            "lost": results["lost"],
            "abandoned_percent": share(abandoned, offered - self.short_abandoned),
            "asa_s": mean_of(self.waited_s, results["answered"]),
            **service_levels(
                answered=results["answered"],
                answered_in_time=self.answered_in_time,
                abandoned=abandoned,
                short_abandoned=self.short_abandoned,
                abandoned_in_time=self.abandoned_in_time,
                others=results,
                definitions=reports.definitions,
            ),
        }


@dataclass(slots=True)
class _Meanwhile:
    """What happened while the rows of today were read: stays, ends of jobs, periods of agents."""

    stays: dict[str, Stay] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    periods: list[tuple[str, str, float]] = field(default_factory=list)


class QueuesNow(Protocol):
    """The configured queues, and how each is now."""

    def names(self) -> Iterable[str]:
        """The names of the configured queues."""

    def now(self, name: str, now: float) -> Mapping[str, Any]:
        """What a queue's view says besides the figures that are counted."""

    def first_waiting(self, most: int, now: float) -> Iterable[Mapping[str, Any]]:
        """Those who wait and came first, `most` at most, over all queues."""


class Live:
    """Counts stays and records as they come; `view` is report.live.

    `queues` says which queues are configured and how each is now, `agents` gives a view of each
    agent, `engine` one of the engine.
    """

    def __init__(
        self,
        store: Store,
        reports: Reports,
        *,
        queues: QueuesNow,
        agents: Callable[[], Iterable[Mapping[str, Any]]],
        engine: Callable[[], Mapping[str, Any]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._queues = queues
        self._agents = agents
        self._engine = engine
        self._store = store
        self._reports = reports
        self._clock = clock
        self._waiting: dict[str, dict[str, Stay]] = {}
        self._days: dict[str, _Day] = {}
        self._jobs: Counter[str] = Counter()
        self._agent_days = AgentDays()
        self._day_began = self._day_ends = 0.0
        self._meanwhile: _Meanwhile | None = None

    async def open(self) -> None:
        """Count what there is of today. Raises StoreError."""
        self._meanwhile = meanwhile = _Meanwhile()
        now = self._clock()
        began, ends = self._today(now)
        # In one query: an entry that waits may have joined before today.
        columns = ", ".join(Stay.__slots__)
        found = await self._store.query(
            f"SELECT {columns} FROM queue_stays WHERE joined_at >= ? OR left_at IS NULL", (began,)
        )
        ended = await self._store.query(*rows.ended_callbacks(began))
        periods = await self._store.query(*rows.periods(began, now, None))
        self._begin_day(began, ends)
        known = [(agent, state, since) for agent, state, since, *_ in periods if since <= now]
        self._agent_days.begin(began, [*known, *meanwhile.periods])
        self._waiting.clear()
        for stay in ({row[0]: Stay(*row) for row in found} | meanwhile.stays).values():
            if stay.left_at is None:
                self._waiting.setdefault(stay.queue, {})[stay.id] = stay
            else:
                self._count(stay)
        self._jobs.update((dict(ended) | meanwhile.jobs).values())
        self._meanwhile = None

    async def recount(self) -> None:
        """By other definitions, or in another time zone. What cannot be read stays as it was."""
        try:
            await self.open()
        except StoreError as error:
            log.warning("today_not_recounted", reason=error.message)
            self._meanwhile = None

    def _today(self, now: float) -> tuple[float, float]:
        zone = self._reports.zone
        began = start_of(now, "day", zone)
        return began, next_after(began, "day", zone)

    def _begin_day(self, began: float, ends: float) -> None:
        self._day_began, self._day_ends = began, ends
        self._days.clear()
        self._jobs.clear()
        self._agent_days.begin(began)

    def on_stay(self, stay: Stay) -> None:
        """A stay began, or ended."""
        self._look_at_the_clock()
        if self._meanwhile is not None:
            self._meanwhile.stays[stay.id] = stay
        waiting = self._waiting.setdefault(stay.queue, {})
        if stay.left_at is None:
            waiting[stay.id] = replace(stay)
        elif waiting.pop(stay.id, None) is not None:
            self._count(stay)

    def on_record(self, row: Row) -> None:
        """A callback or call ended."""
        self._look_at_the_clock()
        if row["kind"] != "callback":
            return
        self._jobs[row["state"]] += 1
        if self._meanwhile is not None:
            self._meanwhile.jobs[row["id"]] = row["state"]

    def on_period(self, agent: str, state: str, since: float) -> None:
        """An agent entered a state."""
        self._look_at_the_clock()
        self._agent_days.change(agent, state, since)
        if self._meanwhile is not None:
            self._meanwhile.periods.append((agent, state, since))

    def shift(self, by_s: float) -> None:
        """The clock was stepped: waits are as long as before."""
        for waiting in self._waiting.values():
            for stay in waiting.values():
                stay.shift(by_s)
        self._agent_days.shift(by_s)

    def _look_at_the_clock(self) -> None:
        now = self._clock()
        if not self._day_began <= now < self._day_ends:
            self._begin_day(*self._today(now))

    def _count(self, stay: Stay) -> None:
        if stay.joined_at >= self._day_began and stay.result is not None:
            day = self._days.setdefault(stay.queue, _Day())
            day.count(stay.queue, stay.result, stay.waited_s or 0.0, self._reports)

    # -- showing ----------------------------------------------------------------------------

    def queue_views(self) -> list[dict[str, Any]]:
        """Each queue: who waits now, and today's figures."""
        self._look_at_the_clock()
        now = self._clock()
        names = dict.fromkeys([*self._queues.names(), *self._days])
        names |= dict.fromkeys(name for name, waiting in self._waiting.items() if waiting)
        return [self._queue_view(name, now) for name in names]

    def _queue_view(self, name: str, now: float) -> dict[str, Any]:
        waiting = self._waiting.get(name, {})
        since = min((stay.joined_at for stay in waiting.values()), default=None)
        joined_today = sum(stay.joined_at >= self._day_began for stay in waiting.values())
        day = self._days.get(name) or _Day()
        return {
            "queue": name,
            "waiting": len(waiting),
            "callers_waiting": sum(stay.kind == "call" for stay in waiting.values()),
            "longest_wait_s": 0.0 if since is None else round(max(0.0, now - since), 3),
            **self._queues.now(name, now),
            **day.view(joined_today, self._reports),
        }

    def engine_figures(self) -> dict[str, Any]:
        """The figures of the engine as a whole that an alert may be about."""
        states = [agent["state"] for agent in self._agents()]
        engine = self._engine()
        return {
            "agents_available": states.count("available"),
            "agents_logged_in": len(states) - states.count("logged_out"),
            "calls": engine["calls"],
            "open_jobs": engine["open_jobs"],
        }

    def view(self) -> dict[str, Any]:
        """All of it."""
        queues = self.queue_views()
        now = self._clock()
        return {
            "time": now,
            "day_began": self._day_began,
            "time_zone": self._reports.zone_name,
            "service_level_s": self._reports.definitions.service_level_s,
            "queues": queues,
            "agents": [
                {**agent, **self._agent_days.view(agent["agent"], now)} for agent in self._agents()
            ],
            "first_waiting": list(self._queues.first_waiting(FIRST_WAITING, now)),
            "jobs_today": dict(self._jobs),
            "engine": dict(self._engine()),
        }
