"""Builds the parts that carry calls, in the order in which each uses those before it.

Each part is handed what it uses when it is built. One ring cannot be cut that way: SIP reports to
calls what happens, and calls use SIP. There the earlier part gets a function that looks the later
one up when it is called.
"""

from functools import partial
from pathlib import Path

from config.settings import Settings
from config.speech import Speech
from media.settings import MediaSettings
from media.sound_settings import SoundSettings
from media.sources import Hold, Ringing
from media.speech.speech_command import SpeechCommand
from media.speech.synthesizer import Synthesizer
from media.worker_pool import WorkerPool
from sip.endpoint import SipEndpoint
from sip.hop import WEB_TRANSPORTS, Hop
from sip.message.message import Request
from sip.policy import Admission as InviteAdmission

from .acd.agent_timer import AgentTimer
from .acd.agents import AgentRegistry
from .acd.queues import Queues
from .acd.roster import Roster
from .acd.staffing import Staffing
from .call_control.conferences import Conferences
from .call_control.controlled_calls import ControlledCalls
from .call_control.streamed_calls import StreamedCalls
from .callbacks.caller_takeover import CallerTakeover
from .callbacks.dispatcher import Dispatcher
from .callbacks.intake import Intake
from .calls.announcing.plays import Plays
from .calls.announcing.sound_files import SoundFiles
from .calls.announcing.waiting_room import WaitingRooms
from .calls.announcing.whisper import Announcer
from .calls.answering.answer_policy import AnswerPolicy
from .calls.answering.answer_words import AnswerDetection
from .calls.call import Call, CallOwner, CallRegistry, Silenced
from .calls.keys.gathers import Gathers
from .calls.legs.agent_lines import AgentLines
from .calls.legs.leg_events import LegEvents
from .calls.legs.lost_browsers import LostBrowsers
from .calls.legs.permanent_leg import PermanentLegs
from .calls.recognition.recognised_legs import RecognisedLegs
from .calls.recognition.recognitions import Recognitions, SoundWays
from .calls.scripting.scripts import Scripts
from .calls.services import CallServices
from .calls.streams.streams import Streams
from .clock import Clock
from .inbound.caller.caller_verification import CallerVerification
from .inbound.inbound import Inbound
from .inbound.kept_positions import KeptPositions
from .inbound.page_owners import PageOwners
from .inbound.services import InboundServices
from .inbound.sip_events import SipEvents
from .inbound.sip_policy import SipPolicy
from .recordings.library import RecordingLibrary
from .reports.history import History
from .reports.intervals import zone_of
from .restart.dialog_journal import DialogJournal
from .restart.worker_journal import WorkerJournal
from .routing.admission import Admission, PolicySettings
from .routing.blocking.do_not_call import DoNotCall
from .routing.dialplan import Dialplan
from .routing.endpoint_options import endpoint_options
from .routing.numbers.number_plan import NumberPlan
from .routing.overload import Overload
from .routing.peers import Peers
from .routing.router import Router
from .routing.trunk_figures import TrunkFigures
from .routing.trunks import Trunks
from .store.event_log import EventLog
from .store.heartbeat import Heartbeat
from .store.retention import DAY_S, Retention
from .store.store import Store
from .trace.folding import Folding
from .trace.hep_sender import HepSender
from .trace.trace import Trace
from .webrtc.browsers import browsers_of
from .webrtc.page_tokens import PageCalls


