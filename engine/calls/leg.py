"""A leg: one party of a call, from the first INVITE to the last report.

A leg joins a SIP session to a media endpoint. What SIP and the media worker report comes in by
`on_sip` and `on_media`; a call flow awaits `dial` (or `accept`, where the party has called) and
`play`, and runs under `while_up(leg)` of `while_up.py`, which ends it when the party hangs up.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import structlog
from msgspec import structs

from media import messages as media_events
from media.errors import BadAddress, MediaError
from media.messages import LegStats
from media.sources import Source
from media.worker_pool import MediaPool
from sip import events as sip_events
from sip.dialog.session import Session
from sip.dialog.uac import Invitation
from sip.endpoint import SipEndpoint
from sip.errors import ParseError, SipError
from sip.message.uri import SipUri
from sip.sdp.offer_answer import LocalAudio, NegotiatedAudio
from sip.transport.resolver import ResolutionFailed

from ..job import LegRecord
from ..routing.dialplan import Destination, DialTarget
from .hangup_cause import HangupCause, of_call_not_taken, of_ended_session, of_failed_invite

log = structlog.get_logger()

Role = Literal["agent", "customer"]

CLEARING = 'Q.850;cause=16;text="Normal call clearing"'
CODECS = ("PCMU", "PCMA")

UNSPECIFIED_HOSTS = frozenset({"0.0.0.0", "::"})

# How long a trunk may stay silent before the next one is tried.
TRUNK_RESPONSE_S = 5.0


class LegEnded(Exception):
    """A leg ended while a call flow needed it: it was not answered, or its party hung up."""

    def __init__(self, leg: "Leg", ending: HangupCause) -> None:
        super().__init__(f"{leg.role}: {ending}")
        self.leg = leg
        self.ending = ending


# Who calls where neither the configuration nor anybody else says it.
DEFAULT_CALLER: Final = "ringback"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a leg's INVITE says is calling: `user`, else the trunk's caller id, else `default`."""

    user: str | None
    default: str


PublishLegEvent = Callable[..., None]


