"""A leg: one party of a call, from the first INVITE to the last report.

A leg joins a SIP session to a media endpoint. What SIP and the media worker report comes in by
`on_sip` and `on_media`. A call flow awaits `dial` (or `accept`, where the party has called us) and
`play`, and runs under `while_up(leg)` of `cancel_scope.py`, which ends it when the party hangs up.
"""

import asyncio
from collections.abc import Sequence
from typing import Literal
from weakref import proxy

from msgspec import structs

from media.errors import MediaError
from media.protocol import messages as media_events
from media.protocol.messages import LegStats
from media.worker_pool import WorkerPool
from sip import events as sip_events
from sip.dialog.session import Session
from sip.dialog.uas import UasSession
from sip.endpoint import SipEndpoint
from sip.errors import SipError
from sip.hop import Hop
from sip.message.grammar import printable
from sip.sdp.offer_answer import NegotiatedAudio
from sip.transport.web_edge import is_of_browser
from sip.usage import ReferralUsage

from ..job import LegRecord
from ..routing.targets.destination import Destination, DialTarget
from .dialling import CODECS, Caller, DialOptions
from .hangup_cause import (
    CLEARING,
    ELSEWHERE,
    NO_ANSWER,
    WORKER_DIED,
    HangupCause,
    of_ended_session,
    of_failed_invite,
    of_no_answer,
    of_unanswered_call,
)
from .legs.detected_answer import DetectedAnswer
from .legs.event_budget import BoundedPublisher
from .legs.heard_sound import HeardSound
from .legs.kept_secrets import KeptSecrets
from .legs.leg_listener import LegListener, LegOwner
from .legs.leg_media import LegMedia
from .legs.leg_transfers import LegTransfers
from .legs.media_reports import MediaReports
from .legs.pressed_keys import PressedKeys
from .legs.sent_keys import SentKeys
from .legs.target_dialler import TargetDialler

Role = Literal["agent", "customer", "supervisor"]

# A branch of a forked call is over before any has answered (RFC 6228).
TRYING, EARLY_DIALOG_TERMINATED = 100, 199


class LegEnded(Exception):
    """A leg ended while a call flow needed it: it was not answered, or its party hung up."""

    def __init__(self, leg: "Leg", hangup_cause: HangupCause) -> None:
        super().__init__(f"{leg.role}: {hangup_cause}")
        self.leg = leg
        self.hangup_cause = hangup_cause


