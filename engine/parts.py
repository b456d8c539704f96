"""Builds the parts of one engine: those that carry calls, and those that tell of them.

Each part is handed what it uses when it is built, as in `call_parts`.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from config.settings import Settings

from . import logs
from .acd.outcomes import Outcomes
from .call_parts import CallParts
from .calls.call import Call
from .control.audit import Audit
from .control.connections.server import ControlServer
from .control.engine_status import EngineView, Network, Output, Traffic
from .control.live_view import AgentView, Customers, QueueView
from .control.method import Method
from .control.methods.agents import AgentMethods
from .control.methods.audit import AuditMethods
from .control.methods.browsers import BrowserMethods
from .control.methods.call_control import CallControlMethods
from .control.methods.callbacks import CallbackMethods
from .control.methods.calls import CallMethods
from .control.methods.conferences import ConferenceMethods
from .control.methods.engine import EngineMethods
from .control.methods.numbers import NumberMethods
from .control.methods.persons import PersonMethods
from .control.methods.plays import PlayMethods
from .control.methods.queues import QueueMethods
from .control.methods.recordings import RecordingMethods
from .control.methods.records import RecordMethods
from .control.methods.reports import ReportMethods
from .control.methods.routes import RouteMethods
from .control.methods.speech import SpeechMethods
from .control.methods.streams import StreamMethods
from .control.methods.traces import TraceMethods
from .control.methods.trunks import TrunkMethods
from .control.methods.webhooks import WebhookMethods
from .control.rights import Rights
from .control.route_view import PartyView
from .control.scope.own_work import OwnWork
from .control.scope.scopes import Scopes
from .control.snapshot import SnapshotSources, views_of
from .inbound.interrupted_calls import WATCHED, InterruptedCalls
from .job import Job
from .personal.personal_data import PersonalData
from .reload import Reconfigure, Reload
from .reports.alerts import Alerts
from .reports.cdr_writer import CdrWriter
from .reports.intervals import zone_of
from .reports.job_view import job_view
from .reports.live import Live
from .reports.report import Reports, service_levels
from .routing.admission import PolicySettings
from .routing.endpoint_options import reconfigure
from .routing.hours.opening_hours import opening_hours
from .routing.numbers.number_plan import NumberPlan
from .webhooks.webhooks import Webhooks
from .webrtc.browsers import agent_tokens, ice_servers
from .webrtc.ice_servers import PageIceServers

if TYPE_CHECKING:
    from .control.metrics import Metrics
    from .control.metrics_server import Exporter


class Parts(CallParts):
    """Every part of one engine. None of them runs yet."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stop_requested = asyncio.Event()
        now, is_collected = self.clock.now, self.collector.is_wanted

        # -- reports, and who gets them and the events
        self.webhooks = Webhooks(
            settings.webhooks,
            self.events,
            self.store,
            notify=settings.notify,
            url_of=self._notify_url_of,
            clock=now,
        )
        self.traffic = Traffic(self.dispatcher, self.inbound, self.controlled, self.registry)
        self.network = Network(self.sip, self.media, self.trunks, self.overload)
        self.engine_view = EngineView(
            self.traffic,
            self.network,
            self.queues,
            self.store,
            Output(self.events, self.webhooks, logs.lines_dropped, self.trace, self.collector),
            clock=self.clock,
        )
        customers = Customers(self.dispatcher, self.registry, self.history)
        self.queue_view = QueueView(settings, self.queues, customers)
        self.reports = Reports(
            self.store, settings.reports, service_levels(settings.queues), clock=now
        )
        self.live = Live(
            self.store,
            self.reports,
            queues=self.queue_view,
            agents=AgentView(self.agents, self.queues, customers).all,
            engine=self.engine_view.live,
            clock=now,
        )
        self.alerts = Alerts(
            settings.alerts,
            self.events,
            queues=self.live.queue_views,
            engine=self.live.engine_figures,
        )
        self.metrics = _metrics() if settings.metrics.listen else None
        counters = () if self.metrics is None else (self.metrics,)
        self.cdr_writer = CdrWriter(
            self.store,
            cost_of=lambda job: job.cost,
            cost_of_legs=lambda legs: self.admission.rates.cost_of_legs(legs),
            on_stay=[self.live.on_stay, *(one.on_stay for one in counters)],
            on_record=[
                self.live.on_record,
                self.history.add_record,
                *([self.collector.record] if is_collected else []),
                *(c.on_record for c in counters),
            ],
            on_period=self.live.on_period,
            clock=now,
        )
        self.interrupted_calls = InterruptedCalls(self.store)
        self.events.watch(self.cdr_writer.watch, self.cdr_writer.watched)
        self.events.watch(self.interrupted_calls.watch, WATCHED)
        for one in counters:
            self.events.watch(one.watch)

        for shift in (
            self.agents.shift,
            self.queues.shift,
            self.dispatcher.shift,
            self.positions.shift,
            self.admission.shift,
            self.webhooks.shift,
            self.cdr_writer.shift,
            self.live.shift,
            self.interrupted_calls.shift,
            self.retention.shift,
        ):
            self.clock.subscribe(shift)

        # -- what is kept of one person
        self.personal_data = PersonalData(
            self.store,
            self.events,
            self.history,
            self.admission.do_not_call,
            recordings=self.recordings,
            calls_of=lambda person: [
                call.id
                for call in self.registry.calls.values()
                if person.is_number(call.about.get("number"))
            ],
            forget=[
                lambda number, _jobs: self.positions.forget_number(number),
                self.trace.forget_person,
            ],
        )

        # -- the control socket
        self.rights = Rights(settings.control, settings.rights)
        self.reload = Reload(
            settings, self._reconfigurable(), events=self.events, dialplan=self.dialplan
        )
        self.control = ControlServer(
            settings.control,
            self._methods(),
            self.events,
            snapshot_sources=self._snapshot_sources(),
            rights=self.rights,
            scopes=Scopes(
                OwnWork(
                    self.dispatcher.open.known,
                    self._find_job,
                    self.registry.calls,
                    talked_at=self.history.talked_at,
                    agents=self.agents,
                    now=now,
                ),
                self.page_owners.owner_of,
                self.registry.calls,
                self.trace.meant_by,
            ),
            audit=Audit(self.store, clock=now),
        )
        self.exporter = None if self.metrics is None else self._exporter(self.metrics)

    def _methods(self) -> dict[str, Method]:
        """Every method of the control protocol but those of the connection itself."""
        return {
            **EngineMethods(
                self.engine_view, self.traffic, self.events, self.reload, self.stop_requested
            ).table(),
            **CallbackMethods(
                self.dispatcher,
                self.intake,
                self.store,
                self.events,
                number_of=self.admission.e164,
            ).table(),
            **CallMethods(self.registry, self.dispatcher, self.dialplan).table(),
            **CallControlMethods(self.controlled).table(),
            **PlayMethods(self.plays, self.gathers).table(),
            **RecordingMethods(
                self.recordings, self.registry, self.dispatcher, self.announcer.sounds
            ).table(),
            **StreamMethods(self.streamed).table(),
            **SpeechMethods(self.plays, self.recognised).table(),
            **ConferenceMethods(self.conferences).table(),
            **BrowserMethods(
                self.page_calls,
                PageIceServers(ice_servers(self.reload.settings.webrtc), self.clock.now),
                check_queue=self._check_page_queue,
                check_id=self.page_owners.check_new,
                is_listening=self.browsers is not None,
            ).table(),
            **AgentMethods(self.agents, self.roster, self.queues, self.intake.bookings).table(),
            **PersonMethods(
                self.personal_data,
                self.events,
                self._find_job,
                lambda: self.admission.region,
                self.registry.calls,
            ).table(),
            **QueueMethods(self.queues, self.intake.bookings).table(),
            **NumberMethods(self.admission, self.dialplan).table(),
            **RouteMethods(
                self.router,
                self.admission,
                self.intake,
                self.inbound,
                PartyView(self.agents, self.queues, self.dialplan, self.trunks),
            ).table(),
            **RecordMethods(
                self.store,
                self.events,
                self.history,
                self.intake.known,
                self.registry.calls,
                Outcomes(self.agents, self.queues),
                number_of=self.admission.e164,
            ).table(),
            **ReportMethods(self.reports, self.live, self.alerts.raised).table(),
            **TraceMethods(self.trace, self.registry, self.store, self.intake.find).table(),
            **TrunkMethods(self.trunks, self.services.trunk_figures, self.registry).table(),
            **WebhookMethods(self.webhooks, self.queues).table(),
            **AuditMethods(self.store).table(),
        }

    def _check_page_queue(self, queue: str) -> None:
        """Check that the visitor of a page may call a queue now. Raises EngineError."""
        self.intake.check_accepting()
        self.inbound.check_queue(queue, None, self.clock.now())

    def _snapshot_sources(self) -> SnapshotSources:
        numbers = self.admission.do_not_call
        return {
            "agent": self.agents.views,
            "queue": self.queues.views.all,
            "job": partial(views_of, self.dispatcher.jobs, job_view),
            "call": partial(views_of, self.registry.calls, Call.view),
            "number": lambda: numbers.views(self.clock.now()),
            "trunk": self.trunks.view,
        }

    def _notify_url_of(self, job_id: str) -> str | None:
        job = self._find_job(job_id)
        return None if job is None else job.request.notify_url

    def _find_job(self, job_id: str) -> Job | None:
        return self.dispatcher.job(job_id) or self.store.find(job_id)

    def _exporter(self, metrics: "Metrics") -> "Exporter":
        from .control import metrics as figures
        from .control.metrics_server import Exporter

        loop_delay = figures.LoopDelay()
        engine = partial(
            figures.engine_figures,
            self.engine_view,
            self.traffic,
            self.network,
            self.events,
            loop_delay,
            lambda: self.control.connections,
        )
        return Exporter(
            metrics,
            figures.Gauges(
                self.media,
                [
                    engine,
                    partial(figures.call_figures, self.traffic, self.agents),
                    partial(figures.queue_figures, self.live),
                    partial(figures.sip_figures, self.sip),
                    partial(figures.store_figures, self.store, self.events),
                    partial(figures.webhook_figures, self.webhooks),
                ],
            ),
            loop_delay,
        )

    def _reconfigurable(self) -> Mapping[str, Reconfigure]:
        """What takes a new configuration, in the order in which each takes it."""

        def agents(settings: Settings) -> None:
            self.agents.count_days_in(zone_of(settings.reports.time_zone))
            self.roster.reconfigure(settings.agents, settings.agent_defaults)
            self.permanent.review()

        def browsers(settings: Settings) -> None:
            self.lost_browsers.rejoin_s = settings.webrtc.rejoin_s
            self.dialplan.set_browsers(settings.webrtc.codecs)
            if self.browsers is not None:
                tokens = agent_tokens(settings.rights)
                self.browsers.registrar.configure(settings.sip.digest, tokens)

        def trunks(settings: Settings) -> None:
            self.trunks.reconfigure(settings.trunks)
            self.services.trunk_figures.keep({trunk.name for trunk in settings.trunks})

        async def reports(settings: Settings) -> None:
            if self.reports.configure(settings.reports, service_levels(settings.queues)):
                await self.live.recount()

        return {
            "sip": lambda settings: reconfigure(self.sip, settings.sip, settings.trunks),
            "recordings": lambda settings: self.recordings.configure(
                settings.recording, zone_of(settings.reports.time_zone)
            ),
            "logs": lambda settings: logs.set_level(settings.log.level),
            "dial": lambda settings: self.services.configure(settings.dial),
            "detection": lambda settings: self.services.answers.configure(
                settings.detection, settings.queues, settings.trunks
            ),
            "words": lambda settings: self.services.detection.configure(settings.detection),
            "streams": lambda settings: self.services.streams.configure(settings.streams),
            "scripts": lambda settings: self.services.scripts.configure(
                settings.scripts, settings.calendars
            ),
            "recognition": lambda settings: self.recognitions.configure(settings.recognition),
            "dialplan": lambda settings: self.dialplan.configure(
                trunks=settings.trunks,
                routes=settings.routes,
                allow_hosts=settings.dial.allow_hosts,
                plan=NumberPlan.of(settings),
            ),
            "admission": lambda settings: self.admission.apply(PolicySettings.of(settings)),
            "do_not_call": lambda settings: self.admission.read_again(settings.do_not_call.files),
            "router": self.router.apply_settings,
            "intake": self.intake.apply_settings,
            "agents": agents,
            "music": lambda settings: self.announcer.sounds.configure(settings.music),
            "rooms": lambda settings: self.rooms.configure(
                settings.rooms, settings.queues, settings.reports.alone_s
            ),
            "sounds": lambda _settings: self.keep_sounds_ready(),
            "queues": lambda settings: self.queues.configure(
                settings.queues,
                settings.centres,
                opening_hours(settings.calendars),
                ring_s=settings.dial.ring_s,
            ),
            "queue_view": self.queue_view.reconfigure,
            "inbound": self.inbound.reload,
            "reports": reports,
            "alerts": lambda settings: self.alerts.configure(settings.alerts),
            "webhooks": lambda settings: self.webhooks.reload(settings.webhooks, settings.notify),
            "retention": lambda settings: self.retention.configure(
                settings.store, settings.reports.keep_days
            ),
            "dispatcher": lambda _settings: self.dispatcher.dispatch(),
            "browsers": browsers,
            "rights": lambda settings: self.rights.configure(settings.control, settings.rights),
            "control": lambda settings: self.control.configure(settings.control),
            "trace": lambda settings: self.trace.configure(settings.trace),
            "trunks": trunks,
        }


def _metrics() -> "Metrics":
    """Loaded only where metrics are configured: the import takes a while."""
    from .control.metrics import Metrics

    return Metrics()
