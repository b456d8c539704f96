"""Builds the parts of one engine, in the order in which each uses those before it.

Each part is handed what it uses when it is built. One ring cannot be cut that way: SIP reports to
calls what happens, and calls use SIP. There the earlier part gets a function that looks the later
one up when it is called.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from config.settings import Settings
from media.settings import MediaSettings
from media.sound.speech import Synthesizer
from media.sources import Hold, Ringing
from media.worker_pool import WorkerPool
from sip.endpoint import SipEndpoint

from . import logs
from .acd.agent_clock import AgentClock
from .acd.agents import AgentRegistry
from .acd.outcomes import Outcomes
from .acd.queues import Queues
from .acd.roster import Roster
from .acd.staffing import Staffing
from .call_control.controlled_calls import ControlledCalls
from .callbacks.caller_takeover import CallerTakeover
from .callbacks.dispatcher import Dispatcher
from .callbacks.intake import Intake
from .calls.announcing.sound_files import SoundFiles
from .calls.announcing.waiting_room import WaitingRooms
from .calls.announcing.whisper import Announcer
from .calls.call import Call, CallRegistry
from .calls.legs.agent_lines import AgentLines
from .calls.legs.leg_events import LegEvents
from .calls.legs.permanent_leg import PermanentLegs
from .calls.services import CallServices
from .clock import Clock
from .control.audit import Audit
from .control.engine_status import EngineView, Network, Output, Traffic
from .control.live_view import AgentView, Customers, QueueView
from .control.method import Method
from .control.methods.agents import AgentMethods
from .control.methods.audit import AuditMethods
from .control.methods.call_control import CallControlMethods
from .control.methods.callbacks import CallbackMethods
from .control.methods.calls import CallMethods
from .control.methods.engine import EngineMethods
from .control.methods.numbers import NumberMethods
from .control.methods.persons import PersonMethods
from .control.methods.queues import QueueMethods
from .control.methods.records import RecordMethods
from .control.methods.reports import ReportMethods
from .control.methods.routes import RouteMethods
from .control.methods.traces import TraceMethods
from .control.methods.trunks import TrunkMethods
from .control.methods.webhooks import WebhookMethods
from .control.rights import Rights
from .control.route_view import PartyView
from .control.scope.own_work import OwnWork
from .control.scope.scopes import Scopes
from .control.server import ControlServer
from .control.snapshot import SnapshotSources, views_of
from .inbound.inbound import Inbound
from .inbound.interrupted_calls import InterruptedCalls
from .inbound.kept_positions import KeptPositions
from .inbound.services import InboundServices
from .inbound.sip_events import SipEvents
from .inbound.sip_policy import SipPolicy
from .job import Job
from .personal.personal_data import PersonalData
from .reload import Reconfigure, Reload
from .reports.alerts import Alerts
from .reports.cdr_writer import CdrWriter
from .reports.history import History
from .reports.intervals import zone_of
from .reports.job_view import job_view
from .reports.live import Live
from .reports.report import Reports, service_levels
from .restart.dialog_journal import DialogJournal
from .restart.worker_journal import WorkerJournal
from .routing.admission import Admission, PolicySettings
from .routing.blocking.do_not_call import DoNotCall
from .routing.dialplan import Dialplan
from .routing.endpoint_options import endpoint_options, reconfigure
from .routing.number_plan import NumberPlan
from .routing.opening_hours import opening_hours
from .routing.overload import Overload
from .routing.peers import Peers
from .routing.router import Router
from .routing.trunk_figures import TrunkFigures
from .routing.trunks import Trunks
from .store.event_log import EventLog
from .store.heartbeat import Heartbeat
from .store.retention import DAY_S, Retention
from .store.store import Store
from .trace.collector import Collector
from .trace.trace import Trace
from .webhooks.webhooks import Webhooks

if TYPE_CHECKING:
    from .control.metrics import Metrics
    from .control.metrics_server import Exporter


class Parts:
    """Every part of one engine. None of them runs yet."""

    def __init__(self, settings: Settings) -> None:
        self.stop_requested = asyncio.Event()
        sip, media = settings.sip, settings.media

        # -- what everything else writes to
        self.clock = Clock()
        now = self.clock.now
        self.events = EventLog(
            capacity=settings.control.replay_events,
            capacity_bytes=settings.control.replay_bytes,
            clock=now,
        )
        self.store = Store(settings.store.path)
        self.retention = Retention(
            self.store,
            self.events,
            settings.store,
            settings.reports.keep_days,
            recordings=settings.media.recordings,
            clock=now,
        )
        self.collector = Collector(settings.trace, media_host=media.address, clock=now)
        is_collected = self.collector.is_wanted
        self.trace = Trace(
            settings.trace, sink=self.collector.sip if is_collected else None, clock=now
        )
        self.registry = CallRegistry(on_removed=self.trace.over)
        self.heartbeat = Heartbeat(self.store, is_busy=lambda: bool(self.registry.calls), clock=now)

        # -- SIP and media
        leg_events = LegEvents(self.registry, self.events, self.collector.rtcp)
        self.peers = Peers(
            settings.trunks, settings.dial.allow_hosts, lambda uri: self.sip.hops(uri)
        )
        self.dialogs = DialogJournal(self.store)
        self.workers = WorkerJournal(self.store)
        self.sip = SipEndpoint(
            sip.listen,
            on_event=lambda event: self.sip_events.on_sip(event),
            options=endpoint_options(sip, settings.trunks),
            policy=SipPolicy(
                self.peers,
                lambda invite, source, now: self.inbound.admits(invite, source, now),
                lambda trunk: self.dialplan.session_expires_s(trunk, sip.session_expires_s),
            ),
            on_saves=self.dialogs.write,
            observer=self.trace,
        )
        self.media = WorkerPool(
            MediaSettings(
                media.address,
                media.ports,
                media.timeout_s,
                media.silence_s,
                orphan_s=media.orphan_s,
                tells_rtcp=is_collected,
                dscp=media.dscp,
            ),
            workers=media.workers,
            on_event=leg_events.on_media,
            on_died=leg_events.on_media_died,
            on_restarted=lambda: self._media_restarted(leg_events),
        )
        self.announcer = Announcer(
            Synthesizer(
                settings.whisper.cache_dir,
                voice=settings.whisper.voice,
                max_age_s=settings.whisper.keep_days * DAY_S or None,
            ),
            SoundFiles(media.sounds),
        )
        hold = Hold(str(self.announcer.sounds.configured(media.hold)) if media.hold else None)

        # -- numbers: where a call goes, and whether it may
        self.trunks = Trunks(settings.trunks, sip=self.sip, events=self.events)
        do_not_call = DoNotCall(self.store, self.events)
        self.dialplan = Dialplan(
            trunks=settings.trunks,
            routes=settings.routes,
            agents=settings.agents,
            allow_hosts=settings.dial.allow_hosts,
            plan=NumberPlan.of(settings),
            trunk_states=self.trunks,
            do_not_call=do_not_call,
        )
        self.admission = Admission(
            PolicySettings.of(settings),
            read=self.dialplan.classify,
            do_not_call=do_not_call,
            store=self.store,
        )

        # -- agents, and the queues in which callers and callbacks wait for them
        staffing = Staffing()
        self.agents = AgentRegistry(
            settings.agents,
            defaults=settings.agent_defaults,
            events=self.events,
            store=self.store,
            serves=staffing.own_queues,
            zone=zone_of(settings.reports.time_zone),
            clock=now,
        )
        self.roster = Roster(
            settings.agents,
            agents=self.agents,
            dialplan=self.dialplan,
            store=self.store,
            events=self.events,
            takes_permanent=media.workers == 1,
        )
        self.agent_clock = AgentClock(self.agents, clock=now)
        self.queues = Queues(
            self.agents,
            self.events,
            ring_s=settings.dial.ring_s,
            store=self.store,
            staffing=staffing,
            clock=now,
        )
        self.history = History(self.store.path)
        self.router = Router(
            settings,
            number_of=self.admission.number,
            store=self.store,
            queues=self.queues,
            last_agent=partial(self.history.last_agent, among=self.agents),
        )
        self.rooms = WaitingRooms(
            settings.rooms,
            settings.queues,
            announcer=self.announcer,
            hold=hold,
            alone_s=settings.reports.alone_s,
            clock=self.clock.monotonic,
        )

        # -- calls and callbacks
        self.overload = Overload(
            settings.dial.max_late_ms / 1e3,
            media=self.media.load,
            legs=lambda: len(self.registry.legs),
            events=self.events,
        )
        self.services = CallServices(
            sip=self.sip,
            media=self.media,
            dialplan=self.dialplan,
            events=self.events,
            store=self.store,
            announcer=self.announcer,
            registry=self.registry,
            agents=self.agents,
            queues=self.queues,
            lines=AgentLines(
                self.agents, sip=self.sip, media=self.media, registry=self.registry, hold=hold
            ),
            rooms=self.rooms,
            dial=settings.dial,
            hold=hold,
            ringing=Ringing(media.ringing),
            recordings=media.recordings,
            rtp_host=media.advertise,
            overload=self.overload,
            trace=self.trace,
            trunk_figures=TrunkFigures(self.clock),
            trunk_load=self.trunks.load,
            clock=self.clock,
        )
        self.permanent = PermanentLegs(self.services, self.admission)
        self.dispatcher = Dispatcher(
            self.services, admission=self.admission, history=self.history, clock=now
        )
        self.intake = Intake(
            self.services,
            self.dispatcher,
            settings,
            router=self.router,
            admission=self.admission,
            clock=now,
        )
        self.positions = KeptPositions(self.store, clock=now)
        self.controlled = ControlledCalls(
            self.services, self.admission, self.intake.check_accepting
        )
        self.inbound = Inbound(
            self.services,
            InboundServices(
                router=self.router,
                admission=self.admission,
                intake=self.intake,
                takeover=CallerTakeover(self.dispatcher),
                history=self.history,
                positions=self.positions,
                peers=self.peers,
            ),
            settings,
            handler=self.controlled,
            clock=now,
        )
        self.personal_data = PersonalData(
            self.store,
            self.events,
            self.history,
            self.admission.do_not_call,
            recordings=media.recordings,
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
        self.sip_events = SipEvents(self.trunks, self.inbound, leg_events)

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
        for watch in (
            self.cdr_writer.watch,
            self.interrupted_calls.watch,
            *(one.watch for one in counters),
        ):
            self.events.watch(watch)

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
        ):
            self.clock.subscribe(shift)

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
                self.intake.owner_of,
                self.registry.calls,
                self.trace.meant_by,
            ),
            audit=Audit(self.store, clock=now),
        )
        self.exporter = None if self.metrics is None else self._exporter(self.metrics)

    def _media_restarted(self, leg_events: LegEvents) -> None:
        leg_events.on_media_restarted(self.media.pids)
        self.workers.note(self.media.pids)

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
            **AgentMethods(self.agents, self.roster, self.queues).table(),
            **PersonMethods(self.personal_data, self.events, lambda: self.admission.region).table(),
            **QueueMethods(self.queues).table(),
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

    def _snapshot_sources(self) -> SnapshotSources:
        numbers = self.admission.do_not_call
        return {
            "agent": self.agents.views,
            "queue": self.queues.views,
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

        def trunks(settings: Settings) -> None:
            self.trunks.reconfigure(settings.trunks)
            self.services.trunk_figures.keep({trunk.name for trunk in settings.trunks})

        async def reports(settings: Settings) -> None:
            if self.reports.configure(settings.reports, service_levels(settings.queues)):
                await self.live.recount()

        return {
            "sip": lambda settings: reconfigure(self.sip, settings.sip, settings.trunks),
            "logs": lambda settings: logs.set_level(settings.log.level),
            "dial": lambda settings: self.services.configure(settings.dial),
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
            "rooms": lambda settings: self.rooms.configure(
                settings.rooms, settings.queues, settings.reports.alone_s
            ),
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
            "rights": lambda settings: self.rights.configure(settings.control, settings.rights),
            "control": lambda settings: self.control.configure(settings.control),
            "trace": lambda settings: self.trace.configure(settings.trace),
            "trunks": trunks,
        }


def _metrics() -> "Metrics":
    """Loaded only where metrics are configured: the import takes a while."""
    from .control.metrics import Metrics

    return Metrics()