class Leg(SentKeys, PressedKeys, HeardSound, KeptSecrets, DetectedAnswer):
    """One party of a call. `record` is what views show and the store keeps of it.

    `hangup_cause` is why it has ended; None while it has not.
    """

    def __init__(
        self,
        *,
        leg_id: str,
        role: Role,
        destination: Destination,
        sip: SipEndpoint,
        media: WorkerPool,
        owner: LegOwner,
        rtp_host: str = "",
    ) -> None:
        self.id = leg_id
        self.role: Role = role
        self.destination = destination
        self.record = LegRecord(
            leg=leg_id, role=role, uri=destination.targets[0].target, started=owner.now()
        )
        self.hangup_cause: HangupCause | None = None
        self.audio: NegotiatedAudio | None = None
        self._listeners: tuple[LegListener, ...] = ()
        self._info_digits_to: Leg | None = None  # the call on this permanent line
        self._sip = sip
        # What belongs to the leg has no reference back: a leg that is over is freed at once.
        leg = proxy(self)
        ports = destination.targets[0].media.rtp_ports
        self._media = LegMedia(leg_id, media, sip, rtp_host, ports, party=leg)
        self._owner = owner
        self._publish = owner.publish
        self._session: Session | None = None
        self._hung_up: tuple[Session, ...] = ()
        self._dialled = self.called_us = self.may_leave = False
        self.alerted_at: float | None = None
        self.transfers = LegTransfers(leg, sip)
        self._hears_early_media = True
        self._outcome: asyncio.Future[HangupCause | None] | None = None
        self._publish_bounded = BoundedPublisher(self._publish)
        self._media_reports = MediaReports(leg, self._media, self._publish, self._publish_bounded)

    # -- who hears of it --------------------------------------------------------------------

    def listen(self, listener: LegListener) -> None:
        """Let `listener` hear of the leg until `forget`."""
        self._listeners += (listener,)

    def forget(self, listener: LegListener) -> None:
        """Let `listener` hear of the leg no more."""
        self._listeners = tuple(one for one in self._listeners if one is not listener)

    def send_info_digits_to(self, receiver: "Leg | None") -> None:
        """The keys that SIP INFO reports are for this leg of a call from now on; None: our own."""
        self._info_digits_to = receiver

    # -- dialling ---------------------------------------------------------------------------

    async def open(self, *, beside: "Leg | None" = None) -> None:
        """Take a port for the party's media. Raises LegEnded where there is none.

        `beside` is the other leg of the call: both must have the same media worker.
        """
        try:
            await self._media.open(beside=beside.id if beside else None)
        except MediaError as error:
            cause = HangupCause("unavailable", str(error), is_ours=True)
            if self.called_us:
                self.hang_up(cause)
            self.hangup_cause = self.hangup_cause or cause
            raise LegEnded(self, self.hangup_cause) from error

    async def dial(
        self,
        *,
        caller: Caller,
        ring_s: float,
        codecs: tuple[str, ...] = CODECS,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Call the party by each target in turn until one answers. Raises LegEnded otherwise."""
        self._dialled = True
        self.record.started = self._owner.now()
        self._publish("leg.dialing", self)
        options = DialOptions(caller, ring_s, self._media.local(codecs), headers)
        dialler = TargetDialler(self, self._sip, self._owner, options)
        try:
            async with asyncio.timeout(ring_s):
                cause = await dialler.dial(self.destination.targets)
                if cause is None:
                    return
        except TimeoutError:
            cause = self.not_answered(ring_s)
            self._hang_up_session(NO_ANSWER)
        self._end(cause)
        raise LegEnded(self, self.hangup_cause or cause)

    def expect(self) -> "asyncio.Future[HangupCause | None]":
        """What is set once the next INVITE is answered (None), has failed, or is not wanted."""
        self._outcome = asyncio.get_running_loop().create_future()
        return self._outcome

    def invite(self, options: DialOptions, target: DialTarget, hop: Hop) -> None:
        """Send the INVITE to a target. Raises ParseError and ValueError."""
        self._media.use(hop, target.media)
        self._hears_early_media = target.plays_early_media
        self.alerted_at = None
        self._session = self._sip.invite(options.invitation(target, hop, self))
        self.record.call_id = self._session.call_id
        self._owner.signalled(self)

    def give_up(self, cause: HangupCause) -> None:
        """Hang the INVITE up: it has failed with this cause, and another target may be tried."""
        self._hang_up_session()
        self._settle(cause)

    def forget_early_media(self) -> None:
        """A target has failed: what it let ring or speak is over, and the next starts afresh."""
        had_early_media = self.record.state == "early_media"
        self.record.state, self.audio = "dialing", None
        if had_early_media:
            self._early_media_stopped()

    def _early_media_stopped(self) -> None:
        for listener in self._listeners:
            listener.early_media_stopped(self)

    def publish_redirected(self, targets: list[str], refused: list[str]) -> None:
        """The call is redirected: publish where it goes on, and where the dial policy refuses."""
        self._publish("leg.redirected", self, targets=targets, refused=refused)

    @property
    def is_silent(self) -> bool:
        """Whether nothing at all has come back for the INVITE."""
        return self._session is not None and self._session.state == "calling"

    def not_answered(self, ring_s: float) -> HangupCause:
        """Why nobody answered within `ring_s`. Ask before the leg is hung up."""
        return of_no_answer(ring_s, is_silent=self.is_silent)

    def _settle(self, outcome: HangupCause | None) -> None:
        expected, self._outcome = self._outcome, None
        if expected is not None and not expected.done():
            expected.set_result(outcome)

    # -- being called -----------------------------------------------------------------------

    def attach(self, session: UasSession) -> None:
        """The party has called us by `session`: use it from now on, and answer nothing yet."""
        self.called_us = self._dialled = True
        self._session = session
        session.hand_to(self)
        target = self.destination.targets[0]
        self._media.use(session.source, target.media)
        self.record.trunk, self.record.hop = target.trunk, str(session.source)
        self.record.call_id = printable(session.call_id)
        self._owner.signalled(self)
        self.record.started = self._owner.now()

    def ring(self, session: UasSession) -> None:
        """The party has called us by `session`: answer 180, and use the session from now on."""
        self.attach(session)
        self.record.state, self.record.ringing = "ringing", self.record.started
        try:
            self._sip.ring(session)
        except SipError as error:  # hung up already; the event that says so is on its way
            self._end(HangupCause("hung_up", error.reason))
        else:
            self._publish("leg.ringing", self)

    async def accept(self, *, codecs: tuple[str, ...] = CODECS) -> None:
        """Answer the party that has called us, and wait for its ACK. Raises LegEnded.

        `ring` and `open` come before.
        """
        if self.hangup_cause is None and self._session is not None:
            outcome = self.expect()
            try:
                self._sip.accept(self._session, self._media.local(codecs))
            except SipError as error:
                self._end(HangupCause("hung_up", error.reason))
            await outcome
        if self.hangup_cause is not None:
            raise LegEnded(self, self.hangup_cause)

    # -- its place in the call --------------------------------------------------------------

    def allow_to_leave(self) -> None:
        """The call goes on where this leg ends: its party is about to be replaced."""
        self.may_leave = True

    def require_again(self) -> None:
        """The call needs this leg again."""
        self.may_leave = False

    def fit(self, others: "Sequence[Leg]") -> None:
        """These legs are joined with it now: hear them as well as can be, if that can change."""

    @property
    def is_held(self) -> bool:
        """Whether the party has put the call on hold."""
        return self.record.state == "held"

    @property
    def is_taken_over(self) -> bool:
        """See ObservedLeg. Nobody else may take the place of a browser."""
        return isinstance(self._session, UasSession) and is_of_browser(self._session.peer)

    @property
    def session(self) -> Session | None:
        """Its SIP session; None before there is one, and once it is over."""
        return self._session

    def offer_referral(self, referral: ReferralUsage) -> bool:
        """Ask who listens to the leg to take a referral. Whether anybody did."""
        return any(one.transfer_requested(self, referral) for one in self._listeners)

    def hand_over(self, third: "Leg") -> "Leg | None":
        """Ask for the partner to talk with `third`, of another call, from now on; None: nobody."""
        partners = (one.partner_wanted(self, third) for one in self._listeners)
        partner = next((one for one in partners if one is not None), None)
        assert partner is None or isinstance(partner, Leg)
        return partner

    def replace(self, session: UasSession) -> None:
        """Let who has called us by `session` take the place of the party (RFC 3891).

        Raises SipError where that is not possible. The party stays until the new one is there.
        """
        self.transfers.replace(session, self._media.local(CODECS))
        session.hand_to(self)

    def succeed(self, session: UasSession, audio: NegotiatedAudio) -> None:
        """Go on with `session`, whose party has taken the place of the one before."""
        was_up = self.record.answered is not None
        self._hang_up_session(CLEARING if was_up else ELSEWHERE)
        self._session, before = session, self.record.uri
        self._media.moved_to(session.source)
        self.record.replaced_by(
            printable(session.request.from_.uri.encode()),
            printable(session.call_id),
            session.source,
        )
        self._owner.signalled(self)
        if was_up:
            self._connect(audio, relearn=True)
        else:
            self._answered(audio)
        self._publish("leg.replaced", self, from_uri=before)
        self._note_hold(audio)
        for listener in self._listeners:
            listener.leg_replaced(self)

    # -- the end ----------------------------------------------------------------------------

    def unreachable(self, reason: str) -> None:
        """See Unreachable."""
        self.hang_up(HangupCause("incompatible", reason))

    def hang_up(self, cause: HangupCause, reason_header: str = CLEARING) -> None:
        """End the leg from our side: CANCEL or BYE as its state wants. No effect once ended."""
        if self.hangup_cause is None:
            self._hang_up_session(reason_header)
            self._end(cause)

    def _hang_up_session(self, reason_header: str | None = None) -> None:
        if self._session is not None:
            self._sip.hangup(self._session, reason_header)
            self._session.hand_to(None)
            self._hung_up = (*self._hung_up, self._session)
            self._session = None

    @property
    def may_still_be_up(self) -> bool:
        """Whether a phone that we hung up has not confirmed it: it may go on ringing."""
        return any(session.state != "terminated" for session in self._hung_up)

    async def release(self) -> None:
        """Hang up if that has not been done, and give the port back, keeping its last report."""
        if self._dialled:
            self.hang_up(HangupCause("completed", "released"))
        self._report(await self._media.close())

    async def refresh_stats(self) -> None:
        """Ask the media worker how the leg stands now. Raises MediaError."""
        self._report(await self._media.stats())

    def _report(self, stats: LegStats | None) -> None:
        if stats is not None:
            self.record.media = structs.asdict(stats)

    def _end(self, cause: HangupCause) -> None:
        if self.hangup_cause is not None:
            return
        self.hangup_cause = cause
        self._media.stop_describing()
        record = self.record
        record.state, record.ended = "ended", self._owner.now()
        if cause.sip_status is not None:
            record.sip_status = cause.sip_status
        record.reason = cause.phrase
        self._session = None
        self.transfers.stop()
        said = {"result": cause.result, "reason_header": cause.reason_header}
        self._publish("leg.ended", self, **said, **record.excess())
        self._settle(cause)
        for listener in self._listeners:
            listener.leg_ended(self)

    # -- what SIP reports -------------------------------------------------------------------

    def on_sip(self, event: sip_events.Event) -> None:
        """Handle one event of this leg's session. Those of an earlier session are ignored."""
        if isinstance(event, sip_events.RegistrationChanged | sip_events.ExtensionsRefused):
            return
        if self.transfers.handle(event, self._session) or event.session is not self._session:
            return
        match event:
            case sip_events.Progress():
                self._progress(event)
            case sip_events.Answered():
                self._answered(event.audio)
            case sip_events.Failed() if self.called_us:
                self._end(of_unanswered_call(event.cause))
            case sip_events.Failed():
                if event.cause.status in (420, 421):
                    extensions = list(event.cause.extensions)
                    self._publish("leg.extension_required", self, extensions=extensions)
                self._failed(of_failed_invite(event.cause))
            case sip_events.Ended():
                self._end(of_ended_session(event.cause))
            case sip_events.MediaChanged():
                self._connect(event.audio)
                self._note_hold(event.audio)
            case sip_events.InfoDigit():
                (self._info_digits_to or self).info_digit(event.digit, event.duration_ms)

    def _progress(self, event: sip_events.Progress) -> None:
        record = self.record
        record.sip_status, record.reason = event.status, event.phrase
        if event.status > TRYING and self.alerted_at is None:
            self.alerted_at = asyncio.get_running_loop().time()
        audio = event.audio if self._hears_early_media else None
        if event.status == EARLY_DIALOG_TERMINATED:
            if record.state == "early_media":  # other branches may still ring
                record.state = "ringing"
                self._early_media_stopped()
        elif audio is not None and record.state == "early_media":
            # Another branch speaks now: the call was forked, or forwarded.
            if audio != self.audio:
                self._connect(audio)
        elif audio is not None:
            self._connect(audio)
            record.state = "early_media"
            record.ringing = record.ringing or self._owner.now()
            self._publish("leg.early_media", self)
            for listener in self._listeners:
                listener.early_media_started(self)
        elif event.status >= 180 and record.state == "dialing":
            record.state = "ringing"
            record.ringing = self._owner.now()
            self._publish("leg.ringing", self)

    def _answered(self, audio: NegotiatedAudio) -> None:
        record = self.record
        record.state = "answered"
        record.answered = self._owner.now()
        record.sip_status, record.reason = 200, "OK"
        # First, so that what the call flow says next goes to the worker in one message with this.
        self._settle(None)
        # Also where early media was of the same description: the phone that answers may be another
        # one than the network that spoke before, and its first RTP is waited for from now on.
        self._connect(audio, relearn=True)
        if self.hangup_cause is None:
            self._publish("leg.answered", self)
            self._note_hold(audio)

    def _failed(self, cause: HangupCause) -> None:
        self._session = None
        if cause.sip_status is not None:
            self.record.sip_status = cause.sip_status
        self._settle(cause)

    def _note_hold(self, audio: NegotiatedAudio) -> None:
        held = audio.direction in ("recvonly", "inactive")
        if held == self.is_held or self.record.state not in ("answered", "held"):
            return
        self.record.state = "held" if held else "answered"
        self._publish_bounded("leg.held" if held else "leg.resumed", self)
        for listener in self._listeners:
            listener.hold_changed(self)

    def _connect(self, audio: NegotiatedAudio, *, relearn: bool = False) -> None:
        self.audio = audio
        self._media.note(audio, self.record)
        self._media.describe(audio, relearn=relearn)

    # -- what the media worker reports ------------------------------------------------------

    def on_media(self, event: media_events.Event) -> None:
        """Handle one event of this leg's media endpoint."""
        self._media_reports.handle(event)

    def on_media_lost(self, reason: str) -> None:
        """The media worker of this leg died: the leg ends."""
        self._media.abandon()
        cause = HangupCause("failed", reason, is_ours=True)
        self.hang_up(cause, WORKER_DIED)
