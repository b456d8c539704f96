"""What the calling and the called side of an INVITE session share.

That is the exchanges within the dialog and the end of the session. The calling side is in `uac`,
the called side in `uas`, sending re-INVITEs in `reinvite`, what peers send in `in_dialog`.
"""

from __future__ import annotations

from typing import Any, Literal
from weakref import proxy

from ..auth.authorization import Authorization
from ..auth.digest import Credentials
from ..errors import NegotiationFailed, ParseError, SipError
from ..events import Cause, Ended, Event, MediaChanged, ReferralEnded
from ..hop import Hop
from ..message.message import Message, Request, response_to
from ..message.reason import reason_text, status_reason
from ..saved import SavedSession
from ..sdp.offer_answer import LocalAudio, NegotiatedAudio, OfferAnswer
from ..transaction.server import ServerTransaction
from ..transaction.transaction import FailureCause
from .answer_2xx import Answer2xx
from .bye import Bye
from .context import UserAgentContext
from .dialog import Dialog
from .extensions.info import Info
from .extensions.sent_refer import SentReferral
from .extensions.session_timer import SessionTimer
from .extensions.update import UpdateRefresh
from .in_dialog import SDP, answer_in_dialog, answer_request, contact_of
from .reinvite import Reinvite
from .save_restore import save_dialog, storable_text

State = Literal[
    "calling",
    "proceeding",
    "early",
    "incoming",
    "accepted",
    "confirmed",
    "terminating",
    "terminated",
]


