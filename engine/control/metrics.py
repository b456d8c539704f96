"""Figures for Prometheus that are counted as things happen, and the text of them all.

Labels have few values, each from a fixed set or from the configuration: never a number, a site or
a job. docs/metrics.md has the names.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
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

from ..reports.cdr import Row, Stay

__all__ = ["CONTENT_TYPE_LATEST", "Figure", "Metrics"]

PREFIX = "ringback"
WAIT_BUCKETS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
TALK_BUCKETS_S = (5, 15, 30, 60, 120, 300, 600, 1200, 3600)

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
            "From when a callback was due to the operator's answer",
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
        """A stay in a queue began, or is told again because it has ended or has become known."""
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
