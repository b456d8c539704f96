"""Figures for Prometheus: counted as things happen, or read when it asks; and the text of them all.

Labels have few values, each from a fixed set or from the configuration: never a number, a site or
a job. docs/metrics.md has the names.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric

from media.protocol.messages import WorkerCounters
from media.worker_pool import WorkerPool
from sip.endpoint import SipEndpoint

from ..acd.agents import AgentRegistry
from ..reports.cdr import Row, Stay
from ..reports.live import Live
from ..store.event_log import EventLog
from ..store.store import Store
from ..webhooks.webhooks import Webhooks
from .engine_status import EngineView, Network, Traffic

__all__ = ["CONTENT_TYPE_LATEST", "Figure", "Metrics"]

PREFIX = "ringback"
WAIT_BUCKETS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
TALK_BUCKETS_S = (5, 15, 30, 60, 120, 300, 600, 1200, 3600)
WORKERS_LIMIT_S = 1.0
LOOP_PERIOD_S = 0.25

Labels = tuple[str, ...]

# When a total was begun is when the engine started: one series more for each says nothing.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Figure(NamedTuple):
    """One metric as it is now: a value for each tuple of labels. A total only grows."""

    name: str
    help: str
    values: Mapping[Any, float]
    labels: Labels = ()
    is_total: bool = False

    def family(self) -> Metric:
        """It, as prometheus_client has it."""
        kind = CounterMetricFamily if self.is_total else GaugeMetricFamily
        family = kind(f"{PREFIX}_{self.name}", self.help, labels=self.labels)
        for labels, value in self.values.items():
            family.add_metric(labels, value)
        return family


class Metrics:
    """Counts events, records and stays; `text` renders them with what is read at the time."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._events: Counter[str] = Counter()
        self._legs: Counter[Labels] = Counter()
        self._callbacks: Counter[Labels] = Counter()
        self._calls: Counter[Labels] = Counter()
        self._joined: Counter[Labels] = Counter()
        self._left: Counter[Labels] = Counter()
        self._attempts = 0
        self._wait_s = self._histogram(
            "queue_wait_seconds", "Wait of those who were answered", WAIT_BUCKETS_S, "queue"
        )
        self._to_talk_s = self._histogram(
            "callback_to_talk_seconds", "From when a callback was due to the talk", WAIT_BUCKETS_S
        )
        self._to_operator_s = self._histogram(
            "callback_to_operator_seconds",
            "From when a callback was due to the agent's answer",
            WAIT_BUCKETS_S,
        )
        self._talk_s = self._histogram("talk_seconds", "Talks", TALK_BUCKETS_S, "kind")

    def _histogram(self, name: str, help: str, buckets: Iterable[float], *labels: str) -> Histogram:
        return Histogram(
            f"{PREFIX}_{name}", help, labels, buckets=tuple(buckets), registry=self.registry
        )

    # -- counting ---------------------------------------------------------------------------

    def watch(self, event: Mapping[str, Any]) -> None:
        """An event was published."""
        kind = event["type"]
        self._events[kind] += 1
        if kind == "leg.ended":
            self._legs[event.get("role") or "", event.get("result") or ""] += 1

    def on_stay(self, stay: Stay) -> None:
        """A stay in a queue began, or is given again because it has ended or has become known."""
        if stay.left_at is None:
            self._joined[(stay.queue,)] += 1
        elif stay.talk_s is None:
            self._left[stay.queue, stay.result or ""] += 1
            if stay.result == "answered":
                self._wait_s.labels(stay.queue).observe(stay.waited_s or 0.0)

    def on_record(self, row: Row) -> None:
        """A callback or call has ended."""
        if row["kind"] == "callback":
            self._callbacks[row["state"], row["result"] or ""] += 1
            self._attempts += row["attempts"]
            if row["talk_at"] is not None:
                self._to_talk_s.observe(max(0.0, row["talk_at"] - row["due_at"]))
            if row["operator_at"] is not None:
                self._to_operator_s.observe(max(0.0, row["operator_at"] - row["due_at"]))
        else:
            self._calls[(row["result"] or "",)] += 1
        if row["talk_s"] is not None:
            self._talk_s.labels(row["kind"]).observe(row["talk_s"])

    def totals(self) -> Iterator[Figure]:
        """What was counted."""
        events = {(kind,): float(count) for kind, count in self._events.items()}
        yield Figure("events", "Events published", events, ("type",), True)
        legs = ("role", "result")
        yield Figure("legs_ended", "Legs that ended", dict(self._legs), legs, True)
        ended = ("state", "result")
        yield Figure("callbacks_ended", "Callbacks ended", dict(self._callbacks), ended, True)
        attempts = {(): float(self._attempts)}
        yield Figure("callback_attempts", "Attempts of ended callbacks", attempts, (), True)
        yield Figure("calls_ended", "Calls in, ended", dict(self._calls), ("result",), True)
        yield Figure("queue_joined", "Joined a queue", dict(self._joined), ("queue",), True)
        left = ("queue", "result")
        yield Figure("queue_left", "Left a queue", dict(self._left), left, True)

    def text(self, figures: Iterable[Figure]) -> bytes:
        """All of it, and `figures`, as Prometheus reads it. May be called in any thread."""
        return generate_latest(_Together(self.registry, figures))


