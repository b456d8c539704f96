"""Records, history, reports, metrics and webhooks, tied to the daemon they tell about."""

import sqlite3
import time
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from config.settings import Settings

from ..inbound.interrupted_calls import InterruptedCalls
from ..job import site_of
from ..reports.cdr_writer import CdrWriter
from ..reports.live import Live
from ..reports.report import Reports
from ..store.errors import explain
from ..webhooks.webhooks import Webhooks
from .methods.records import RecordMethods
from .methods.reports import ReportMethods
from .methods.webhooks import WebhookMethods
from .server import Method

if TYPE_CHECKING:
    from ..daemon import Daemon
    from .exporter import Exporter


class Reporting:
    """Everything that looks at what happens and keeps it, and decides nothing."""

    def __init__(self, daemon: "Daemon") -> None:
        settings, store, events = daemon.settings, daemon.store, daemon.events
        self._daemon = daemon
        self._services = daemon.services
        self._version = version("ringback")
        self.history = daemon.history
        self.records = CdrWriter(store)
        self.interrupted_calls = InterruptedCalls(store)
        self.reports = Reports(store, settings.reports)
        self.webhooks = Webhooks(settings.webhooks, events, store)
        self.live = Live(store, self.reports)
        self.live.queues = lambda: [queue.name for queue in daemon.settings.queues]
        self.live.queue = self._queue_now
        self.live.agents = self._agent_views
        self.live.engine = self._engine_view
        self.records.on_stay.append(self.live.on_stay)
        self.records.on_record += [self.live.on_record, self.history.add_record]
        events.watch(self.records.watch)
        events.watch(self.interrupted_calls.watch)
        self.exporter = _exporter(daemon, self.records) if settings.metrics.listen else None

    def table(self) -> dict[str, Method]:
        """The methods: report.*, record.*, history.*, webhook.*, callback.annotate."""
        daemon = self._daemon
        known = daemon.intake.known
        records = RecordMethods(daemon.store, daemon.events, self.history, known)
        return (
            records.table()
            | ReportMethods(self.reports, self.live).table()
            | WebhookMethods(self.webhooks).table()
        )

    async def open(self) -> None:
        """Take up what an earlier engine left: before the first event. Raises StoreError."""
        await self.records.open()
        await self.interrupted_calls.open()
        await self.live.open()
        try:
            self.history.open()
        except sqlite3.Error as error:
            raise explain(self._daemon.store.path, error) from error
        await self.webhooks.open()

    async def start(self) -> None:
        """The agents are there, and nobody has been called yet. Raises ConfigError."""
        self.records.begin(self._services.agents.all(), time.time())
        for ended in self.interrupted_calls.cut_off(self.records.seen_until):
            self._daemon.events.publish("call.ended", **ended)
        self.webhooks.start()
        if self.exporter is not None:
            await self.exporter.start()

    async def stop(self) -> None:
        """Nothing happens any more."""
        if self.exporter is not None:
            await self.exporter.stop()
        await self.webhooks.stop()
        self.history.close()

    async def reload(self, settings: Settings) -> None:
        """Count by other settings, and deliver to other webhooks, from now on."""
        if self.reports.configure(settings.reports):
            await self.live.recount()
        self.webhooks.reload(settings.webhooks)

    # -- what is shown of now ---------------------------------------------------------------

    def _queue_now(self, name: str, now: float) -> dict[str, Any]:
        line = self._daemon.call_centre.queues.matcher.queues.by_name.get(name)
        if line is None:
            return {}
        return {
            "paused": line.paused,
            "open": line.hours is None or line.hours.is_open(now),
            "expected_wait_s": line.expected.wait_s(len(line) + 1, now),
        }

    def _agent_views(self) -> Iterator[dict[str, Any]]:
        served = self._daemon.call_centre.queues.matcher.staffing.services
        for agent in self._services.agents.all():
            yield {
                "agent": agent.name,
                "state": agent.state,
                "since": agent.since,
                "reason": agent.reason,
                "work": agent.work,
                "customer": None if agent.work is None else self._customer_of(agent.work),
                "queues": sorted(served(agent)),
                "centre": agent.centre,
                "calls": agent.calls,
                "talk_s": round(agent.talk_s, 3),
            }

    def _customer_of(self, work: str) -> dict[str, str | None] | None:
        """Who it is, and what for: of a job that is open, or a call that is up."""
        job = self._daemon.dispatcher.job(work)
        if job is not None:
            request = job.request
            number = job.called or request.to
            return {"number": number, "queue": request.queue, "site": request.site}
        call = self._daemon.register.calls.get(work)
        if call is None:
            return None
        about = call.about
        return {
            "number": about.get("number") or about.get("from"),
            "queue": about.get("queue"),
            "site": site_of(about.get("context")),
        }

    def _engine_view(self) -> dict[str, Any]:
        daemon = self._daemon
        calls = daemon.register.calls.values()
        status = daemon.store.status()
        return {
            "version": self._version,
            "uptime_s": time.time() - daemon.started_at,
            "draining": daemon.dispatcher.draining,
            "calls": len(calls),
            "talking": sum(call.bridged_at is not None for call in calls),
            "legs": len(daemon.register.legs),
            "open_jobs": len(daemon.dispatcher.jobs),
            "media_workers": len(daemon.media.pids),
            "trunks": daemon.trunks.view(),
            "webhooks": [hook.summary() for hook in self.webhooks.by_name.values()],
            "store": {name: status[name] for name in ("pending", "errors", "last_error")},
            "events": {"seq": daemon.events.seq, "subscribers": daemon.events.listeners},
        }


def _exporter(daemon: "Daemon", records: CdrWriter) -> "Exporter":
    """Loaded where somebody asks for metrics, and not elsewhere."""
    from .exporter import Exporter

    return Exporter(daemon, records)
