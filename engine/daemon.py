"""The daemon: starts the rooms in order, ties them together, and takes them down again.

`main` runs one engine until SIGTERM or SIGINT, or until a client drains it with `stop`.
"""

import asyncio
import contextlib
import gc
import resource
import signal
import sys
import time
from functools import partial
from importlib.metadata import version

import structlog
import uvloop

from config.settings import ConfigError, Settings
from media.errors import WorkerFailed
from media.messages import Event as MediaEvent
from media.messages import RecordingEnded
from media.settings import MediaSettings
from media.sound.speech import Synthesizer
from media.sources import Hold, Ringing
from media.worker_pool import MediaPool
from sip.endpoint import EndpointLimits, ListenError, SipEndpoint
from sip.events import Event as SipEvent
from sip.events import IncomingInvite, RegistrationChanged
from sip.rate_limit import RateLimit

from . import logs, preflight
from .acd.agents import AgentRegistry
from .acd.queues import Queues
from .acd.staffing import Staffing
from .call_centre import CallCentre
from .callbacks import recovery
from .callbacks.caller_takeover import CallerTakeover
from .callbacks.dispatcher import Dispatcher
from .callbacks.intake import Intake
from .calls.agent_lines import AgentLines
from .calls.call import CallRegistry
from .calls.leg import Leg
from .calls.services import CallServices
from .calls.waiting_room import WaitingRooms
from .calls.whisper import Announcer
from .control.agent_scope import AgentScope
from .control.audit import Audit
from .control.live_view import Reporting
from .control.methods.engine import Methods
from .control.rights import Rights
from .control.server import ControlError, ControlServer
from .control.snapshot import views_of
from .inbound.inbound import Inbound
from .inbound.kept_positions import KeptPositions
from .inbound.services import InboundServices
from .job import Job
from .reload import Reload
from .reports.history import History
from .reports.intervals import zone_of
from .routing.admission import Admission, PolicySettings
from .routing.dialplan import Dialplan
from .routing.router import Router
from .routing.trunks import Trunks
from .store.event_log import EventLog
from .store.heartbeat import Heartbeat
from .store.retention import Retention
from .store.store import Store, StoreError

log = structlog.get_logger()

EXIT_USAGE = 2
# The store's writer must never hold the interpreter for long while a leg waits for its INVITE.
SWITCH_INTERVAL_S = 0.0005
# What a callback leaves behind is mostly freed by counting; cycles are few and may wait.
GC_THRESHOLD = (50_000, 20, 50)
GOODBYE_POLLS = 50
GOODBYE_POLL_S = 0.02
LAST_EVENTS_S = 1.0


def main(settings: Settings) -> int:
    """Run one engine. Returns the exit status: 0, or 2 after one line that says what is wrong."""
    logs.configure(settings.log.level, settings.log.format)
    _raise_file_limit()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        uvloop.run(_run(settings))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    return 0