class _Together(CollectorRegistry):
    """A registry, and the figures of one moment besides."""

    def __init__(self, registry: CollectorRegistry, figures: Iterable[Figure]) -> None:
        super().__init__()
        self._registry = registry
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        for figure in self._figures:
            yield figure.family()
        yield from self._registry.collect()


# -- read when Prometheus asks -----------------------------------------------------------------


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

    def take_worst(self) -> float:
        """The longest delay since this was asked last."""
        worst_s, self.worst_s = self.worst_s, 0.0
        return worst_s

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Gauges:
    """Reads figures of this moment: those of `readers`, and those of the media workers."""

    def __init__(
        self, media: WorkerPool, readers: Sequence[Callable[[], Iterable[Figure]]]
    ) -> None:
        self._media = media
        self._readers = readers

    async def read(self) -> list[Figure]:
        """Every figure. Takes no longer than WORKERS_LIMIT_S."""
        workers: list[WorkerCounters] = []
        try:
            async with asyncio.timeout(WORKERS_LIMIT_S):
                workers = await self._media.counters()
        except TimeoutError:
            pass  # a worker that hangs is missing from the figures, and is soon killed
        figures = [figure for reader in self._readers for figure in reader()]
        return [*figures, *_media(workers)]


def engine_figures(
    engine: EngineView,
    traffic: Traffic,
    network: Network,
    events: EventLog,
    loop_delay: LoopDelay,
    connections: Callable[[], int],
) -> Iterator[Figure]:
    """How the engine is."""
    yield Figure("info", "The engine's version", {(engine.version,): 1.0}, ("version",))
    yield _one("uptime_seconds", "Since the engine started", engine.uptime_s)
    yield _one("draining", "1: takes no new callbacks", float(traffic.draining))
    load = network.load()
    yield _one("overloaded", "1: new calls are refused", float(load["overloaded"]))
    refused = {(): float(load["refused"])}
    yield Figure("overload_refused", "Calls refused because of overload", refused, (), True)
    yield _one("loop_late_seconds", "How late the event loop is", load["loop_late_ms"] / 1e3)
    yield _one("media_late_seconds", "How late media workers are", load["media_late_ms"] / 1e3)
    yield _one("loop_delay_seconds", "Worst delay since last asked", loop_delay.take_worst())
    dropped = {(): float(engine.log_lines_dropped)}
    yield Figure("log_lines_dropped", "Lines of the log without room", dropped, (), True)
    yield _one("control_connections", "Connections up", connections())
    yield _one("event_subscribers", "Who listens to events", events.listeners)
    trunks = {
        (view["name"],): float(view["state"] != "failed" and view["down"] is None)
        for view in network.trunks()
    }
    yield Figure("trunk_usable", "0: its registration failed, or it is down", trunks, ("trunk",))