class Session:
    """One INVITE session (RFC 3261 section 13). Its events are for its `owner`."""

    __slots__ = (
        "__weakref__",
        "_accepted",
        "_cause",
        "_owner",
        "_referral",
        "_reinvite",
        "_reported",
        "_wanted_audio",
        "account",
        "authorization",
        "call_id",
        "context",
        "dialog",
        "local_audio",
        "local_tag",
        "media",
        "peer_takes_update",
        "state",
        "timer",
        "was_referred",
    )

    def __init__(
        self,
        context: UserAgentContext,
        call_id: str,
        local_tag: str,
        state: State,
        authorization: Authorization,
        account: str = "",
        expires_s: int = 0,
    ) -> None:
        self.context = context
        self.account = account
        self.call_id = call_id
        self.local_tag = local_tag
        self.state: State = state
        self.authorization = authorization
        self._owner: object | None = None
        self.dialog: Dialog | None = None
        self.media = OfferAnswer(context.rng.getrandbits(62), context.on_read_past)
        self.local_audio: LocalAudio | None = None
        self._accepted: Answer2xx | None = None
        self._reinvite: Reinvite | None = None
        self._wanted_audio: LocalAudio | None = None
        self._referral: SentReferral | None = None
        self._cause = Cause(None, "", "local")
        self._reported = False
        self.was_referred = False
        """Whether the peer has sent a REFER before."""
        self.peer_takes_update = False
        """Whether the peer's Allow has UPDATE."""
        # Without a reference back, so that a session that is over is freed at once.
        self.timer = SessionTimer(context.timers, expires_s, proxy(self))
        context.add_session(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.call_id} {self.state}>"

    @property
    def owner(self) -> object | None:
        """See DialogUsage."""
        return self._owner

    def hand_to(self, owner: object | None) -> None:
        """See DialogUsage."""
        self._owner = owner

    @property
    def remote_tag(self) -> str | None:
        """The tag of the peer; None as long as there is no dialog."""
        return self.dialog.remote_tag if self.dialog is not None else None

    @property
    def peer_hop(self) -> Hop:
        """The transport address of the peer, whatever its Contact says."""
        return self.in_dialog.fallback_hop

    @property
    def in_dialog(self) -> Dialog:
        """The dialog. Raises SipError if there is none yet."""
        if self.dialog is None:
            raise SipError(f"the session is {self.state} and has no dialog")
        return self.dialog

    owns_call_id = False
    """Whether we made the Call-ID, which decides the delay after glare (RFC 3261 14.1)."""

    @property
    def dialog_count(self) -> int:
        """The number of dialogs of this session, early ones included."""
        return 0 if self.dialog is None else 1

    def has_dialog(self, remote_tag: str) -> bool:
        """Whether requests with this From tag belong to the session."""
        return self.dialog is not None and self.dialog.remote_tag == remote_tag

    def objection_to_replace(self, *, early_only: bool) -> int | None:
        """With what to refuse an INVITE that would replace this session (RFC 3891 section 3).

        None where it may be replaced: it is up, or it is a call of ours that rings.
        """
        if self.state == "confirmed":
            return 486 if early_only else None
        if self.state in ("terminating", "terminated"):
            return 603
        if self.state == "accepted":
            return 491
        return None if self.owns_call_id else 481

    # -- what the owner asks for

    def use_credentials(self, credentials: Credentials | None, account: str = "") -> None:
        """Set the credentials for later challenges of the peer, on either side of the call.

        `account` is the owner's name for them, which `save` keeps.
        """
        self.authorization = Authorization(credentials, self.context.rng)
        self.account = account

    def hangup(self, now: float, *, reason: str | None = None) -> None:
        """End the session by CANCEL, BYE or a final response. Idempotent.

        `reason` is the value of the Reason header of the CANCEL or BYE (RFC 3326).
        """
        if self.state == "confirmed":
            self.end(Cause(None, "hung up", "local"), now, reason=reason)
        elif self.state not in ("terminating", "terminated"):
            self._give_up(now, reason)

    def _give_up(self, now: float, reason: str | None) -> None:
        """Hang up before the session is confirmed."""
        raise NotImplementedError

    def reinvite(self, audio: LocalAudio, now: float) -> None:
        """Offer new audio, now or after the offer/answer exchange in progress.

        The result is MediaChanged, MediaRefused or the end of the session. Raises SipError if the
        session is not confirmed.
        """
        if self.state != "confirmed":
            raise SipError(f"the session is {self.state}, not confirmed")
        self._wanted_audio = audio
        self._next_reinvite(now)

    def send_info(self, content_type: str, body: bytes, now: float) -> None:
        """Send an INFO. Raises SipError if the session is not confirmed."""
        if self.state != "confirmed":
            raise SipError(f"the session is {self.state}, not confirmed")
        Info(self, content_type, body, now)

    def refer(self, refer_to: str, deadline_s: float, now: float) -> None:
        """Ask the peer to call `refer_to`, a URI, in our place (RFC 3515).

        `ReferralEnded` follows within `deadline_s`, unless the session ends. Raises SipError if
        the session is not confirmed, or waits for the outcome of another REFER.
        """
        if self.state != "confirmed" or self._referral is not None:
            raise SipError(f"the session is {self.state}, or a REFER is under way")
        self._referral = SentReferral(self, refer_to, deadline_s, now)

    def referral_ended(self, event: ReferralEnded) -> None:
        """See ReferringSession."""
        self._referral = None
        self.context.emit(event)

    def notified(self, notify: Request) -> bool:
        """Take a NOTIFY. False where it is not about a REFER of ours."""
        return self._referral is not None and self._referral.notified(notify)

    def _next_reinvite(self, now: float) -> None:
        if self._wanted_audio is None or self.state != "confirmed":
            return
        if self._reinvite is None and self._accepted is None:
            audio, self._wanted_audio = self._wanted_audio, None
            self._reinvite = Reinvite(self, audio, now)

    def refresh(self, now: float) -> None:
        """Refresh the session by UPDATE, or where the peer takes none by re-INVITE (RFC 4028)."""
        if self.state != "confirmed" or self._reinvite is not None or self._accepted is not None:
            # Another exchange is under way. Where it refreshes the session, the timer starts again.
            self.timer.retry(self.context.values.t2_s, now)
        elif self.peer_takes_update:
            UpdateRefresh(self, now)
        else:
            self._reinvite = Reinvite(self, None, now)

    def update_refused(self, now: float) -> None:
        """The peer takes no UPDATE after all: refresh by re-INVITE."""
        self.peer_takes_update = False
        self.refresh(now)

    def expire(self, now: float) -> None:
        """End the session, because the peer has not refreshed it (RFC 4028 section 10)."""
        if self.state == "confirmed":
            reason = status_reason(408, "Session timer expired")
            self._report(Ended(self, Cause(408, "session timer expired", "timeout")))
            self.end(self._cause, now, reason=reason)

    # -- what re-INVITEs ask and report

    @property
    def is_offering(self) -> bool:
        """Whether our offer waits for its answer. False while a retry after glare waits."""
        return self._reinvite is not None and self._reinvite.offering

    @property
    def is_answering(self) -> bool:
        """Whether our 2xx waits for its ACK."""
        return self._accepted is not None

    def reinvite_done(self, event: Event | None, now: float) -> None:
        """Report the result of our re-INVITE and start the next one, if any."""
        self._reinvite = None
        if event is not None and self.state == "confirmed":
            self.context.emit(event)
        self._next_reinvite(now)

    # -- what is kept

    def save(self) -> SavedSession | None:
        """Return what a later process needs to end the session in the place of this one.

        None if it would have nothing to end.
        """
        dialog = self.dialog
        return None if dialog is None else self._saved(dialog=save_dialog(dialog))

    def _saved(self, **members: Any) -> SavedSession:
        return SavedSession(
            call_id=storable_text(self.call_id),
            local_tag=self.local_tag,
            is_ours=self.owns_call_id,
            account=self.account,
            **members,
        )

    def changed(self) -> None:
        """Something that `save` returns has changed."""
        self.context.saves.changed(self)

    # -- ends

    def end(self, cause: Cause, now: float, *, reason: str | None = None) -> None:
        """Send BYE. `Ended` follows when it is answered or times out."""
        self.state = "terminating"
        self._cause = cause
        self._stop_exchanges(now)
        Bye(
            self.context,
            self.in_dialog,
            self.authorization,
            reason=reason,
            on_sent=self.changed,
            on_done=self._bye_done,
            now=now,
        )

    def fail(self, cause: Cause, now: float) -> None:
        """End a session that cannot continue.

        `Ended` is emitted now, because an unreachable peer does not answer the BYE.
        """
        self._report(Ended(self, cause))
        reason = None if cause.status is None else status_reason(cause.status)
        self.end(cause, now, reason=reason)

    def _report(self, event: Event) -> None:
        """Emit the event that ends the session, but only once."""
        if not self._reported:
            self._reported = True
            self.context.emit(event)

    def _bye_done(self, now: float) -> None:
        self.finish(self.ending(), now)

    def ending(self) -> Event | None:
        """Return the event that ends this session; None if it was emitted before."""
        return None if self._reported else Ended(self, self._cause)

    def finish(self, event: Event | None, now: float) -> None:
        """Remove the session and emit `event`. Idempotent."""
        if self.state == "terminated":
            return
        self.state = "terminated"
        self._stop_exchanges(now)
        self.context.forget_session(self)
        if event is not None:
            self.context.emit(event)

    def _stop_exchanges(self, now: float) -> None:
        self._wanted_audio = None
        self.timer.stop()
        if self._referral is not None:
            self._referral.stop()
            self._referral = None
        if self._accepted is not None:
            self._accepted.stop()
            self._accepted = None
        if self._reinvite is not None:
            reinvite, self._reinvite = self._reinvite, None
            reinvite.stop(now)

    # -- requests received within the dialog

    def request_received(self, transaction: ServerTransaction, now: float) -> None:
        """Answer a request within the dialog (RFC 3261 section 12.2.2)."""
        answer_request(self, transaction, self.dialog_for(transaction.request), now)

    def dialog_for(self, request: Request) -> Dialog | None:
        """Return the dialog of a request; None if there is none."""
        return self.dialog

    def media_of(self, dialog: Dialog) -> OfferAnswer:
        """The offers and answers of a dialog of the session."""
        return self.media

    def note_peer(self, message: Message) -> None:
        """Note what the peer allows, as its Allow says."""
        try:
            allowed = message.get_list("Allow")
        except ParseError:
            return
        if allowed:
            self.peer_takes_update = "UPDATE" in allowed

    def refresh_target(self, dialog: Dialog, request: Request) -> None:
        """Take the Contact of a target refresh request (RFC 3261 section 12.2.2)."""
        dialog.refresh(request)
        self.changed()

    def prack_received(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        """Answer a PRACK: 481, as no reliable provisional response waits for one (RFC 3262)."""
        answer_in_dialog(self.context, transaction, 481, now)

    def bye_received(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        """Answer a BYE and end the session."""
        answer_in_dialog(self.context, transaction, 200, now)
        if self.state == "terminating" and self.dialog is not None:
            # Both sides sent BYE. The cause of our own hangup is reported.
            self.finish(self.ending(), now)
        else:
            reason = reason_text(transaction.request)
            self.ended_by_peer(Cause(None, "BYE received", "remote", reason), dialog, now)

    def ended_by_peer(self, cause: Cause, dialog: Dialog, now: float) -> None:
        """End the session after the BYE of the peer was answered."""
        self.finish(Ended(self, cause), now)

    # -- our 2xx to an INVITE, and its ACK

    def answer_invite(
        self, transaction: ServerTransaction, body: bytes, offer_sent: bool, now: float
    ) -> None:
        """Answer an INVITE with 200, until its ACK comes.

        `body` is our description, and an offer if `offer_sent`.
        """
        fields = [
            ("Server", self.context.product),
            contact_of(self.context, self.in_dialog),
            *self.context.capabilities,
            *self.timer.answer(transaction.request, now),
            *([SDP] if body else []),
        ]
        response = response_to(
            transaction.request, 200, to_tag=self.local_tag, headers=fields, body=body
        )
        transaction.user = self
        self._accepted = Answer2xx(
            self.context.timers,
            self.context.values,
            transaction,
            response,
            offer_sent=offer_sent,
            on_timeout=self._no_ack,
            now=now,
        )

    def ack_received(self, transaction: ServerTransaction | None, ack: Request, now: float) -> None:
        """Handle the ACK for our 2xx. Retransmissions are ignored."""
        accepted = self._accepted
        if accepted is None or ack.cseq.number != accepted.cseq:
            return
        accepted.stop()
        self._accepted = None
        audio: NegotiatedAudio | None = None
        if accepted.offer_sent:
            try:
                audio = self.media.receive_answer(ack.sdp)
            except (ParseError, NegotiationFailed) as error:
                self.no_agreement(error.reason, now)
                return
        self.acknowledged(audio, now)

    def acknowledged(self, audio: NegotiatedAudio | None, now: float) -> None:
        """Continue after the ACK for our 2xx. `audio` is set if the ACK carried the answer."""
        if audio is not None:
            self.context.emit(MediaChanged(self, audio))
        self._next_reinvite(now)

    def no_agreement(self, reason: str, now: float) -> None:
        """End the session, because the answer in the ACK allows no audio."""
        self.fail(Cause(488, reason, "local"), now)

    def _no_ack(self, now: float) -> None:
        self._accepted = None
        self.fail(Cause(408, "no ACK", "timeout"), now)

    def response_failed(
        self, transaction: ServerTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ServerUser. Nothing to do: the timers of the session end it."""