class Leg:
    """One party of a call. `record` is what is shown and stored of it."""

    def __init__(
        self,
        *,
        leg_id: str,
        role: Role,
        destination: Destination,
        sip: SipEndpoint,
        media: MediaPool,
        publish: PublishLegEvent,
        rtp_host: str = "",
    ) -> None:
        self.id = leg_id
        self.role: Role = role
        self.destination = destination
        self.record = LegRecord(
            leg=leg_id, role=role, uri=destination.targets[0].target, started=time.time()
        )
        self.ending: HangupCause | None = None
        self.audio: NegotiatedAudio | None = None
        self.on_end: list[Callable[[Leg], None]] = []
        self.on_early_media: Callable[[], object] | None = None
        self.on_early_media_over: Callable[[], object] | None = None
        self.on_hold: Callable[[Leg, bool], None] | None = None
        self.on_digit: Callable[[str], None] | None = None
        self.on_info_digit: Callable[[Leg, str, int], None] | None = None
        self.borrower: Leg | None = None  # the leg of the call that has this permanent line
        self._sip = sip
        self._media = media
        self._publish = publish
        self._rtp_host = rtp_host
        self._rtp_port = 0
        self._dialled = False
        self._session: Session | None = None
        self._hung_up: list[Session] = []
        self._called_us = False
        self._media_open = False
        self._silent_early = False
        self._outcome: asyncio.Future[HangupCause | None] | None = None
        self._played: dict[int, asyncio.Future[None]] = {}

    # -- dialling ---------------------------------------------------------------------------

    async def open(self, *, beside: "Leg | None" = None) -> None:
        """Take a port for the party's media. Raises LegEnded where there is none.

        `beside` is the other leg of the call, whose media worker must be this one's too.
        """
        try:
            opened = await self._media.open(self.id, beside=beside.id if beside else None)
        except MediaError as error:
            ending = HangupCause("unavailable", str(error), is_ours=True)
            if self._called_us:
                self.hang_up(ending)
            self.ending = self.ending or ending
            raise LegEnded(self, self.ending) from error
        self._media_open = True
        self._rtp_host = self._rtp_host or opened.host
        self._rtp_port = opened.port

    async def dial(
        self,
        *,
        caller: Caller,
        ring_s: float,
        codecs: tuple[str, ...] = CODECS,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Call the party by each way in turn until one answers. Raises LegEnded otherwise."""
        self._dialled = True
        self.record.started = time.time()
        self._publish("leg.dialing", self)
        local = LocalAudio(host=self._rtp_host, port=self._rtp_port, codecs=codecs)
        ending = HangupCause("unreachable", "no way to dial")
        try:
            async with asyncio.timeout(ring_s):
                ways = self.destination.targets
                for number, way in enumerate(ways, start=1):
                    is_last = number == len(ways)
                    if number > 1:
                        self._begin_anew()
                    outcome = await self._dial_way(way, caller, local, headers, ring_s, is_last)
                    if outcome is None:
                        return
                    ending = outcome
                    if self.ending is not None or not ending.trunk_failed:
                        break
        except TimeoutError:
            ending = self.not_answered(ring_s)
            self._hang_up_session('SIP;cause=408;text="No answer"')
        self._end(ending)
        raise LegEnded(self, self.ending or ending)

    async def _dial_way(
        self,
        way: DialTarget,
        caller: Caller,
        local: LocalAudio,
        headers: tuple[tuple[str, str], ...],
        ring_s: float,
        is_last: bool,
    ) -> HangupCause | None:
        """None when answered, otherwise why not."""
        self.record.uri = way.target
        try:
            hop = await self._sip.resolve(way.hop_uri)
        except (ResolutionFailed, ParseError) as error:
            return HangupCause("unreachable", str(error), trunk_failed=True)
        if self.ending is not None:  # hung up while the address was looked up
            return self.ending
        loop = asyncio.get_running_loop()
        self._outcome = loop.create_future()
        from_user = caller.user or way.caller_id or caller.default
        invitation = Invitation(
            target=way.target,
            hop=hop,
            from_uri=str(SipUri("sip", way.from_host or local.host, from_user)),
            audio=local,
            credentials=way.credentials,
            headers=headers,
            ring_s=ring_s,
        )
        try:
            self._session = self._sip.invite(invitation)
        except (ParseError, ValueError) as error:
            return HangupCause("failed", f"cannot be dialled: {error}")
        self._session.tag = self
        give_up = None if is_last else loop.call_later(TRUNK_RESPONSE_S, self._no_response)
        try:
            return await self._outcome
        finally:
            if give_up is not None:
                give_up.cancel()

    def _begin_anew(self) -> None:
        """What a trunk let ring or speak is over once it has failed: the next one begins anew."""
        had_early_media = self.record.state == "early_media"
        self.record.state, self.audio = "dialing", None
        if had_early_media and self.on_early_media_over is not None:
            self.on_early_media_over()

    @property
    def _is_silent(self) -> bool:
        """Whether nothing at all has come back for the INVITE."""
        return self._session is not None and self._session.state == "calling"

    def not_answered(self, ring_s: float) -> HangupCause:
        """Why nobody took the call in `ring_s`; to be asked before the leg is hung up."""
        if self._is_silent:
            return HangupCause("unreachable", f"no response within {ring_s:g} s", trunk_failed=True)
        return HangupCause("no_answer", f"no answer within {ring_s:g} s")

    def _no_response(self) -> None:
        if self._is_silent:
            ending = self.not_answered(TRUNK_RESPONSE_S)
            self._hang_up_session()
            self._settle(ending)

    def _settle(self, outcome: HangupCause | None) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(outcome)

    # -- being called -----------------------------------------------------------------------

    def take(self, session: Session) -> None:
        """The party has called: let it hear ringing. The leg is that session's from now on."""
        self._called_us = self._dialled = True
        self._session = session
        session.tag = self
        self.record.state = "ringing"
        self.record.started = self.record.ringing = time.time()
        try:
            self._sip.ring(session)
        except SipError as error:  # hung up already; what told so is still to be delivered
            self._end(HangupCause("hung_up", error.reason))
        else:
            self._publish("leg.ringing", self)

    async def accept(self, *, codecs: tuple[str, ...] = CODECS) -> None:
        """Answer the party that has called, and wait for its ACK. Raises LegEnded.

        `open` comes before; who hung up meanwhile has ended the leg.
        """
        if self.ending is None and self._session is not None:
            self._outcome = asyncio.get_running_loop().create_future()
            local = LocalAudio(host=self._rtp_host, port=self._rtp_port, codecs=codecs)
            try:
                self._sip.accept(self._session, local)
            except SipError as error:
                self._end(HangupCause("hung_up", error.reason))
            await self._outcome
        if self.ending is not None:
            raise LegEnded(self, self.ending)

    # -- what the party hears ---------------------------------------------------------------

    def hear(self, source: Source) -> int | None:
        """Let the party hear `source` from now on. Returns the play's number."""
        if not self._media_open:
            return None
        return self._media.hear(self.id, source)

    async def play(self, source: Source, *, limit_s: float) -> None:
        """Let the party hear a finite source to its end, for `limit_s` at most."""
        play = self.hear(source)
        if play is None:
            return
        finished = asyncio.get_running_loop().create_future()
        self._played[play] = finished
        try:
            async with asyncio.timeout(limit_s):
                await finished
        except TimeoutError:
            log.warning("play_cut_off", leg=self.id, limit_s=limit_s)
        finally:
            del self._played[play]

    @property
    def is_held(self) -> bool:
        """Whether the party has put the call on hold."""
        return self.record.state == "held"

    # -- the end ----------------------------------------------------------------------------

    def hang_up(self, ending: HangupCause, reason_header: str = CLEARING) -> None:
        """End the leg from our side: CANCEL or BYE as its state wants. No effect once ended."""
        if self.ending is None:
            self._hang_up_session(reason_header)
            self._end(ending)

    def _hang_up_session(self, reason_header: str | None = None) -> None:
        if self._session is not None:
            self._sip.hangup(self._session, reason_header)
            self._session.tag = None
            self._hung_up.append(self._session)
            self._session = None

    @property
    def may_still_be_up(self) -> bool:
        """Whether a phone that we hung up has not confirmed it yet: it may go on ringing."""
        return any(session.state != "terminated" for session in self._hung_up)

    async def release(self) -> None:
        """Hang up if need be, and give the media endpoint back, keeping its last report."""
        if self._dialled:
            self.hang_up(HangupCause("completed", "released"))
        if self._media_open:
            self._media_open = False
            try:
                self._report(await self._media.close(self.id))
            except MediaError as error:
                log.info("no_media_report", leg=self.id, reason=str(error))

    async def refresh_stats(self) -> None:
        """Ask the media worker how the leg stands now. Raises MediaError."""
        if self._media_open:
            self._report(await self._media.stats(self.id))

    def _report(self, stats: LegStats | None) -> None:
        if stats is not None:
            self.record.media = structs.asdict(stats)

    def _end(self, ending: HangupCause) -> None:
        if self.ending is not None:
            return
        self.ending = ending
        record = self.record
        record.state = "ended"
        record.ended = time.time()
        if ending.sip_status is not None:
            record.sip_status = ending.sip_status
        record.reason = ending.phrase
        self._session = None
        self._publish("leg.ended", self, result=ending.result, reason_header=ending.reason_header)
        self._settle(ending)
        for notify in tuple(self.on_end):
            notify(self)

    # -- what SIP reports -------------------------------------------------------------------

    def on_sip(self, event: sip_events.Event) -> None:
        """Take one event of this leg's session; those of a session given up are ignored."""
        if isinstance(event, sip_events.RegistrationChanged) or event.session is not self._session:
            return
        match event:
            case sip_events.Progress():
                self._progress(event)
            case sip_events.Answered():
                self._answered(event.audio)
            case sip_events.Failed():
                if self._called_us:
                    self._end(of_call_not_taken(event.cause))
                else:
                    self._failed(of_failed_invite(event.cause))
            case sip_events.Ended():
                self._end(of_ended_session(event.cause))
            case sip_events.MediaChanged():
                self._media_changed(event.audio)
            case sip_events.InfoDigit():
                (self.borrower or self).info_digit(event.digit, event.duration_ms)

    def _progress(self, event: sip_events.Progress) -> None:
        record = self.record
        record.sip_status, record.reason = event.status, event.phrase
        if event.audio is not None and record.state == "early_media":
            # Another branch speaks now: the call was forked, or forwarded.
            if event.audio != self.audio:
                self._connect(event.audio)
        elif event.audio is not None:
            self._connect(event.audio)
            record.state = "early_media"
            record.ringing = record.ringing or time.time()
            self._publish("leg.early_media", self)
            if self.on_early_media is not None:
                self.on_early_media()
        elif event.status >= 180 and record.state == "dialing":
            record.state = "ringing"
            record.ringing = time.time()
            self._publish("leg.ringing", self)

    def _answered(self, audio: NegotiatedAudio) -> None:
        record = self.record
        record.state = "answered"
        record.answered = time.time()
        record.sip_status, record.reason = 200, "OK"
        # First, so that what the call flow says next goes to the worker in one message with this.
        self._settle(None)
        if audio != self.audio or self._silent_early:
            self._connect(audio)
        if self.ending is None:
            self._publish("leg.answered", self)
            self._note_hold(audio)

    def _failed(self, ending: HangupCause) -> None:
        self._session = None
        if ending.sip_status is not None:
            self.record.sip_status = ending.sip_status
        self._settle(ending)

    def _media_changed(self, audio: NegotiatedAudio) -> None:
        self._connect(audio)
        self._note_hold(audio)

    def _note_hold(self, audio: NegotiatedAudio) -> None:
        held = audio.direction in ("recvonly", "inactive")
        if held == self.is_held or self.record.state not in ("answered", "held"):
            return
        self.record.state = "held" if held else "answered"
        self._publish("leg.held" if held else "leg.resumed", self)
        if self.on_hold is not None:
            self.on_hold(self, held)

    def _connect(self, audio: NegotiatedAudio) -> None:
        self.audio = audio
        if audio.host in UNSPECIFIED_HOSTS:
            return  # a hold from the first description on (RFC 3264 8.4): nothing to send to yet
        try:
            self._media.connect(
                media_events.Connect(
                    self.id,
                    host=audio.host,
                    port=audio.port,
                    rtcp_port=audio.rtcp_port,
                    codec="PCMA" if audio.codec == "PCMA" else "PCMU",
                    payload_type=audio.payload_type,
                    telephone_event_payload_type=audio.telephone_event_payload_type,
                    direction=audio.direction,
                    telephone_event_received_payload_type=(
                        audio.telephone_event_received_payload_type
                    ),
                )
            )
        except BadAddress as error:
            self.hang_up(HangupCause("incompatible", error.reason))

    # -- what the media worker reports ------------------------------------------------------

    def on_media(self, event: media_events.Event) -> None:
        """Take one event of this leg's media endpoint."""
        match event:
            case media_events.Played():
                if event.error is not None:
                    log.error("not_played", leg=self.id, reason=event.error)
                    self._publish("leg.not_played", self, error=event.error)
                finished = self._played.get(event.play)
                if finished is not None and not finished.done():
                    finished.set_result(None)
            case media_events.Dtmf():
                self._pressed(event.digit, event.duration_ms)
            case media_events.SilenceStarted():
                self._publish("leg.silence", self, silent_ms=event.silent_ms)
            case media_events.PeerMoved():
                self._publish("leg.peer_moved", self, host=event.host, port=event.port)
            case media_events.MediaTimeout() if self.record.answered is None:
                self._silent_early = True  # early media that fell silent is no fault yet
            case media_events.MediaTimeout():
                self._publish("leg.media_timeout", self, silent_s=event.silent_s)
                if not self.is_held:
                    reason = f"no RTP for {event.silent_s:g} s"
                    self.hang_up(HangupCause("no_media", reason), f'SIP;cause=200;text="{reason}"')

    def info_digit(self, digit: str, duration_ms: int) -> None:
        """The party pressed a key, and its phone told so by SIP."""
        self._pressed(digit, duration_ms)
        if self.on_info_digit is not None:
            self.on_info_digit(self, digit, duration_ms)

    def _pressed(self, digit: str, duration_ms: int) -> None:
        self._publish("leg.dtmf", self, digit=digit, duration_ms=duration_ms)
        if self.on_digit is not None:
            self.on_digit(digit)

    def on_media_lost(self, reason: str) -> None:
        """The media worker that carried this leg died: the leg cannot go on."""
        self._media_open = False
        for finished in self._played.values():
            if not finished.done():
                finished.set_result(None)
        ending = HangupCause("failed", reason, is_ours=True)
        self.hang_up(ending, 'Q.850;cause=41;text="Temporary failure"')