def call_figures(traffic: Traffic, agents: AgentRegistry) -> Iterator[Figure]:
    """How many callbacks and calls are under way, and what the agents do."""
    yield _one("jobs_open", "Callbacks that have not ended", traffic.open_jobs)
    yield _one("callbacks_active", "Callbacks under way", traffic.callbacks)
    yield _one("calls", "Calls up", traffic.calls)
    yield _one("calls_talking", "Calls in which two talk", traffic.talking)
    yield _one("legs", "Legs up", traffic.legs)
    states: Counter[tuple[str, ...]] = Counter((agent.state,) for agent in agents.all())
    yield Figure("agents", "Agents in each state", dict(states), ("state",))


def queue_figures(live: Live) -> Iterator[Figure]:
    """Who waits in each queue, and the service level of today."""
    views = {(view["queue"],): view for view in live.queue_views()}
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


def sip_figures(sip: SipEndpoint) -> Iterator[Figure]:
    """What SIP has counted, and what is open."""
    agent = sip.ua
    for name, total in agent.counters.as_dict().items():
        help = f"SIP: {name.replace('_', ' ')}"
        yield Figure(f"sip_{name}", help, {(): float(total)}, (), True)
    failed = {(word,): float(count) for word, count in sip.tcp.tls_failures.items()}
    yield Figure("sip_tls_failures", "TLS connections that failed", failed, ("cause",), True)
    until = {(trunk,): at for trunk, at in sip.tcp.certificates.items()}
    yield Figure("sip_certificate_not_after", "End of our certificates", until, ("trunk",))
    yield _one("sip_sessions", "SIP sessions", agent.session_count)
    yield _one("sip_dialogs", "SIP dialogs", agent.dialog_count)
    yield _one("sip_transactions", "SIP transactions", agent.transaction_count)
    yield _one("sip_timers", "SIP timers that run", agent.timer_count)


def store_figures(store: Store, events: EventLog) -> Iterator[Figure]:
    """What the store has written, and what it has not yet."""
    status = store.status()
    yield _one("store_pending", "Rows not written yet", status["pending"])
    for name in ("saves", "commits", "errors"):
        yield Figure(f"store_{name}", f"Store: {name}", {(): float(status[name])}, (), True)
    yield Figure("event_seq", "Number of the last event", {(): float(events.seq)})


def webhook_figures(webhooks: Webhooks) -> Iterator[Figure]:
    """What each webhook has delivered, and what waits."""
    hooks = webhooks.shown()
    label = ("webhook",)
    pending = {(name,): float(len(hook.deliveries)) for name, hook in hooks.items()}
    yield Figure("webhook_pending", "Deliveries that wait", pending, label)
    for name, help in (
        ("delivered", "Deliveries that arrived"),
        ("failures", "Attempts that failed"),
        ("given_up", "Deliveries that were given up"),
    ):
        totals = {(one,): float(getattr(hook.counts, name)) for one, hook in hooks.items()}
        yield Figure(f"webhook_{name}", help, totals, label, True)


def _media(workers: list[WorkerCounters]) -> Iterator[Figure]:
    numbered = list(enumerate(workers))
    for name, help, is_total in (
        ("legs", "Legs of a media worker", False),
        ("ports_free", "RTP ports that are free", False),
        ("ports_quarantined", "RTP ports that rest", False),
        ("dropped_stranger", "Packets from unknown sources", True),
        ("dropped_garbage", "Packets that are no RTP", True),
        ("dropped_late", "Packets before and after a call", True),
        ("dropped_overflow", "Packets that came too quickly", True),
        ("clock_frames_skipped", "Frames that the worker was too late for", True),
    ):
        values = {(str(number),): float(getattr(one, name)) for number, one in numbered}
        yield Figure(f"media_{name}", help, values, ("worker",), is_total)


def _one(name: str, help: str, value: float) -> Figure:
    return Figure(name, help, {(): float(value)})
