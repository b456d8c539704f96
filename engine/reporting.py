"""Records, history, reports, metrics and webhooks, tied to the daemon they tell about."""

import sqlite3
import time
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from config.settings import Settings

from .control import Method
from .history import History
from .live import Live
from .record_methods import RecordMethods
from .record_retention import Retention
from .records import Records
from .report import Reports
from .report_methods import ReportMethods
from .store_error import explain
from .webhook_methods import WebhookMethods
from .webhooks import Webhooks

if TYPE_CHECKING:
    from .daemon import Daemon
    from .exporter import Exporter


class Reporting:
    """Everything that looks at what happens and keeps it, and decides nothing."""

    def __init__(self, daemon: "Daemon") -> None:
        settings, store, events = daemon.settings, daemon.store, daemon.events
        self._daemon = daemon
        self._board = daemon.board
        self._version = version("ringback")
        self.history = History(store.path)
        self.records = Records(store)
        self.reports = Reports(store, settings.reports)
        self.retention = Retention(store, settings.reports.keep_days)
        self.webhooks = Webhooks(settings.webhooks, events, store)
        self.live = Live(store, self.reports)
        self.live.queues = lambda: [queue.name for queue in daemon.settings.queues]
        self.live.queue = self._queue_now
        self.live.agents = self._agent_views
        self.live.engine = self._engine_view
        self.records.on_stay.append(self.live.on_stay)
        self.records.on_record += [self.live.on_record, self.history.add]
        events.watch(self.records.watch)
        self.exporter = _exporter(daemon, self.records) if settings.metrics.listen else None
        daemon.board.history = self.history

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
        await self.live.open()
        try:
            self.history.open()
        except sqlite3.Error as error:
            raise explain(self._daemon.store.path, error) from error
        await self.webhooks.open()

    async def start(self) -> None:
        """The agents are there, and nobody has been called yet. Raises ConfigError."""
        if self._board.agents is not None:
            self.records.begin(self._board.agents.all(), time.time())
        self.webhooks.start()
        self.retention.start()
        if self.exporter is not None:
            await self.exporter.start()

    async def stop(self) -> None:
        """Nothing happens any more."""
        if self.exporter is not None:
            await self.exporter.stop()
        await self.webhooks.stop()
        await self.retention.stop()
        self.history.close()

    def reload(self, settings: Settings) -> None:
        """Count by other settings, and deliver to other webhooks, from now on."""
        self.reports.configure(settings.reports)
        self.retention.keep_days = settings.reports.keep_days
        self.webhooks.reload(settings.webhooks)

    # -- what is shown of now ---------------------------------------------------------------

    def _queue_now(self, name: str, now: float) -> dict[str, Any]:
        line = self._daemon.call_centre.queues.matcher.lines.get(name)
        if line is None:
            return {}
        return {
            "paused": line.paused,
            "open": line.hours is None or line.hours.is_open(now),
            "expected_wait_s": line.expected.wait_s(len(line) + 1, now),
        }

    def _agent_views(self) -> Iterator[dict[str, Any]]:
        if self._board.agents is None:
            return
        for agent in self._board.agents.all():
            yield {
                "agent": agent.name,
                "state": agent.state,
                "since": agent.since,
                "reason": agent.reason,
                "work": agent.work,
                "queues": list(self._board.agents.serves(agent)),
                "centre": agent.centre,
                "calls": agent.calls,
                "talk_s": round(agent.talk_s, 3),
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


def _exporter(daemon: "Daemon", records: Records) -> "Exporter":
    """Loaded where somebody asks for metrics, and not elsewhere."""
    from .exporter import Exporter

    return Exporter(daemon, records)
