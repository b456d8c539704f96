"""Figures for Prometheus that are read when it asks: how the engine is at this moment."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING

from media.messages import WorkerCounters

from .metrics import Figure

if TYPE_CHECKING:
    from ..daemon import Daemon

WORKERS_LIMIT_S = 1.0
LOOP_PERIOD_S = 0.25


class LoopDelay:
    """How late the event loop is at most: what every call feels."""

    def __init__(self) -> None:
        self.worst_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to measure."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(LOOP_PERIOD_S, self._due, loop.time() + LOOP_PERIOD_S)

    def _due(self, at: float) -> None:
        self.worst_s = max(self.worst_s, asyncio.get_running_loop().time() - at)
        self.start()

    def take(self) -> float:
        """The worst since the last time this was asked."""
        worst_s, self.worst_s = self.worst_s, 0.0
        return worst_s

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Gauges:
    """Reads the daemon."""

    def __init__(self, daemon: "Daemon") -> None:
        self._daemon = daemon
        self._version = version("ringback")
        self.loop_delay = LoopDelay()

    async def read(self) -> list[Figure]:
        """Everything of this moment. Takes no longer than the media workers may."""
        workers: list[WorkerCounters] = []
        try:
            async with asyncio.timeout(WORKERS_LIMIT_S):
                workers = await self._daemon.media.counters()
        except TimeoutError:
            pass  # a worker that hangs is missing from the figures, and is soon killed
        return [
            *self._engine(),
            *self._calls(),
            *self._queues(),
            *self._sip(),
            *_media(workers),
            *self._store(),
            *self._webhooks(),
        ]

    def _engine(self) -> Iterator[Figure]:
        daemon = self._daemon
        yield Figure("info", "The engine's version", {(self._version,): 1.0}, ("version",))
        yield _one("uptime_seconds", "Since the engine started", time.time() - daemon.started_at)
        yield _one("draining", "1: takes no new callbacks", float(daemon.dispatcher.draining))
        yield _one("loop_delay_seconds", "Worst delay since last asked", self.loop_delay.take())
        yield _one("control_connections", "Connections up", daemon.control.connections)
        yield _one("event_subscribers", "Who listens to events", daemon.events.listeners)
        trunks = {
            (view["name"],): float(view["state"] != "failed") for view in daemon.trunks.view()
        }
        yield Figure("trunk_usable", "0: its registration failed", trunks, ("trunk",))

    def _calls(self) -> Iterator[Figure]:
        daemon = self._daemon
        calls = daemon.register.calls.values()
        talking = sum(call.bridged_at is not None for call in calls)
        yield _one("jobs_open", "Callbacks that have not ended", len(daemon.dispatcher.jobs))
        yield _one("callbacks_active", "Callbacks under way", daemon.dispatcher.active)
        yield _one("calls", "Calls up", len(calls))
        yield _one("calls_talking", "Calls in which two talk", talking)
        yield _one("legs", "Legs up", len(daemon.register.legs))
        states: Counter[tuple[str, ...]] = Counter()
        states.update((agent.state,) for agent in daemon.services.agents.all())
        yield Figure("agents", "Agents in each state", dict(states), ("state",))

    def _queues(self) -> Iterator[Figure]:
        views = {(view["queue"],): view for view in self._daemon.reporting.live.queue_views()}
        for name, member, help in (
            ("queue_waiting", "waiting", "Who waits, callbacks and callers"),
            ("queue_longest_wait_seconds", "longest_wait_s", "Of those who wait now"),
        ):
            values = {labels: float(view[member]) for labels, view in views.items()}
            yield Figure(name, help, values, ("queue",))
        levels = {
            labels: view["service_level_percent"] / 100
            for labels, view in views.items()
            if view["service_level_percent"] is not None
        }
        yield Figure("queue_service_level_ratio", "Of today, as configured", levels, ("queue",))

    def _sip(self) -> Iterator[Figure]:
        agent = self._daemon.sip.ua
        for name, total in agent.counters.as_dict().items():
            help = f"SIP: {name.replace('_', ' ')}"
            yield Figure(f"sip_{name}", help, {(): float(total)}, (), True)
        yield _one("sip_sessions", "SIP sessions", agent.session_count)
        yield _one("sip_dialogs", "SIP dialogs", agent.dialog_count)
        yield _one("sip_transactions", "SIP transactions", agent.transaction_count)
        yield _one("sip_timers", "SIP timers that run", agent.timer_count)

    def _store(self) -> Iterator[Figure]:
        daemon = self._daemon
        status = daemon.store.status()
        yield _one("store_pending", "Rows not written yet", status["pending"])
        for name in ("saves", "commits", "errors"):
            yield Figure(f"store_{name}", f"Store: {name}", {(): float(status[name])}, (), True)
        yield Figure("event_seq", "Number of the last event", {(): float(daemon.events.seq)})

    def _webhooks(self) -> Iterator[Figure]:
        hooks = self._daemon.reporting.webhooks.by_name
        label = ("webhook",)
        pending = {(name,): float(len(hook.deliveries)) for name, hook in hooks.items()}
        yield Figure("webhook_pending", "Deliveries that wait", pending, label)
        for name, help in (
            ("delivered", "Deliveries that arrived"),
            ("failures", "Attempts that failed"),
            ("given_up_count", "Deliveries that were given up"),
        ):
            totals = {(hook.name,): float(getattr(hook, name)) for hook in hooks.values()}
            short = name.removesuffix("_count")
            yield Figure(f"webhook_{short}", help, totals, label, True)


def _media(workers: list[WorkerCounters]) -> Iterator[Figure]:
    numbered = list(enumerate(workers))
    for name, help, is_total in (
        ("legs", "Legs of a media worker", False),
        ("ports_free", "RTP ports that are free", False),
        ("ports_quarantined", "RTP ports that rest", False),
        ("dropped_stranger", "Packets from strangers", True),
        ("dropped_garbage", "Packets that are no RTP", True),
        ("dropped_late", "Packets before and after a call", True),
        ("clock_frames_skipped", "Frames that the worker was too late for", True),
    ):
        values = {(str(number),): float(getattr(one, name)) for number, one in numbered}
        yield Figure(f"media_{name}", help, values, ("worker",), is_total)


def _one(name: str, help: str, value: float) -> Figure:
    return Figure(name, help, {(): float(value)})
