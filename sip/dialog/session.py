"""What the calling and the called side of an INVITE session share.

That is the requests within the dialog and the end of the session. The calling side is in `uac`,
the called side in `uas`, sending re-INVITEs in `reinvite`.
"""

from __future__ import annotations

from typing import Any, Literal

from ..auth.authorization import Authorization
from ..auth.digest import Credentials
from ..errors import NegotiationFailed, SipError
from ..events import Cause, Ended, Event, InfoDigit, MediaChanged
from ..message.body import unsupported_body
from ..message.headers import warning
from ..message.info_dtmf import answer_info
from ..message.message import Fields, Request, response_to
from ..saved import SavedSession
from ..sdp.offer_answer import LocalAudio, NegotiatedAudio, OfferAnswer
from ..transaction.server import ServerTransaction
from ..transaction.transaction import FailureCause
from .answer_2xx import Answer2xx
from .bye import Bye
from .context import UserAgentContext
from .dialog import Dialog
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

SDP = ("Content-Type", "application/sdp")


class Session:
    """One INVITE session (RFC 3261 section 13). The owner may store any object in `tag`."""

    __slots__ = (
        "_accepted",
        "_cause",
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
        "state",
        "tag",
    )

    def __init__(
        self,
        context: UserAgentContext,
        call_id: str,
        local_tag: str,
        state: State,
        authorization: Authorization,
        account: str = "",
    ) -> None:
        self.context = context
        self.account = account
        self.call_id = call_id
        self.local_tag = local_tag
        self.state: State = state
        self.authorization = authorization
        self.tag: object | None = None
        self.dialog: Dialog | None = None
        self.media = OfferAnswer(context.rng.getrandbits(62), context.counters.add_read_past)
        self.local_audio: LocalAudio | None = None
        self._accepted: Answer2xx | None = None
        self._reinvite: Reinvite | None = None
        self._wanted_audio: LocalAudio | None = None
        self._cause = Cause(None, "", "local")
        self._reported = False
        context.add_session(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.call_id} {self.state}>"

    @property
    def remote_tag(self) -> str | None:
        """The tag of the peer; None as long as there is no dialog."""
        return self.dialog.remote_tag if self.dialog is not None else None

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

    def _next_reinvite(self, now: float) -> None:
        if self._wanted_audio is None or self.state != "confirmed":
            return
        if self._reinvite is None and self._accepted is None:
            audio, self._wanted_audio = self._wanted_audio, None
            self._reinvite = Reinvite(self, audio, now)

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
        self.end(cause, now)

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
        if self._accepted is not None:
            self._accepted.stop()
            self._accepted = None
        if self._reinvite is not None:
            reinvite, self._reinvite = self._reinvite, None
            reinvite.stop(now)

    # -- requests received within the dialog

    def request_received(self, transaction: ServerTransaction, now: float) -> None:
        """Answer a request within the dialog (RFC 3261 section 12.2.2)."""
        request = transaction.request
        dialog = self.dialog_for(request)
        if dialog is None:
            self.context.counters.unknown_dialog += 1
            self.answer_in_dialog(transaction, 481, now)
            return
        if request.method in ("INVITE", "UPDATE"):
            # Read it first: a malformed Contact must raise before anything changes.
            _ = request.contact
        if not dialog.in_order(request):
            self.answer_in_dialog(transaction, 500, now, phrase="CSeq out of order")
            return
        handler = _HANDLERS.get(request.method)
        if handler is None:
            # Only PRACK gets here, and it never matches (RFC 3262). Unknown methods got 405 before.
            self.answer_in_dialog(transaction, 481, now)
        else:
            handler(self, transaction, dialog, now)

    def dialog_for(self, request: Request) -> Dialog | None:
        """Return the dialog of a request; None if there is none."""
        return self.dialog

    def answer_in_dialog(
        self,
        transaction: ServerTransaction,
        status: int,
        now: float,
        *,
        phrase: str | None = None,
        headers: Fields | None = None,
        body: bytes = b"",
    ) -> None:
        """Respond within the dialog."""
        fields = [("Server", self.context.product), *(headers or ())]
        response = response_to(transaction.request, status, phrase, headers=fields, body=body)
        transaction.respond(response, now)

    def _bye(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        self.answer_in_dialog(transaction, 200, now)
        if self.state == "terminating" and self.dialog is not None:
            # Both sides sent BYE. The cause of our own hangup is reported.
            self.finish(self.ending(), now)
        else:
            reason = transaction.request.get("Reason")
            self.ended_by_peer(Cause(None, "BYE received", "remote", reason), dialog, now)

    def ended_by_peer(self, cause: Cause, dialog: Dialog, now: float) -> None:
        """End the session after the BYE of the peer was answered."""
        self.finish(Ended(self, cause), now)

    def _options(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        self.answer_in_dialog(transaction, 200, now, headers=self.context.all_capabilities)

    def _info(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        """INFO (RFC 6086): DTMF, or an empty keep-alive."""
        status, fields, pressed = answer_info(transaction.request)
        self.answer_in_dialog(transaction, status, now, headers=fields)
        if pressed is not None:
            self.context.emit(InfoDigit(self, *pressed))

    def _update(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        """Answer an UPDATE (RFC 3311 section 5.2)."""
        request = transaction.request
        if not request.body:
            self._refresh(dialog, request)
            self.answer_in_dialog(transaction, 200, now, headers=[self._contact(dialog)])
        elif self.media.offer_pending:
            # Our offer in a re-INVITE, a 2xx or the first INVITE has no answer yet.
            self.answer_in_dialog(transaction, 491, now)
        elif self.state != "confirmed" or self._accepted is not None or self.local_audio is None:
            retry = str(self.context.rng.randint(0, 10))
            self.answer_in_dialog(transaction, 500, now, headers=[("Retry-After", retry)])
        else:
            self._answer_offer(transaction, dialog, now)

    def _reinvited(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        """Answer a re-INVITE (RFC 3261 section 14.2)."""
        if self.state != "confirmed":
            retry = str(self.context.rng.randint(0, 10))
            self.answer_in_dialog(transaction, 500, now, headers=[("Retry-After", retry)])
        elif self.is_offering or self._accepted is not None or self.local_audio is None:
            self.answer_in_dialog(transaction, 491, now)
        elif transaction.request.body:
            self._answer_offer(transaction, dialog, now)
        else:
            self._refresh(dialog, transaction.request)
            self._accept(transaction, self.media.make_offer(self.local_audio), True, now)

    def _answer_offer(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        request = transaction.request
        assert self.local_audio is not None
        supported = unsupported_body(request)
        if supported is not None:
            self.answer_in_dialog(transaction, 415, now, headers=supported)
            return
        try:
            answer, audio = self.media.receive_offer(request.body, self.local_audio)
        except NegotiationFailed as error:
            self.answer_in_dialog(transaction, 488, now, headers=[warning(error.reason)])
            return
        self._refresh(dialog, request)
        if request.method == "INVITE":
            self._accept(transaction, answer, False, now)
        else:
            fields = [self._contact(dialog), SDP]
            self.answer_in_dialog(transaction, 200, now, headers=fields, body=answer)
        self.context.emit(MediaChanged(self, audio))

    # -- our 2xx to an INVITE, and its ACK

    def _accept(
        self, transaction: ServerTransaction, body: bytes, offer_sent: bool, now: float
    ) -> None:
        fields = [
            ("Server", self.context.product),
            self._contact(self.in_dialog),
            *self.context.capabilities,
            SDP,
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
                audio = self.media.receive_answer(ack.body)
            except NegotiationFailed as error:
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

    # -- helpers

    def _refresh(self, dialog: Dialog, request: Request) -> None:
        dialog.refresh(request)
        self.changed()

    def _contact(self, dialog: Dialog) -> tuple[str, str]:
        return ("Contact", self.context.contact(dialog.hop))


_HANDLERS = {
    "BYE": Session._bye,
    "OPTIONS": Session._options,
    "INFO": Session._info,
    "UPDATE": Session._update,
    "INVITE": Session._reinvited,
}