async def _run(settings: Settings) -> None:
    daemon = Daemon(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stop_requested.set)
    # Before it is up there is nothing to reload, and SIGHUP must not end it.
    loop.add_signal_handler(signal.SIGHUP, daemon.on_hangup)
    try:
        await daemon.start()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLD)
        await daemon.stop_requested.wait()
    finally:
        await daemon.stop()


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Daemon:
    """One engine: SIP endpoint, media workers, store, dispatcher and control socket."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stop_requested = asyncio.Event()
        self.started_at = time.time()
        self._is_ready = False
        sip, media = settings.sip, settings.media
        self.events = EventLog(
            capacity=settings.control.replay_events, capacity_bytes=settings.control.replay_bytes
        )
        self.store = Store(settings.store.path)
        self.retention = Retention(
            self.store, self.events, settings.store, settings.reports.keep_days
        )
        self.register = CallRegistry()
        self.heartbeat = Heartbeat(self.store, is_busy=lambda: bool(self.register.calls))
        self.sip = SipEndpoint(
            sip.listen,
            on_event=self._on_sip,
            advertise=sip.advertise or None,
            product=sip.user_agent,
            limits=EndpointLimits(RateLimit(sip.max_messages_per_s, sip.max_messages_burst)),
            admits=lambda source, now: self.inbound.admits(source, now),
        )
        self.media = MediaPool(
            MediaSettings(media.address, media.ports, media.timeout_s, media.silence_s),
            workers=media.workers,
            on_event=self._on_media,
            on_died=self._on_media_died,
            on_restarted=self._on_media_restarted,
        )
        self.trunks = Trunks(settings.trunks, sip=self.sip, events=self.events)
        dialplan = Dialplan(
            trunks=settings.trunks,
            routes=settings.routes,
            agents=settings.agents,
            allow_hosts=settings.dial.allow_hosts,
            default_region=settings.dial.default_region,
            trunk_usable=self.trunks.is_usable,
        )
        staffing = Staffing()
        agents = AgentRegistry(
            settings.agents,
            defaults=settings.agent_defaults,
            events=self.events,
            store=self.store,
            zone=zone_of(settings.reports.time_zone),
            serves=staffing.own_queues,
        )
        announcer = Announcer(Synthesizer(settings.whisper.cache_dir, voice=settings.whisper.voice))
        hold = Hold(media.hold or None)
        self.services = CallServices(
            sip=self.sip,
            media=self.media,
            dialplan=dialplan,
            events=self.events,
            store=self.store,
            announcer=announcer,
            registry=self.register,
            agents=agents,
            queues=Queues(
                agents,
                self.events,
                ring_s=settings.dial.ring_s,
                store=self.store,
                staffing=staffing,
            ),
            lines=AgentLines(
                agents, sip=self.sip, media=self.media, registry=self.register, hold=hold
            ),
            rooms=WaitingRooms(
                settings.rooms,
                announcer=announcer,
                hold=hold,
                alone_s=settings.reports.alone_s,
            ),
            dial=settings.dial,
            hold=hold,
            ringing=Ringing(media.ringing),
            recordings=media.recordings,
            rtp_host=media.advertise,
        )
        self.admission = Admission(
            PolicySettings.of(settings),
            is_internal=dialplan.is_internal,
            store=self.store,
            events=self.events,
            on_blocked=lambda entry: self.dispatcher.block(entry.number, entry.reason),
        )
        self.router = Router(settings, number_of=self.admission.number, store=self.store)
        self.history = History(self.store.path)
        self.call_centre = CallCentre(self)
        self.dispatcher = Dispatcher(self.services, admission=self.admission, history=self.history)
        self.intake = Intake(
            self.services,
            self.dispatcher,
            settings,
            router=self.router,
            admission=self.admission,
        )
        self.inbound = Inbound(
            self.services,
            InboundServices(
                router=self.router,
                admission=self.admission,
                intake=self.intake,
                takeover=CallerTakeover(self.dispatcher),
                history=self.history,
                positions=KeptPositions(self.store),
            ),
            settings,
        )
        self.events.snapshot_sources["job"] = partial(views_of, self.dispatcher.jobs)
        self.events.snapshot_sources["call"] = partial(views_of, self.register.calls)
        numbers = self.admission.do_not_call
        self.events.snapshot_sources["number"] = lambda: numbers.views(time.time())
        self.events.snapshot_sources["trunk"] = self.trunks.view
        self.reporting = Reporting(self)
        self.reporting.records.cost_of = lambda job: job.cost
        self.reporting.records.cost_of_legs = lambda legs: self.admission.rates.cost_of_legs(legs)
        self.rights = Rights(settings.control, settings.rights)
        scope = AgentScope(self.dispatcher.open.told, self._find_job, self.register)
        self.call_centre.agents.subscribe(on_change=scope.on_change)
        self.reload = Reload(self)
        self.control = ControlServer(
            settings.control,
            Methods(self, version("ringback")).table(),
            self.events,
            rights=self.rights,
            scope=scope,
            audit=Audit(self.store),
        )

    async def start(self) -> None:
        """Start everything. Raises ConfigError naming the key whose value cannot be had."""
        try:
            await self._start()
        except StoreError as error:
            raise self.settings.error("store.path", error.message) from error

    async def _start(self) -> None:
        settings = self.settings
        try:
            await self.control.bind()
        except ControlError as error:
            raise settings.error(error.key, error.reason) from error
        preflight.check(settings)
        await self.store.open()
        self.events.attach(self.store)
        await self.reporting.open()
        await self.admission.load(time.time())
        try:
            await self.sip.start()
        except ListenError as error:
            raise settings.error("sip.listen", str(error)) from error
        try:
            await self.media.start()
        except WorkerFailed as error:
            raise settings.error("media", error.reason) from error
        await self.trunks.start()
        await self.call_centre.open()
        await self._take_over()
        await self.reporting.start()
        self.call_centre.start()
        await self.inbound.start()
        self.retention.start()
        self.heartbeat.start()
        await self.control.start()
        self.events.publish("engine.started")
        self._is_ready = True
        log.info(
            "ready",
            control=str(settings.control.socket),
            sip=[str(address) for address in self.sip.addresses],
            media=f"{settings.media.address}:{settings.media.ports[0]}-{settings.media.ports[1]}",
        )

    async def stop(self) -> None:
        """Take everything down: calls first, the store last, so that each end is recorded."""
        self.events.publish("engine.stopping")
        # First, so that an operator whose call ends now is not offered the next one.
        self.call_centre.queues.stop()
        await asyncio.gather(self.dispatcher.stop(), self.inbound.stop())
        await self.call_centre.stop()
        self.trunks.stop()
        await self._let_sip_finish()
        recovery.wait_for_phones(self.dispatcher.interrupted, self.services, time.time())
        with contextlib.suppress(TimeoutError):  # the disk may be full
            async with asyncio.timeout(LAST_EVENTS_S):
                await self.events.settled()
        self.heartbeat.stop()
        await self.retention.stop()
        await self.reporting.stop()
        await self.control.stop()
        await self.sip.stop()
        await self.media.stop()
        self.services.announcer.close()
        await self.store.close()
        if self._is_ready:  # one that could not start has but one line to say
            log.info("stopped")

    def on_hangup(self) -> None:
        """SIGHUP: take the configuration as it is now."""
        if self._is_ready:
            self.reload.on_signal()

    async def _let_sip_finish(self) -> None:
        """Give the peers a moment to answer the last BYE and CANCEL."""
        for _ in range(GOODBYE_POLLS):
            if not self.sip.ua.session_count:
                return
            await asyncio.sleep(GOODBYE_POLL_S)

    async def _take_over(self) -> None:
        """Take over the jobs that an earlier engine left open."""
        jobs = await self.store.load_open()
        recovery.reconcile(
            jobs,
            self.dispatcher,
            self.services,
            self.admission,
            time.time(),
            self.store.kept_log.seen_until,
        )

    def _find_job(self, job_id: str) -> Job | None:
        return self.dispatcher.job(job_id) or self.store.find(job_id)

    def _on_sip(self, event: SipEvent) -> None:
        if isinstance(event, RegistrationChanged):
            self.trunks.on_sip(event)
        elif isinstance(event, IncomingInvite):
            self.inbound.on_invite(event)
        elif isinstance(event.session.tag, Leg):
            event.session.tag.on_sip(event)

    def _on_media(self, event: MediaEvent) -> None:
        if isinstance(event, RecordingEnded):
            if event.error is not None:
                log.error("recording_failed", path=event.path, reason=event.error)
                self.events.publish("recording.failed", path=event.path, reason=event.error)
            return
        leg = self.register.legs.get(getattr(event, "leg", ""))
        if leg is not None:
            leg.on_media(event)

    def _on_media_died(self, reason: str, legs: list[str]) -> None:
        log.error("media_worker_died", reason=reason, legs=len(legs))
        self.events.publish("engine.media_worker_died", reason=reason, legs=len(legs))
        for leg_id in legs:
            leg = self.register.legs.get(leg_id)
            if leg is not None:
                leg.on_media_lost("media worker died")

    def _on_media_restarted(self) -> None:
        log.info("media_worker_started", pids=self.media.pids)
        self.events.publish("engine.media_worker_started")