class CallParts:
    """The parts that carry calls and callbacks, and what they write to. None of them runs yet."""

    def __init__(self, settings: Settings) -> None:
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
        self.recordings = RecordingLibrary(
            self.store,
            self.events,
            media.recordings,
            settings.recording,
            zone=zone_of(settings.reports.time_zone),
            clock=now,
        )
        self.retention = Retention(
            self.store,
            self.events,
            settings.store,
            settings.reports.keep_days,
            recordings=media.recordings,
            library=self.recordings,
            clock=now,
        )
        self.collector = HepSender(settings.trace, media_host=media.address, clock=now)
        is_collected = self.collector.is_wanted
        self.trace = Trace(
            settings.trace,
            sink=self.collector.sip if is_collected else None,
            clock=now,
            on_call=lambda: self.folding.soon(),
        )
        self.folding = Folding(self.trace)
        self.registry = CallRegistry(on_removed=self.trace.over)
        self.heartbeat = Heartbeat(self.store, is_busy=lambda: bool(self.registry.calls), clock=now)

        # -- SIP and media
        leg_events = LegEvents(self.registry, self.events, self.collector.rtcp)
        self.peers = Peers(
            settings.trunks, settings.dial.allow_hosts, lambda uri: self.sip.hops(uri)
        )
        self.dialogs = DialogJournal(self.store, settings.control.socket)
        self.workers = WorkerJournal(self.store)
        self.page_calls = PageCalls(lambda hop: self.sip.tcp.web_origin(hop), self.registry.peers)
        self.lost_browsers = LostBrowsers(
            self.registry, settings.webrtc.rejoin_s, settings.webrtc.sleep_s
        )
        self.browsers = browsers_of(
            settings,
            self.page_calls,
            on_proved=lambda hop: self.sip.tcp.trust(hop),
            on_gone=self.lost_browsers.lost,
        )
        self.sip = SipEndpoint(
            sip.listen,
            on_event=lambda event: self.sip_events.on_sip(event),
            options=endpoint_options(sip, settings.trunks),
            policy=SipPolicy(
                self.peers,
                self._admits,
                lambda trunk: self.dialplan.session_expires_s(trunk, sip.session_expires_s),
            ),
            on_saves=self.dialogs.write,
            observer=self.trace,
            browsers=self.browsers,
        )
        self.media = WorkerPool(
            MediaSettings(
                media.address,
                media.ports,
                media.timeout_s,
                media.silence_s,
                sleep_s=settings.webrtc.sleep_s,
                orphan_s=media.orphan_s,
                tells_rtcp=is_collected,
                dscp=media.dscp,
                poor_mos=media.poor_mos,
                good_mos=media.good_mos,
                socket_directory=str(Path(settings.control.socket).parent),
                loudness_lufs=media.loudness_lufs,
                sound=SoundSettings(**media.sound.model_dump()),
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
                command=_speech_command(settings.speech),
            ),
            SoundFiles(media.sounds),
        )
        self.announcer.sounds.configure(settings.music)
        hold = Hold(str(self.announcer.sounds.configured(media.hold)) if media.hold else None)

        self.plays = Plays(self.registry, self.announcer, hold=hold, country=media.ringing)
        streams = Streams(settings.streams)
        self.recognitions = Recognitions(
            settings.recognition, SoundWays(self.media, streams.hosted, self.registry)
        )
        self.recognised = RecognisedLegs(self.recognitions)
        self.gathers = Gathers(self.plays, self.recognitions, self.registry, self._recorders)

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
        self.dialplan.set_browsers(settings.webrtc.codecs)
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
        )
        self.agent_timer = AgentTimer(self.agents, clock=now)
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
            recordings=self.recordings,
            gathers=self.gathers,
            answers=AnswerPolicy(settings.detection, settings.queues, settings.trunks),
            detection=AnswerDetection(settings.detection, self.recognitions),
            scripts=Scripts(settings.scripts, settings.calendars),
            streams=streams,
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
        self.page_owners = PageOwners(self.store, self.intake, self.page_calls, self.registry.calls)
        self.controlled = ControlledCalls(
            self.services, self.admission, self.intake.check_accepting
        )
        self.streamed = StreamedCalls(
            self.services, self.admission, self.controlled, self._owner_of
        )
        self.conferences = Conferences(self.services, self.controlled)
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
                verification=CallerVerification(settings.stir, clock=now),
                page_calls=self.page_calls,
                page_owners=self.page_owners,
            ),
            settings,
            handler=self.controlled,
            clock=now,
        )
        self.sip_events = SipEvents(self.trunks, self.inbound, leg_events)

    def keep_sounds_ready(self) -> None:
        """Have the media workers load what waiting and held parties hear, before the first does."""
        self.media.keep_ready([*self.rooms.music(), self.services.ringing])

    def _owner_of(self, call: Call) -> CallOwner | None:
        """The call flow that a call belongs to."""
        return call.owner or self.dispatcher.callback_of(call.id)

    def _recorders(self, call: Call) -> list[Silenced]:
        """What records a call."""
        owner, written = self._owner_of(call), self.registry.recordings_of(call)
        return [*written] if owner is None else [owner.recorded, *written]

    def _admits(self, invite: Request, source: Hop, now: float) -> InviteAdmission:
        """What becomes of an INVITE that would begin a call: see PeerPolicy."""
        if self.browsers is not None and source.transport in WEB_TRANSPORTS:
            return self.browsers.admits(invite, source, now)
        return self.inbound.admits(invite, source, now)

    def _media_restarted(self, leg_events: LegEvents) -> None:
        leg_events.on_media_restarted(self.media.pids)
        self.workers.note(self.media.pids)


def _speech_command(speech: Speech) -> SpeechCommand | None:
    """What speaks in place of espeak-ng."""
    if not speech.command:
        return None
    return SpeechCommand(
        tuple(speech.command),
        limit_s=speech.limit_s,
        max_bytes=speech.max_mib << 20,
        falls_back=speech.falls_back,
    )
