"""How the engine is: what ping, engine.status, report.live and the metrics say of it."""

import asyncio
from collections.abc import Callable
from importlib.metadata import version
from typing import cast

import msgspec

from media.worker_pool import WorkerPool
from sip.endpoint import SipEndpoint

from ..acd.queues import Queues
from ..call_control.controlled_calls import ControlledCalls
from ..callbacks.dispatcher import Dispatcher
from ..calls.call import CallRegistry
from ..clock import Clock
from ..inbound.inbound import Inbound
from ..routing.overload import LoadStatus, Overload
from ..routing.trunks import Trunks, TrunkView
from ..store.event_log import EventLog
from ..store.store import Store
from ..trace.hep_sender import HepSender
from ..trace.trace import Trace
from ..webhooks.webhook_view import WebhookSummary
from ..webhooks.webhooks import Webhooks
from .params import PROTOCOL
from .status_view import (
    EngineStatus,
    EventsStatus,
    Identity,
    InboundStatus,
    LiveEngine,
    LogStatus,
    MediaStatus,
    SipStatus,
    StoreHealth,
    StoreStatus,
    TraceStatus,
    WorkerStatus,
)


class Traffic:
    """The callbacks and calls that are under way."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        inbound: Inbound,
        controlled: ControlledCalls,
        registry: CallRegistry,
    ) -> None:
        self._dispatcher = dispatcher
        self._inbound = inbound
        self._controlled = controlled
        self._registry = registry

    @property
    def draining(self) -> bool:
        """Whether new callbacks are refused."""
        return self._dispatcher.draining

    @property
    def open_jobs(self) -> int:
        """How many callbacks have not ended."""
        return len(self._dispatcher.jobs)

    @property
    def callbacks(self) -> int:
        """How many callbacks are being attempted."""
        return self._dispatcher.active

    @property
    def active(self) -> int:
        """How many callbacks are being attempted, and how many other calls are up."""
        return self._dispatcher.active + self._inbound.active + self._controlled.active

    @property
    def calls(self) -> int:
        """How many calls are up."""
        return len(self._registry.calls)

    @property
    def talking(self) -> int:
        """In how many calls two people talk."""
        return sum(call.bridged_at is not None for call in self._registry.calls.values())

    @property
    def legs(self) -> int:
        """How many legs are up."""
        return len(self._registry.legs)

    def inbound(self) -> InboundStatus:
        """What engine.status says of the calls that come in."""
        return cast(InboundStatus, self._inbound.status())

    async def drain(self, timeout_s: float | None) -> bool:
        """Accept nothing new and wait for the rest. True once nothing is active."""
        drained = await asyncio.gather(
            self._dispatcher.drain(timeout_s),
            self._inbound.drain(timeout_s),
            self._controlled.idle(timeout_s),
        )
        return all(drained)


class Network:
    """SIP, the media workers and the trunks."""

    def __init__(
        self, sip: SipEndpoint, media: WorkerPool, trunks: Trunks, overload: Overload
    ) -> None:
        self._sip = sip
        self._media = media
        self._trunks = trunks
        self._overload = overload

    def load(self) -> LoadStatus:
        """How late and how busy the engine and its media workers are."""
        return self._overload.view()

    @property
    def media_pids(self) -> list[int]:
        """The process ids of the media workers."""
        return self._media.pids

    def trunks(self) -> list[TrunkView]:
        """Each trunk and its state."""
        return self._trunks.view()

    def sip(self) -> SipStatus:
        """What engine.status says of SIP."""
        agent = self._sip.ua
        return {
            "listen": [str(address) for address in self._sip.addresses],
            "sessions": agent.session_count,
            "dialogs": agent.dialog_count,
            "transactions": agent.transaction_count,
            "timers": agent.timer_count,
            "counters": agent.counters.as_dict(),
        }

    async def media(self) -> MediaStatus:
        """What engine.status says of the media workers."""
        pids = self._media.pids
        workers = [msgspec.structs.asdict(counters) for counters in await self._media.counters()]
        return {"pids": pids, "workers": cast(list[WorkerStatus], workers)}


class Output:
    """What the engine says of itself: events, webhooks, the log, and the SIP of calls.

    `lines_dropped` gives how many lines of the log had no room.
    """

    def __init__(
        self,
        events: EventLog,
        webhooks: Webhooks,
        lines_dropped: Callable[[], int],
        trace: Trace,
        collector: HepSender,
    ) -> None:
        self._trace = trace
        self._collector = collector
        self._events = events
        self._webhooks = webhooks
        self._lines_dropped = lines_dropped

    @property
    def epoch(self) -> str:
        """The name of the event log."""
        return self._events.epoch

    def trace(self) -> TraceStatus:
        """What is kept of the SIP of calls, and what a collector gets."""
        return {
            "calls": self._trace.call_count,
            "bytes": self._trace.size_bytes,
            "collected": self._collector.sent,
            "not_collected": self._collector.dropped,
        }

    @property
    def lines_dropped(self) -> int:
        """How many lines of the log had no room, because nobody read those before."""
        return self._lines_dropped()

    def webhooks(self) -> list[WebhookSummary]:
        """How each webhook goes, in a few words."""
        return [hook.summary() for hook in self._webhooks.shown().values()]

    def events(self) -> EventsStatus:
        """The last event, and how many listen."""
        return {"seq": self._events.seq, "subscribers": self._events.listeners}

    def log(self) -> LogStatus:
        """What engine.status says of the log."""
        return {"lines_dropped": self.lines_dropped}


class EngineView:
    """The engine as a whole, as it is now."""

    def __init__(
        self,
        traffic: Traffic,
        network: Network,
        queues: Queues,
        store: Store,
        output: Output,
        *,
        clock: Clock,
    ) -> None:
        self.version = version("ringback")
        self._traffic = traffic
        self._network = network
        self._queues = queues
        self._store = store
        self._output = output
        self._clock = clock
        self._started_at = clock.monotonic()

    @property
    def uptime_s(self) -> float:
        """How long the engine has been running."""
        return self._clock.monotonic() - self._started_at

    @property
    def log_lines_dropped(self) -> int:
        """How many lines of the log had no room."""
        return self._output.lines_dropped

    def identity(self) -> Identity:
        """What ping says."""
        return {"version": self.version, "epoch": self._output.epoch, "protocol": PROTOCOL}

    def live(self) -> LiveEngine:
        """What report.live says of the engine."""
        traffic, status = self._traffic, cast(StoreHealth, self._store.status())
        return {
            "version": self.version,
            "uptime_s": self.uptime_s,
            "draining": traffic.draining,
            "calls": traffic.calls,
            "talking": traffic.talking,
            "legs": traffic.legs,
            "open_jobs": traffic.open_jobs,
            "media_workers": len(self._network.media_pids),
            "trunks": self._network.trunks(),
            "webhooks": self._output.webhooks(),
            "store": {
                "pending": status["pending"],
                "errors": status["errors"],
                "last_error": status["last_error"],
            },
            "events": self._output.events(),
        }

    async def status(self) -> EngineStatus:
        """What engine.status says."""
        traffic = self._traffic
        return {
            "version": self.version,
            "epoch": self._output.epoch,
            "uptime_s": self.uptime_s,
            "clock_steps": self._clock.steps,
            "draining": traffic.draining,
            "jobs": await self._store.count(),
            "calls": traffic.calls,
            "legs": traffic.legs,
            "media": await self._network.media(),
            "sip": self._network.sip(),
            "load": self._network.load(),
            "inbound": traffic.inbound(),
            "tasks": len(asyncio.all_tasks()),
            "queues": self._queues.views.status(),
            "trunks": self._network.trunks(),
            "store": cast(StoreStatus, self._store.status()),
            "events": self._output.events(),
            "log": self._output.log(),
            "trace": self._output.trace(),
        }
