"""A store with its event log, records, live figures and reports, without an engine around them."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.reporting import Reports as ReportSettings
from engine.inbound.interrupted_calls import InterruptedCalls
from engine.job import AttemptRecord, Job, LegRecord, OfferRecord, Request
from engine.reports.cdr_writer import CdrWriter
from engine.reports.history import History
from engine.reports.live import Live
from engine.reports.report import Reports
from engine.store.event_log import EventLog
from engine.store.store import Store


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class Present:
    """What there is now, as a test says."""

    queues: list[str] = field(default_factory=list)
    agents: list[dict[str, Any]] = field(default_factory=list)
    engine: dict[str, Any] = field(default_factory=dict)
    waiting: list[dict[str, Any]] = field(default_factory=list)

    def names(self) -> list[str]:
        """The configured queues."""
        return self.queues

    def now(self, _name: str, _now: float) -> dict[str, Any]:
        """Nothing is known of a queue."""
        return {}

    def first_waiting(self, most: int, _now: float) -> list[dict[str, Any]]:
        """Those who wait."""
        return self.waiting[:most]


@dataclass
class Costs:
    """What an ended job has cost, and how legs are charged, as a test says."""

    job: dict[str, Any] | None = None
    of_legs: Callable[[Iterable[LegRecord]], Mapping[str, Any] | None] = lambda _legs: None


class Recorded:
    """The parts that record what happens, on a test's clock."""

    def __init__(self, path: Path, clock: Clock, settings: ReportSettings) -> None:
        self.clock = clock
        self.store = Store(path, flush_delay_s=0.001)
        self.log = EventLog(clock=clock)
        self.interrupted_calls = InterruptedCalls(self.store)
        self.reports = Reports(self.store, settings, clock=clock)
        self.present = Present()
        self.live = Live(
            self.store,
            self.reports,
            queues=self.present,
            agents=lambda: self.present.agents,
            engine=lambda: self.present.engine,
            clock=clock,
        )
        self.history = History(path)
        self.costs = Costs()
        self.records = CdrWriter(
            self.store,
            cost_of=lambda _job: self.costs.job,
            cost_of_legs=lambda legs: self.costs.of_legs(legs),
            on_stay=[self.live.on_stay],
            on_record=[self.live.on_record, self.history.add_record],
            on_period=self.live.on_period,
            clock=clock,
        )

    async def open(self) -> None:
        """As the daemon starts it."""
        await self.store.open()
        self.log.attach(self.store)
        self.log.watch(self.records.watch)
        await self.records.open()
        await self.interrupted_calls.open()
        await self.live.open()
        self.history.open()

    async def close(self) -> None:
        """As the daemon stops it."""
        await self.log.settled()
        self.history.close()
        await self.store.close()

    def at(self, now: float, type: str, **fields: Any) -> None:
        """Publish an event at `now`."""
        self.clock.now = now
        self.log.publish(type, **fields)

    def end(self, job: Job) -> None:
        """Save a job that has ended, and publish its end."""
        assert job.ended_at is not None
        self.clock.now = job.ended_at
        self.store.save(job)
        self.log.publish(f"callback.{job.state}", job=job.id, context=job.request.context)

    async def report(self, kind: Any, *span: float, **more: Any) -> dict[str, Any]:
        """A report, all of it."""
        asked = self.reports.question(kind, *span, limit=10_000, **more)
        report: dict[str, Any] = json.loads(bytes(await self.reports.answer(asked)))
        return report

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the store has."""
        return await self.store.query(sql)


@asynccontextmanager
async def recorded(path: Path, *, now: float = 1000.0, **settings: Any) -> AsyncIterator[Recorded]:
    """Records in the file at `path`, in UTC unless given otherwise."""
    given = ReportSettings(**({"time_zone": "UTC"} | settings))
    here = Recorded(path, Clock(now), given)
    await here.open()
    try:
        yield here
    finally:
        await here.close()


def leg(
    role: str, started: float, answered: float | None, ended: float | None, *, uri: str = ""
) -> LegRecord:
    """A leg of an attempt."""
    name = f"{role}-{started:g}"
    given: Any = {"leg": name, "role": role, "uri": uri or f"sip:{role}@pbx", "started": started}
    return LegRecord(**given, answered=answered, ended=ended)


def ended_job(
    id: str = "j1",
    *,
    state: Any = "completed",
    result: str | None = None,
    created: float = 1000.0,
    ended_at: float = 1100.0,
    legs: list[list[LegRecord]] | None = None,
    offers: list[OfferRecord] | None = None,
    bridged_at: float | None = None,
    called: str | None = "+442079460000",
    **request: Any,
) -> Job:
    """A job that is over, with the legs of each attempt."""
    attempts = [AttemptRecord(call=f"call-{id}", legs=own, result="x") for own in legs or []]
    given: dict[str, Any] = {"to": "+442079460000", "agent": "alice", "context": {}} | request
    return Job(
        id=id,
        state=state,
        request=Request(**given),
        created=created,
        ended_at=ended_at,
        attempts=attempts,
        offers=offers or [],
        bridged_at=bridged_at,
        result=result or state,
        called=called,
    )
